/**
 * Recordings through a real Kafka, the job in processes that are killed, and the sink into a real ClickHouse: there, what the job
 * said of each window has to be what SQL says of the raw readings.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { applyMigrations } from "../infra/clickhouse/migrate.ts";
import { READING_TABLES } from "../infra/clickhouse/tables.ts";
import { NodeProcesses } from "../runtime/cluster/node.fixture.ts";
import { hours, seconds } from "../runtime/index.ts";
import { ensureTopics } from "../runtime/kafka/admin.ts";
import { partitionOf } from "../runtime/kafka/partitioner.ts";
import { createProducer } from "../runtime/kafka/producer.ts";
import { startClickHouseSink } from "../runtime/sinks/clickhouse/index.ts";
import { Random } from "../runtime/testing/index.ts";
import { type ReadingStats, Upload } from "../schemas/index.ts";
import { differences, rowsOf, windowsOf } from "./lib/aggregates/testing/oracle.ts";
import { shippedTracks, underWay, uploadsOf } from "./lib/aggregates/testing/recorded.ts";
import { PREFIX, RECORDINGS } from "./lib/aggregates/testing/recordings-job.ts";

const kafka = inject("kafka");
const clickHouse = { ...inject("clickHouse"), database: `aggregates_${randomUUID().slice(0, 8)}` };
const JOB = join(import.meta.dirname, "lib/aggregates/testing/recordings-job.ts");
const PARTITIONS = 4;
/** More than there are partitions, so that each has one: their readings, days later, close all windows. */
const CLOSERS = 12;
const T0 = Date.parse("2025-10-12T12:30:00Z");
const LIMIT_MS = 300_000;
const BYTES_A_READING_MAX = 8;

const nodes = new NodeProcesses(kafka, "test-aggregates.jobs");
let client: ClickHouseClient;

beforeAll(async () => {
  await applyMigrations(clickHouse);
  client = createClient(clickHouse);
});

afterAll(async () => {
  nodes.killAll();
  await client.command({ query: `DROP DATABASE ${clickHouse.database}` });
  await client.close();
});

async function select<T>(query: string): Promise<T[]> {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  return await result.json<T>();
}

/** Closed windows as the job says them, and windows as SQL finds them in the raw readings, under the same names. */
const SAID = `SELECT concat(participant, '/', size, '/', toString(start_ms)) AS id, readings,
    hr_count AS hrCount, hr_min AS hrMin, hr_max AS hrMax, hr_mean AS hrMean,
    hr_p05 AS hrP05, hr_p25 AS hrP25, hr_p50 AS hrP50, hr_p75 AS hrP75, hr_p95 AS hrP95,
    cadence_mean AS cadenceMean, distance_m AS distanceM, steps, active_s AS activeS, rest_s AS restS
  FROM reading_windows WHERE participant LIKE 'runner-%' AND pane != 'early' AND size != '1d'`;

/** Days begin where the participant is (jobs/lib/aggregates/days-step.test.ts): of each there is one, with all of it. */
const DAYS = `SELECT participant, sum(readings) AS readings, count() AS days
  FROM reading_windows WHERE participant LIKE 'runner-%' AND size = '1d' GROUP BY participant ORDER BY participant`;
const ALL_READINGS = `SELECT participant, count() AS readings, 1 AS days
  FROM readings WHERE participant LIKE 'runner-%' GROUP BY participant ORDER BY participant`;

const OVER_READINGS = `WITH
  befores AS
  (
    SELECT participant, ts_ms, hr, cadence, distance_cm, steps,
      lagInFrame(toNullable(ts_ms)) OVER device_in_time AS before_ms,
      lagInFrame(distance_cm) OVER device_in_time AS before_cm,
      lagInFrame(steps) OVER device_in_time AS before_steps
    FROM readings
    WHERE participant LIKE 'runner-%'
    WINDOW device_in_time AS (PARTITION BY participant, device ORDER BY ts_ms ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ),
  spans AS
  (
    SELECT participant, ts_ms, cadence, if(hr BETWEEN 25 AND 240, hr, NULL) AS heart,
      ifNull(if(ts_ms - before_ms <= 30000, ts_ms - before_ms, 0), 0) AS ms,
      if(ms > 0, greatest(ifNull(distance_cm - before_cm, 0), 0), 0) AS cm,
      if(ms > 0, greatest(ifNull(steps - before_steps, 0), 0), 0) AS made,
      ms > 0 AND (cm * 10 >= 0.6 * ms OR made * 60000 >= 40 * ms OR ifNull(cadence, 0) >= 15) AS active,
      arrayJoin([('10s', 10000), ('1m', 60000)]) AS window
    FROM befores
  )
  SELECT concat(participant, '/', window.1, '/', toString(intDiv(ts_ms, window.2) * window.2)) AS id,
    count() AS readings, count(heart) AS hrCount, min(heart) AS hrMin, max(heart) AS hrMax, avg(heart) AS hrMean,
    arraySort(groupArray(heart)) AS hearts,
    ${["05", "25", "50", "75", "95"]
      .map(
        (percent) =>
          `if(hrCount = 0, NULL, hearts[1 + toUInt32(floor(${percent} / 100 * (hrCount - 1)))]) AS hrP${percent}`,
      )
      .join(", ")},
    avg(cadence) AS cadenceMean, sum(cm) / 100 AS distanceM, sum(made) AS steps,
    sumIf(ms, active) / 1000 AS activeS, sumIf(ms, NOT active) / 1000 AS restS
  FROM spans GROUP BY participant, window, intDiv(ts_ms, window.2) * window.2`;

