/**
 * The job on a real Kafka, in processes that are killed, and the sink into a real ClickHouse: what stands there has to be what the
 * job says in memory, where nothing goes wrong. Each transition of each alert is one row.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { applyMigrations } from "../infra/clickhouse/migrate.ts";
import { ALERT_TABLES } from "../infra/clickhouse/tables.ts";
import { NodeProcesses } from "../runtime/cluster/node.fixture.ts";
import { deadLetterTopic } from "../runtime/graph/topics.ts";
import { hours, minutes } from "../runtime/index.ts";
import { committedOffsets, endOffsets, ensureTopics } from "../runtime/kafka/admin.ts";
import { partitionOf } from "../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../runtime/kafka/producer.ts";
import { startClickHouseSink } from "../runtime/sinks/clickhouse/index.ts";
import { JobHarness } from "../runtime/testing/index.ts";
import { Alert, AlertAcknowledgement, HealthRules, Upload } from "../schemas/index.ts";
import healthAlerts from "./health-alerts.ts";
import { DEFAULT_RULES } from "./lib/health/default-rules.ts";
import { readings, T0, uploads } from "./lib/health/example-uploads.ts";
import { PREFIX } from "./lib/health/testing/prefixed-job.ts";

const kafka = inject("kafka");
const clickHouse = { ...inject("clickHouse"), database: `alerts_${randomUUID().slice(0, 8)}` };
const JOB_MODULE = join(import.meta.dirname, "lib/health/testing/prefixed-job.ts");
const JOB = `${PREFIX}health-alerts`;
const PARTITIONS = 4;
const PEOPLE = 30;
const LIMIT_MS = 300_000;

const RULES: HealthRules = { ...DEFAULT_RULES, event: "example", hrLimit: 170, lostAfterMs: hours(1) };
const nodes = new NodeProcesses(kafka, `${JOB}.jobs`);
let client: ClickHouseClient;
let producer: IdempotentProducer;

beforeAll(async () => {
  await applyMigrations(clickHouse);
  client = createClient(clickHouse);
  producer = await createProducer(kafka, { clientId: "test" });
});

afterAll(async () => {
  nodes.killAll();
  await producer.close();
  await client.command({ query: `DROP DATABASE ${clickHouse.database}` });
  await client.close();
});

/** Too fast from second 100 to 500; of some the sensor is stuck as well, later. */
const person = (n: number): Upload[] =>
  uploads(
    readings(0, 800, (second) => ({
      ...(second >= 100 && second < 500 ? { hr: 176 + (second % 5) } : {}),
      ...(n % 5 === 0 && second >= 600 && second < 720 ? { hr: 121 } : {}),
    })),
    10,
    { participant: `example/${n}` },
  );
const people = Array.from({ length: PEOPLE }, (_, n) => person(n));

/** Taken on before it is raised; by nobody, so that it is escalated; once it is known. */
const early = people.filter((_, n) => n % 3 === 0);
const seen = people.filter((_, n) => n % 3 === 2);
const acknowledgementOf = ([upload]: readonly Upload[]): AlertAcknowledgement => ({
  id: `${upload!.participant}/high_heart_rate/${T0 + 100_000}`,
  participant: upload!.participant,
  by: "medic-1",
  atMs: T0 + minutes(4),
  note: "at km 2",
});
/** Raised, not yet escalated. */
const FIRST = 23;

/** What the job says in memory. */
function oracle(): Alert[] {
  const harness = new JobHarness(healthAlerts, { partitions: PARTITIONS, nowMs: T0 });
  const acknowledge = (all: readonly Upload[][]) => {
    for (const each of all.map(acknowledgementOf))
      harness.send("alert-acknowledgements", AlertAcknowledgement, each.participant, each);
  };
  const upload = (from: number, until?: number) => {
    for (const each of people.flatMap((all) => all.slice(from, until)))
      harness.send("uploads", Upload, each.participant, each);
    harness.run();
    harness.advance(30_000);
  };
  harness.send("health-rules", HealthRules, RULES.event, RULES);
  acknowledge(early);
  upload(0, FIRST);
  acknowledge(seen);
  harness.run();
  upload(FIRST);
  return harness.output("alerts", Alert);
}

async function send(topic: string, participant: string, value: Buffer): Promise<void> {
  await producer.send(PREFIX + topic, partitionOf(participant, PARTITIONS), participant, value, 0);
}

