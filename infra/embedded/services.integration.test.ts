import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@clickhouse/client";
import KafkaClient from "@confluentinc/kafka-javascript";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { identify } from "./os-process.ts";
import { type Services, startServices } from "./services.ts";

const TOPIC = "kept";

let folder: string;
let lines: string[];
let running: Services[];
let programs: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "services-"));
  [lines, running, programs] = [[], [], []];
});
afterEach(async () => {
  for (const program of programs) program.kill("SIGKILL");
  for (const services of running) await services.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function start(): Promise<Services> {
  const log = (line: string) => void lines.push(line);
  const services = await startServices({ dataDir: folder, kafkaPort: 0, clickHousePort: 0, log });
  running.push(services);
  return services;
}

function producer(kafka: KafkaConnection) {
  const { Kafka } = KafkaClient.KafkaJS;
  const { username, password } = kafka.sasl!;
  const sasl = { mechanism: "plain", username, password } as const;
  const client = new Kafka({ kafkaJS: { brokers: [...kafka.brokers], sasl, logLevel: 0 } });
  return { admin: client.admin(), producer: client.producer({ kafkaJS: { acks: -1 } }) };
}

async function send(kafka: KafkaConnection, count: number): Promise<void> {
  const client = producer(kafka);
  await client.admin.connect();
  await client.admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor: 1 }] });
  await client.admin.disconnect();
  await client.producer.connect();
  const messages = Array.from({ length: count }, (_, index) => ({ value: String(index) }));
  await client.producer.send({ topic: TOPIC, messages });
  await client.producer.disconnect();
}

async function sent(kafka: KafkaConnection): Promise<number> {
  const { admin } = producer(kafka);
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(TOPIC);
  await admin.disconnect();
  return Number(partition?.high);
}

async function insert(connection: ClickHouseConnection, count: number): Promise<void> {
  const client = createClient(connection);
  await client.command({ query: "CREATE TABLE IF NOT EXISTS kept (n UInt32) ENGINE = MergeTree ORDER BY n" });
  await client.command({ query: `INSERT INTO kept SELECT number FROM numbers(${count})` });
  await client.close();
}

async function rows(connection: ClickHouseConnection): Promise<number> {
  const client = createClient(connection);
  const answer = await client.query({ query: "SELECT count() AS n FROM kept", format: "JSONEachRow" });
  const [row] = await answer.json<{ n: string }>();
  await client.close();
  return Number(row?.n);
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}; log: ${lines.join(" | ")}`);
    await sleep(20);
  }
}

/** Runs the services in a program of their own, as `npm start` does, and reads what it says. */
async function startInProgram(): Promise<{
  program: ChildProcess;
  services: Omit<Services, "stop" | "pids">;
  pids: number[];
}> {
  const script = `
    import { startServices } from ${JSON.stringify(join(import.meta.dirname, "services.ts"))};
    const s = await startServices({ dataDir: process.argv[1], kafkaPort: 0, clickHousePort: 0, log: console.error });
    console.log(JSON.stringify({ services: s, pids: Object.values(s.pids()) }));
    setInterval(() => {}, 1000);`;
  const args = ["--input-type=module-typescript", "--eval", script, folder];
  const program = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  programs.push(program);
  const [line] = (await once(createInterface(program.stdout!), "line")) as [string];
  return { program, ...(JSON.parse(line) as { services: Services; pids: number[] }) };
}

describe("embedded services", () => {
  test("keep their data and their addresses over a restart", async () => {
    const first = await start();
    await send(first.kafka, 100);
    await insert(first.clickHouse, 100);
    await first.stop();
    expect(first.pids()).toEqual({});

    const second = await start();
    expect([second.kafka, second.clickHouse]).toEqual([first.kafka, first.clickHouse]);
    expect([await sent(second.kafka), await rows(second.clickHouse)]).toEqual([100, 100]);
  });

  test("that are killed come back by themselves at the same address, with their data", async () => {
    const services = await start();
    await send(services.kafka, 100);
    await insert(services.clickHouse, 100);
    const { kafka, clickHouse } = services.pids();
    process.kill(kafka!, "SIGKILL");
    process.kill(clickHouse!, "SIGKILL");
    await until("Kafka is back", () => lines.some((line) => line.startsWith("Kafka is back")));
    await until("ClickHouse is back", () => lines.some((line) => line.startsWith("ClickHouse is back")));

    expect(lines).toContain("Kafka was ended by SIGKILL; starting it again in 0.1 s");
    expect([await sent(services.kafka), await rows(services.clickHouse)]).toEqual([100, 100]);
  });

  test("die with a program that is killed, and the next start has their data", async () => {
    const { program, services, pids } = await startInProgram();
    expect(pids).toHaveLength(2);
    await send(services.kafka, 100);
    await insert(services.clickHouse, 100);
    const gone = once(program, "exit");
    program.kill("SIGKILL");
    await gone; // on a busy machine its children are gone before it is
    await until("no orphan", () => pids.every((pid) => identify(pid) === undefined));

    const next = await start();
    expect([next.kafka, next.clickHouse]).toEqual([services.kafka, services.clickHouse]);
    expect([await sent(next.kafka), await rows(next.clickHouse)]).toEqual([100, 100]);
  });

  test("of a folder that a live program uses are refused, naming its pid", async () => {
    const { program } = await startInProgram();
    await expect(start()).rejects.toMatchObject({
      code: "DATA_FOLDER_IN_USE",
      message: expect.stringContaining(`pid ${program.pid}`),
    });
  });

  test("are not started for connections that are given", async () => {
    const given = {
      kafka: { brokers: ["kafka.example:9092"] },
      clickHouse: { url: "http://clickhouse.example:8123", username: "u", password: "p", database: "d" },
    };
    const services = await startServices({ dataDir: folder, ...given, log: () => {} });
    running.push(services);
    expect(services).toMatchObject(given);
    expect(services.pids()).toEqual({});
  });
});
