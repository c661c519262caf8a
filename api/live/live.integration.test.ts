/** The live part on a real Kafka: what is committed shows, soon; a new process takes readers of the old one on. */
import { randomUUID } from "node:crypto";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { deleteTopics, ensureTopics } from "../../runtime/kafka/admin.ts";
import { FrameWriter } from "../../runtime/kafka/frames.ts";
import type { PartitionReader, TransactionalWriter } from "../../runtime/kafka/log.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { createTransactionalWriter } from "../../runtime/kafka/transactional-writer.ts";
import { Entrant, Race, Standing } from "../../schemas/index.ts";
import { type ApiApp, createApp } from "../server.ts";
import { EventReader } from "../testing/event-reader.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { silentLog } from "../testing/silent-log.ts";
import { type LiveTopic, TOPICS } from "./model.ts";

const BOARD = "/v1/races/sample/leaderboard/stream?at=10k";
const PREFIX = `live-${randomUUID()}-`;
const NAMES = TOPICS.map((topic) => PREFIX + topic);

const kafka = inject("kafka");
let writer: TransactionalWriter;
let api: ApiApp;
let url: string;

/** The reader of the program, with the topics of this test under their usual names. */
function openReader(): PartitionReader {
  const reader = createPartitionReader(kafka);
  const inside = <T extends { topic: string }>(one: T): T => ({ ...one, topic: PREFIX + one.topic });
  return {
    assign: (positions) => reader.assign(positions.map(inside)),
    pause: (partitions) => reader.pause(partitions.map(inside)),
    resume: (partitions) => reader.resume(partitions.map(inside)),
    poll: async (waitMs) =>
      (await reader.poll(waitMs)).map((polled) => ({ ...polled, topic: polled.topic.slice(PREFIX.length) })),
    offsets: (partitions) => reader.offsets(partitions.map(inside)),
    partitionCount: (topic) => reader.partitionCount(PREFIX + topic),
    close: () => reader.close(),
  };
}

async function commit(records: readonly (readonly [LiveTopic, Buffer])[]): Promise<void> {
  const frames = new FrameWriter();
  for (const [topic, value] of records) frames.write(TOPICS.indexOf(topic), 0, 0, "key", value);
  expect(await writer.commit(NAMES, frames.take())).toEqual({ kind: "committed" });
}

async function start(): Promise<void> {
  api = await createApp({ openReader, registry: new Registry(), log: silentLog() });
  url = await api.app.listen({ port: 0, host: "127.0.0.1" });
  await api.follower.ready;
}

beforeAll(async () => {
  await ensureTopics(
    kafka,
    NAMES.map((topic) => ({ topic, partitions: 2 })),
  );
  writer = createTransactionalWriter(kafka, { transactionalId: PREFIX });
  await writer.init();
  await commit([
    ["races", Race.encode(SAMPLE)],
    ["entrants", Entrant.encode(entrant("1"))],
    ["standings", Standing.encode(standing("1", "10k", 2500))],
  ]);
});

afterEach(async () => {
  await api.app.close();
});

afterAll(async () => {
  await writer.close();
  await deleteTopics(kafka, NAMES);
});

test("each commit reaches a reader by itself, and a new process goes on where the old one was", async () => {
  await start();
  const reader = new EventReader(url, BOARD);
  await expect.poll(() => reader.names).toBe("snapshot");
  for (let i = 0; i < 20; i++) {
    const before = reader.events.length;
    await commit([["standings", Standing.encode(standing(String(2 + i), "10k", 2400 - i))]]);
    await expect.poll(() => reader.events.length, { interval: 2, timeout: 60_000 }).toBeGreaterThan(before);
  }
  expect(reader.last).toMatchObject({ data: { passed: 21, order: expect.arrayContaining(["21"]) } });

  const lastId = reader.last!.id!;
  await api.app.close();
  await expect.poll(() => reader.last?.event).toBe("bye");
  await start();
  const again = new EventReader(url, BOARD, { "last-event-id": lastId });
  await expect.poll(() => again.status).toBe(200);
  await commit([["standings", Standing.encode(standing("99", "10k", 2000))]]);
  await expect.poll(() => again.names, { timeout: 60_000 }).toBe("change");
  await expect.poll(() => JSON.stringify(again.events), { timeout: 60_000 }).toContain('"99"');
  again.close();
});

test("a big field is read in seconds, and requests are answered meanwhile", async () => {
  const standings: (readonly [LiveTopic, Buffer])[] = [];
  for (let mat = 0; mat < 3; mat++) {
    for (let i = 0; i < 20_000; i++) {
      const one = standing(`F${i}`, SAMPLE.mats[mat]!.id, mat * 5000 + ((i * 7919) % 20_000) / 10);
      standings.push(["standings", Standing.encode(one)]);
    }
  }
  for (let i = 0; i < standings.length; i += 10_000) await commit(standings.slice(i, i + 10_000));
  const startMs = performance.now();
  const started = start();
  let slowestMs = 0;
  let done = false;
  void started.then(() => {
    done = true;
  });
  while (!done) {
    const askedMs = performance.now();
    await new Promise(setImmediate);
    slowestMs = Math.max(slowestMs, performance.now() - askedMs);
  }
  await started;
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`60 000 standings in ${seconds.toFixed(2)} s, longest turn ${slowestMs.toFixed(0)} ms`);
  const board = await fetch(`${url}/v1/races/sample/leaderboard?at=finish&limit=3`);
  expect(await board.json()).toMatchObject({ passed: 20_000 });
  expect(seconds).toBeLessThan(20);
});
