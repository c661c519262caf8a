/**
 * Hostile values through every door of the running product, while a race is on and runners wear devices: each topic that somebody
 * can write to, each route of the API's own description, arguments of the command line.
 *
 * What must hold: nothing stops; nobody else's result is another one; each hostile record is taken for what it is, or stands in the
 * dead letters with a reason, and `pace dead-letters` shows it; and so it is after a kill -9.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import { describeTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import {
  Entrant,
  PassingOutcome,
  Race,
  type Reading,
  ReadingWindow,
  TimingMessage,
  Upload,
} from "../../schemas/index.ts";
import { connections, Program } from "../acceptance/program.ts";
import { sql } from "../acceptance/standings-of.ts";
import { readLog } from "../chaos/log-reader.ts";
import { ALERT_TABLES, READING_TABLES, RESULT_TABLES } from "../clickhouse/tables.ts";
import { SINK_NAME } from "../platform/platform.ts";
import { HOSTILE_JSON, HOSTILE_TEXTS } from "./corpus.ts";
import { hostileInputs, hostileResults } from "./every-topic.ts";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);
const TIMEOUT_MS = 600_000;
const WAIT = { timeout: 180_000, interval: 1_000 };
const RACE: Race = {
  id: "held",
  name: "Held",
  date: "2024-05-05",
  timezone: "Europe/Vienna",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 10_000,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "finish", distanceM: 10_000 },
  ],
  overdueAfterMs: 1_800_000,
  dnfAfterMs: 7_200_000,
};
const RUNNERS = 30;
const WEARERS = 6;
const UPLOADS = 12;
/** Kafka itself refuses more than a megabyte; half of it, of many topics, is for topics.integration.test.ts. */
const BYTES_MAX = 100_000;

const dataDir = mkdtempSync(join(tmpdir(), "pacestream-doors-"));
let program: Program | undefined;
let producer: IdempotentProducer | undefined;