async function sendUploads(from: number, until: number): Promise<void> {
  for (let i = from; i < until; i++) {
    for (const all of people) await send("uploads", all[i]!.participant, Upload.encode(all[i]!));
  }
  await producer.flush();
}

async function acknowledge(all: readonly Upload[][]): Promise<void> {
  for (const each of all.map(acknowledgementOf))
    await send("alert-acknowledgements", each.participant, AlertAcknowledgement.encode(each));
  await producer.flush();
}

async function select<T>(query: string): Promise<T[]> {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  return await result.json<T>();
}

const rowsInState = async (state: string) =>
  (await select<{ rows: number }>(`SELECT count() AS rows FROM alerts_log WHERE state = '${state}'`))[0]!
    .rows;

const byIdAndTime = (a: Alert, b: Alert) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.atMs - b.atMs);

const COLUMNS = `id, participant, event, device, kind, state, since_ms AS sinceMs, at_ms AS atMs, value, limit, reason, rules,
  lat, lon, distance_m AS distanceM, acknowledged_by AS acknowledgedBy, acknowledged_ms AS acknowledgedMs,
  acknowledged_note AS acknowledgedNote, readings, evidence`;

test("each transition of each alert stands in ClickHouse once, whatever is killed between", {
  timeout: LIMIT_MS,
}, async () => {
  const expected = oracle();
  const count = (state: string) => expected.filter((alert) => alert.state === state).length;
  // The acknowledged are cleared, too: 30 of the heart and 6 of sensors.
  expect(["raised", "escalated", "acknowledged", "cleared"].map(count)).toEqual([36, 10, 20, 36]);

  const tables = ALERT_TABLES.map((table) => ({ ...table, topic: PREFIX + table.topic }));
  const inputs = ["uploads", "profiles", "alert-acknowledgements", "alerts"];
  await ensureTopics(kafka, [
    ...inputs.map((topic) => ({ topic: PREFIX + topic, partitions: PARTITIONS })),
    { topic: `${PREFIX}health-rules`, partitions: 1 },
    { topic: deadLetterTopic(JOB), partitions: 1 },
  ]);
  await producer.send(`${PREFIX}health-rules`, 0, RULES.event, HealthRules.encode(RULES), 0);
  await acknowledge(early);

  const first = await nodes.start(JOB_MODULE);
  const sink = await startClickHouseSink({
    kafka,
    clickHouse,
    name: `${PREFIX}alerts-sink`,
    tables,
    deadLetterTopic: deadLetterTopic(JOB),
    log: () => {},
  });
  const limit = { timeout: LIMIT_MS / 3, interval: 500 };
  const asked = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: `${PREFIX}alert-acknowledgements`,
    partition,
  }));
  const ends = (await endOffsets(kafka, asked)).map(({ offset }) => offset);
  const readTo = async () =>
    (await committedOffsets(kafka, JOB, asked)).every(({ offset }, i) => ends[i] === 0 || offset >= ends[i]!);
  await expect.poll(readTo, limit).toBe(true);
  const second = await nodes.start();

  await sendUploads(0, FIRST);
  await expect.poll(() => rowsInState("raised"), limit).toBe(PEOPLE);
  await acknowledge(seen);
  await nodes.kill(first);
  await expect.poll(() => rowsInState("acknowledged"), limit).toBe(count("acknowledged"));

  const third = await nodes.start();
  await sendUploads(FIRST, 45);
  await sleep(300);
  await nodes.kill(second);
  await sendUploads(45, people[0]!.length);
  await expect.poll(() => rowsInState("cleared"), limit).toBe(count("cleared"));
  await sink.caughtUp();

  const stored = await select<Alert>(`SELECT ${COLUMNS} FROM alerts_log`);
  expect(stored.sort(byIdAndTime)).toEqual(expected.sort(byIdAndTime));
  const now = await select(
    "SELECT state, count() AS alerts, countIf(escalated_at IS NOT NULL) AS escalated, countIf(acknowledged_note = 'at km 2') AS noted FROM alerts GROUP BY state",
  );
  expect(now).toEqual([{ state: "cleared", alerts: 36, escalated: 10, noted: 20 }]);
  await nodes.kill(third);
  await sink.stop();
});