type StatsRow = ReadingStats & { readonly id: string; readonly hearts?: unknown };

const statsById = (rows: readonly StatsRow[]) =>
  new Map(rows.map(({ id, hearts: _, ...stats }): [string, ReadingStats] => [id, stats]));

test("windows are what SQL says of the raw readings, which take few bytes", {
  timeout: LIMIT_MS,
}, async () => {
  const tracks = await shippedTracks();
  const uploads = tracks.flatMap((track, n) =>
    uploadsOf(track, {
      participant: `runner-${n}`,
      event: n % 3 === 0 ? null : "run",
      startMs: T0 + n * 333,
      everyMs: seconds(10),
    }),
  );
  const endMs = T0 + hours(48);
  const closers = Array.from({ length: CLOSERS }, (_, n): Upload => {
    const nothing = { hr: null, lat: null, lon: null, distanceM: null, steps: null, cadence: null };
    const readings = [{ tsMs: endMs, ...nothing, altitudeM: null }];
    const ids = { participant: `last-${n}`, event: null, device: `last-${n}`, id: 0 };
    return { ...ids, sentMs: endMs, receivedMs: endMs, readings };
  });
  const tables = READING_TABLES.map((table) => ({ ...table, topic: `${PREFIX}${table.topic}` }));
  const deadLetterTopic = `${PREFIX}sink.dead-letters`;
  await ensureTopics(kafka, [
    { topic: RECORDINGS.uploads.name, partitions: PARTITIONS },
    { topic: deadLetterTopic, partitions: 1 },
  ]);
  const producer = await createProducer(kafka, { clientId: "test" });
  for (const upload of [...underWay(uploads, seconds(5), new Random(3)), ...closers]) {
    const { participant } = upload;
    const partition = partitionOf(participant, PARTITIONS);
    await producer.send(
      RECORDINGS.uploads.name,
      partition,
      participant,
      Upload.encode(upload),
      Date.parse("2026-10-12T12:30:00Z"),
    );
  }
  await producer.flush();
  await producer.close();

  const first = await nodes.start(JOB);
  await nodes.start();
  const sink = await startClickHouseSink({
    kafka,
    clickHouse,
    name: "test-aggregates-sink",
    tables,
    deadLetterTopic,
    log: () => {},
  });
  await sleep(1_500);
  await nodes.kill(first);

  const expected = windowsOf(rowsOf(uploads, RECORDINGS), RECORDINGS).size;
  const closed = async () => (await select(`SELECT id FROM (${SAID})`)).length;
  await expect.poll(closed, { timeout: LIMIT_MS - 60_000, interval: 1_000 }).toBe(expected);
  await sink.caughtUp();

  const said = statsById(await select<StatsRow>(SAID));
  const found = statsById(await select<StatsRow>(OVER_READINGS));
  expect(found.size).toBe(expected);
  expect(differences(said, found)).toEqual([]);
  expect(await select(DAYS)).toEqual(await select(ALL_READINGS));

  await client.command({ query: "OPTIMIZE TABLE uploads_log FINAL" });
  const [disk] = await select<{ bytes: number; readings: number }>(
    `SELECT sum(bytes_on_disk) AS bytes, (SELECT count() FROM readings) AS readings
      FROM system.parts WHERE database = currentDatabase() AND table = 'uploads_log' AND active`,
  );
  const each = disk!.bytes / disk!.readings;
  console.log(`${disk!.readings} raw readings take ${each.toFixed(2)} bytes each in ClickHouse`);
  expect(each).toBeLessThan(BYTES_A_READING_MAX);
  await sink.stop();
});