afterAll(async () => {
  await producer?.close().catch(() => undefined);
  if (program && !program.ended) await program.kill();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

interface Bad {
  readonly topic: string;
  readonly name: string;
  readonly bytes: Buffer;
}

interface Letter {
  readonly job: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** Of each topic all its hostile values, shuffled into one another. */
function hostileRecords(): Bad[] {
  const records = Object.entries({ ...hostileInputs(), ...hostileResults() }).map(([topic, values]) => {
    const small = values.filter(({ bytes }) => bytes.length <= BYTES_MAX);
    return small.map(({ name, bytes }) => ({ topic, name, bytes }));
  });
  const most = Math.max(...records.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => records.flatMap((of) => of[i] ?? [])).flat();
}

const passing = (bib: string, mat: string, timeMs: number) =>
  TimingMessage.encode({
    race: RACE.id,
    receivedMs: timeMs,
    read: { id: `${bib}-${mat}`, bib, mat, timeMs },
  });

const T0 = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

function upload(wearer: number, id: number): Upload {
  const readings: Reading[] = Array.from({ length: 10 }, (_, i) => ({
    tsMs: T0 + (id * 10 + i) * 1000,
    hr: 140 + wearer,
    lat: null,
    lon: null,
    distanceM: (id * 10 + i) * 3,
    steps: null,
    cadence: 170,
    altitudeM: null,
  }));
  const receivedMs = T0 + (id + 1) * 10_000;
  const participant = `held-${wearer}`;
  return { participant, event: "held", device: `d${wearer}`, id, sentMs: receivedMs, receivedMs, readings };
}

async function pace(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await run(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", join(ROOT, "infra/cli/pace.ts"), ...args],
      { timeout: 120_000, maxBuffer: 64 << 20 },
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** Every route with hostile values in its path, its query and its body. */
async function knockOnRoutes(api: string): Promise<void> {
  const { paths } = (await (await fetch(`${api}/docs/json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
  };
  const texts = HOSTILE_TEXTS.filter((text) => text !== "").map((text) => text.toWellFormed());
  let asked = 0;
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { parameters = [] }] of Object.entries(methods)) {
      for (let i = 0; i < 12; i++) {
        const text = texts[(asked * 7 + i) % texts.length]!;
        const at = path.replace(/\{\w+\}/g, () => encodeURIComponent(text));
        const query = parameters
          .filter((one) => one.in === "query")
          .map(({ name }, n) => `${name}=${encodeURIComponent(texts[(asked + i * 3 + n) % texts.length]!)}`);
        const answer = await fetch(
          `${api}${at}${i % 2 === 0 && query.length > 0 ? `?${query.join("&")}` : ""}`,
          {
            method: method.toUpperCase(),
            signal: AbortSignal.timeout(30_000),
            ...(method === "post" && {
              body: HOSTILE_JSON[(asked + i) % HOSTILE_JSON.length]!,
              headers: { "content-type": "application/json" },
            }),
          },
        );
        expect(answer.status, `${method} ${at}`).toBeLessThan(500);
        await answer.body?.cancel();
        asked++;
      }
    }
  }
  expect(asked).toBeGreaterThan(100);
}

async function knockOnCommands(): Promise<void> {
  const of = ["--data", dataDir];
  const asked = [
    ["correct", "disqualify", RACE.id, "no such bib\u001b[2J", "--reason", "x", ...of],
    ["correct", "add", RACE.id, "1", "--mat", "finish", "--time", "1e300", "--reason", "x", ...of],
    ["correct", "add", "no such race", "1", "--mat", "finish", "--time", "25:61:61", "--reason", "x", ...of],
    ["submit", "../../../etc/passwd", ...of],
    ["submit", "jobs/marathon-leaderboard.ts", "--parallelism", "1e999", ...of],
    ["cancel", "no such job\u001b]0;title\u0007", ...of],
    ["sql", "DROP TABLE standings_log", ...of],
    ["sql", "INSERT INTO standings_log SELECT * FROM standings_log", ...of],
    ["dead-letters", "no such job", ...of],
    ["device", "inspect", "/dev/zero"],
  ];
  for (const args of asked) {
    const { code, stdout, stderr } = await pace(...args);
    expect(code, `${args.join(" ")}\n${stdout}\n${stderr}`).toBeGreaterThan(0);
    expect(stdout + stderr, args.join(" ")).not.toMatch(/for a reason it does not know|\n\s+at /);
    expect(stdout + stderr, args.join(" ")).not.toContain("\u001b");
  }
}

it("hostile values at every door, during a race: nothing stops, nothing is lost, each is told with its reason", {
  timeout: TIMEOUT_MS,
}, async () => {
  const bad = hostileRecords();
  expect(bad.length).toBeGreaterThan(2_000);
  program = new Program(["--no-replay", "--data", dataDir, "--port", "0"]);
  await program.line((line) => line.includes("is ready"));
  const { kafka, clickHouse, api } = connections(dataDir);
  producer = await createProducer(kafka, { clientId: "doors" });
  const counts = await describeTopics(kafka, [...new Set(bad.map(({ topic }) => topic))]);
  const send = (topic: string, key: string, value: Buffer) =>
    producer!.send(topic, partitionOf(key, counts.get(topic)!), key, value, Date.now());

  await send("races", RACE.id, Race.encode(RACE));
  const bibs = Array.from({ length: RUNNERS }, (_, i) => String(i + 1));
  for (const bib of bibs)
    await send(
      "entrants",
      `${RACE.id}/${bib}`,
      Entrant.encode({ race: RACE.id, bib, gender: "F", division: "30", country: "" }),
    );
  await producer.flush();

  // Good and bad in turns: after each good record some twenty bad ones, until there are none left.
  const good: (() => Promise<void> | void)[] = [
    ...RACE.mats.flatMap(({ id }, mat) =>
      bibs.map(
        (bib, i) => () =>
          send(
            "passings",
            `${RACE.id}/${bib}`,
            passing(bib, id, 36_100_000 + i * 1_000 + mat * (2_400_000 + i * 1_000)),
          ),
      ),
    ),
    ...Array.from({ length: UPLOADS * WEARERS }, (_, i) => () => {
      const one = upload(i % WEARERS, Math.floor(i / WEARERS));
      return send("uploads", one.participant, Upload.encode(one));
    }),
  ];
  const each = Math.ceil(bad.length / good.length);
  const routes = knockOnRoutes(api).catch((error: Error) => error);
  for (const [i, sendGood] of good.entries()) {
    await sendGood();
    for (const { topic, name, bytes } of bad.slice(i * each, (i + 1) * each))
      await send(topic, `hostile ${name}`.slice(0, 100).toWellFormed(), bytes);
    await producer.flush();
  }
  expect(await routes).toBeUndefined();
  await knockOnCommands();

  const outcomes = async () =>
    new Map(
      (await readLog(kafka, "passing-outcomes")).flatMap(({ key, value }) => {
        if (value === null || key?.toString().startsWith("hostile")) return [];
        const outcome = PassingOutcome.decode(value);
        return outcome.race === RACE.id ? [[outcome.id, outcome] as const] : [];
      }),
    );
  const windows = async () =>
    new Map(
      (await readLog(kafka, "reading-windows")).flatMap(({ key, value }) => {
        if (value === null || key?.toString().startsWith("hostile")) return [];
        const window = ReadingWindow.decode(value);
        return window.size === "10s" && window.participant.startsWith("held-")
          ? [[`${window.participant} ${window.startMs}`, window] as const]
          : [];
      }),
    );
  const expectUnharmed = async () => {
    await expect.poll(async () => (await outcomes()).size, WAIT).toBe(RUNNERS * RACE.mats.length);
    for (const { bib, mat, fate } of (await outcomes()).values())
      expect(fate, `${bib} ${mat}`).toBe("counted");
    await expect.poll(async () => (await windows()).size, WAIT).toBe(WEARERS * UPLOADS);
    for (const { participant, readings, hrMean } of (await windows()).values())
      expect([readings, hrMean], participant).toEqual([10, 140 + Number(participant.at(-1))]);
    const places = async () =>
      sql<{ bib: string; place: number }>(
        clickHouse,
        "SELECT bib, place FROM standings WHERE race = {race: String} AND mat = 'finish' ORDER BY place",
        { race: RACE.id },
      );
    await expect.poll(async () => (await places()).length, WAIT).toBe(RUNNERS);
    await expect.poll(async () => (await places()).map(({ bib }) => bib), WAIT).toEqual(bibs);
  };
  await expectUnharmed();

  // Each record of a result stands in its table, or in the dead letters of the sink.
  const letters = async () => {
    const { stdout } = await pace("dead-letters", "--json", "--limit", "100000", "--data", dataDir);
    return JSON.parse(stdout) as Letter[];
  };
  const missing = async () => {
    // A job may set apart what the sink keeps: raw uploads stand in their table whatever the jobs make of them.
    const bySink = (await letters()).filter(({ job }) => job === SINK_NAME);
    const apart = new Set(bySink.map((it) => `${it.topic}/${it.partition}/${it.offset}`));
    const lost: string[] = [];
    for (const { topic, table } of [...RESULT_TABLES, ...READING_TABLES, ...ALERT_TABLES]) {
      const rows = await sql<{ place: string }>(
        clickHouse,
        `SELECT concat(toString(kafka_partition), '/', toString(kafka_offset)) AS place FROM ${table}`,
      );
      const inTable = new Set(rows.map(({ place }) => `${topic}/${place}`));
      for (const { partition, offset, value } of await readLog(kafka, topic)) {
        const place = `${topic}/${partition}/${offset}`;
        if (value !== null && !inTable.has(place) && !apart.has(place)) lost.push(place);
        if (inTable.has(place) && apart.has(place)) lost.push(`${place} twice`);
      }
    }
    return lost;
  };
  await expect.poll(missing, WAIT).toEqual([]);

  // Nobody's good record was set apart, and each letter has a reason.
  const told = await letters();
  expect(told.length).toBeGreaterThan(200);
  for (const { topic, partition, offset, reason } of told)
    expect(reason.length, `${topic}/${partition}/${offset}`).toBeGreaterThan(3);

  const isWell = async () => {
    const answer = await fetch(`${api}/readyz`);
    return [answer.status, ((await answer.json()) as { reasons: string[] }).reasons];
  };
  await expect.poll(isWell, WAIT).toEqual([200, []]);
  const jobs = JSON.parse((await pace("jobs", "--json", "--data", dataDir)).stdout) as {
    name: string;
    state: string;
  }[];
  expect(jobs.map(({ state }) => state)).toEqual(["running", "running", "running"]);

  await producer.close();
  await program.kill();
  program = new Program(["--no-replay", "--data", dataDir, "--port", "0"]);
  await program.line((line) => line.includes("is ready"));
  producer = await createProducer(connections(dataDir).kafka, { clientId: "doors" });
  await send("passings", `${RACE.id}/1`, passing("1", "finish", 38_600_000));
  await producer.flush();
  await expectUnharmed();
});
