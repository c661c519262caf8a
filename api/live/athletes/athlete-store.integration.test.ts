import { randomBytes } from "node:crypto";
import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { applyMigrations } from "../../../infra/clickhouse/migrate.ts";
import type { ClickHouseConnection } from "../../../runtime/config.ts";
import type { ReadingWindow } from "../../../schemas/index.ts";
import { sampleWindow, WINDOWS_MS } from "../../testing/sample-windows.ts";
import { type AthleteStore, clickHouseAthletes } from "./athlete-store.ts";

const connection = (): ClickHouseConnection => ({ ...inject("clickHouse"), database });
const database = `athletes_${randomBytes(4).toString("hex")}`;
const ATHLETE = "sample/7";
const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

let store: AthleteStore;
let offset = 0;

/** As the sink writes them: names as in SQL, each with its place in the log. */
async function insert(table: string, rows: readonly object[]): Promise<void> {
  await using client = createClient({ ...connection() });
  const values = rows.map((row) => {
    const columns = Object.entries(row).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]);
    return { ...Object.fromEntries(columns), kafka_partition: 1, kafka_offset: offset++ };
  });
  await client.insert({ table, values, format: "JSONEachRow" });
}

beforeAll(async () => {
  await applyMigrations(connection());
  store = clickHouseAthletes(connection());
  const other: Partial<ReadingWindow>[] = [{ participant: "sample/8" }, { size: "1m" }, { size: "1d" }];
  await insert("reading_windows_log", [
    ...Array.from({ length: 20 }, (_, n) => sampleWindow("7", n)),
    ...other.map((fields) => sampleWindow("7", 3, fields)),
    sampleWindow("7", 4, { pane: "late", revision: 1, distanceM: 33 }),
    sampleWindow("7", 20, { event: null }),
  ]);
  const { size: _, startMs, endMs, revision: __, ...stats } = sampleWindow("7", 0);
  const total = (segment: string, n: number, pane: string) => ({
    ...{ ...stats, segment, enteredMs: startMs + n, leftMs: endMs + n, pane },
  });
  await insert("segment_totals_log", [
    total("start-5k", 0, "early"),
    total("5k-10k", 5, "early"),
    { ...total("start-5k", 0, "on_time"), distanceM: 4990 },
    { ...total("start-5k", 0, "early"), participant: "sample/8" },
  ]);
});

afterAll(async () => {
  await store?.close();
  await using client = createClient({ ...connection() });
  await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
});

const starts = (windows: ReadingWindow[]) => windows.map(({ startMs }) => (startMs - WINDOWS_MS) / 10_000);

test("windows of one athlete and size come by time, each once and as its latest result has it", async () => {
  const windows = await store.windows({ athlete: ATHLETE, size: "10s", ...EVER, limit: 100 });
  expect(starts(windows)).toEqual(Array.from({ length: 21 }, (_, n) => n));
  expect(windows[3]).toEqual(sampleWindow("7", 3));
  expect(windows[4]).toEqual(sampleWindow("7", 4, { pane: "late", revision: 1, distanceM: 33 }));
});

test("of more than were asked for come the last, in the time asked for", async () => {
  const between = { fromMs: WINDOWS_MS + 20_000, toMs: WINDOWS_MS + 60_000 };
  const windows = await store.windows({ athlete: ATHLETE, size: "10s", ...between, limit: 3 });
  expect(starts(windows)).toEqual([3, 4, 5]);
  expect(await store.windows({ athlete: "' OR 1 --", size: "10s", ...EVER, limit: 3 })).toEqual([]);
});

test("who has windows is told of those asked for", async () => {
  const lastMs = WINDOWS_MS + 210_000;
  expect(await store.tracked([ATHLETE, "nobody", "sample/8"])).toEqual([
    { athlete: ATHLETE, lastMs },
    { athlete: "sample/8", lastMs: WINDOWS_MS + 40_000 },
  ]);
});

test("what was covered counts each window once, of one event", async () => {
  const { fromMs, toMs } = EVER;
  expect(await store.covered(ATHLETE, "sample", fromMs, toMs)).toEqual({ distanceM: 603, activeS: 200 });
  expect(await store.covered(ATHLETE, null, fromMs, toMs)).toEqual({ distanceM: 30, activeS: 10 });
  expect(await store.covered("nobody", "sample", fromMs, toMs)).toEqual({ distanceM: 0, activeS: 0 });
});

test("segments come in the order they were entered, as the latest result has them", async () => {
  const segments = await store.segments(ATHLETE, "sample");
  expect(segments.map(({ segment, pane, distanceM }) => [segment, pane, distanceM])).toEqual([
    ["start-5k", "on_time", 4990],
    ["5k-10k", "early", 30],
  ]);
});

test("a server that is away is no answer, but one to ask again", async () => {
  const away = clickHouseAthletes({ ...connection(), url: "http://127.0.0.1:1" });
  await expect(away.segments(ATHLETE, "sample")).rejects.toMatchObject({ code: "NOT_READY", status: 503 });
  await away.close();
});
