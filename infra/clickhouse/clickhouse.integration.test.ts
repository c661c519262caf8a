import { randomUUID } from "node:crypto";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { columnName } from "../../runtime/sinks/clickhouse/avro-rows.ts";
import { NOT_REPLAYED, questions } from "../acceptance/questions.ts";
import { applyMigrations, statementsOf } from "./migrate.ts";
import { ask } from "./question.ts";
import { ALERT_TABLES, READING_TABLES, RESULT_TABLES } from "./tables.ts";

const RACE = "boston-2014";
const database = `views_${randomUUID().slice(0, 8)}`;
let client: ClickHouseClient;

beforeAll(async () => {
  const { url, username, password } = inject("clickHouse");
  await applyMigrations({ url, username, password, database });
  client = createClient({ url, username, password, database });
});

afterAll(async () => {
  await client.command({ query: `DROP DATABASE ${database}` });
  await client.close();
});

async function select<T = Record<string, unknown>>(query: string): Promise<T[]> {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  return await result.json<T>();
}

let offset = 0;

function insert(table: string, rows: readonly object[]) {
  const values = rows.map((row) => ({ race: RACE, kafka_partition: 0, kafka_offset: offset++, ...row }));
  return client.insert({ table, values, format: "JSONEachRow" });
}

const standing = (bib: string, mat: string, seconds: number | null, more: object = {}) => ({
  mat,
  bib,
  gender: "F",
  division: "40-44",
  country: "USA",
  status: "running",
  counted: true,
  as_of_s: 36_000,
  net_s: seconds,
  gun_s: seconds === null ? null : seconds + 2,
  rank_s: seconds,
  passed: 1,
  passed_gender: 1,
  passed_division: 1,
  ...more,
});

const passing = (id: string, more: object = {}) => ({
  id,
  bib: "1",
  mat: "half",
  time_s: 40_000,
  received_s: 40_001,
  fate: "counted",
  reason: "",
  net_s: 4000,
  gun_s: 4002,
  ...more,
});

describe("migrations", () => {
  const connection = () => ({ ...inject("clickHouse"), database });

  test("applied again change nothing", async () => {
    expect(await applyMigrations(connection())).toEqual([]);
  });

  test("of two nodes that start at once do no harm", async () => {
    const other = { ...inject("clickHouse"), database: `${database}_two` };
    await Promise.all([applyMigrations(other), applyMigrations(other)]);
    expect(await applyMigrations(other)).toEqual([]);
    await client.command({ query: `DROP DATABASE ${other.database}` });
  });

  test("keep the rows of a database that lacks the views", async () => {
    const old = { ...inject("clickHouse"), database: `${database}_old` };
    await applyMigrations(old);
    await client.command({
      query: `INSERT INTO ${old.database}.passing_outcomes_log (race, id) VALUES ('old', 'r')`,
    });
    await client.command({ query: `DROP VIEW ${old.database}.passings` });
    await client.command({ query: `TRUNCATE TABLE ${old.database}.schema_migrations` });
    expect(await applyMigrations(old)).toEqual([
      "001-logs.sql",
      "002-readings.sql",
      "003-alerts.sql",
      "004-alert-notes.sql",
      "005-no-wrapped-numbers.sql",
      "views.sql",
    ]);
    expect(await select(`SELECT race FROM ${old.database}.passings`)).toEqual([{ race: "old" }]);
    await client.command({ query: `DROP DATABASE ${old.database}` });
  });

  test("make again what somebody dropped, in every form that later files gave it, and keep the rows of the others", async () => {
    const other = { ...inject("clickHouse"), database: `${database}_dropped` };
    await applyMigrations(other);
    const columns = () =>
      select(
        `SELECT table, name, type, default_expression FROM system.columns WHERE database = '${other.database}' ORDER BY table, position`,
      );
    const before = await columns();
    await client.command({
      query: `INSERT INTO ${other.database}.passing_outcomes_log (race, id) VALUES ('old', 'r')`,
    });
    for (const dropped of ["TABLE alerts_log", "TABLE uploads_log", "VIEW standings"]) {
      const [kind, name] = dropped.split(" ");
      await client.command({ query: `DROP ${kind} ${other.database}.${name} SYNC` });
    }
    expect(await applyMigrations(other)).not.toEqual([]);
    expect(await columns()).toEqual(before);
    expect(await select(`SELECT race FROM ${other.database}.passings`)).toEqual([{ race: "old" }]);
    expect(await applyMigrations(other)).toEqual([]);
    await client.command({ query: `DROP DATABASE ${other.database}` });
  });

  test("that were edited after they had been applied are refused", async () => {
    await client.insert({
      table: "schema_migrations",
      values: [{ name: "001-logs.sql", checksum: "of another text" }],
      format: "JSONEachRow",
    });
    await expect(applyMigrations(connection())).rejects.toThrow("put its text back");
    await client.command({ query: "DELETE FROM schema_migrations WHERE checksum = 'of another text'" });
  });

  test("are split at semicolons that end a line", () => {
    expect(statementsOf("-- one; two;\nSELECT ';' AS a;\n\nSELECT 2;\n")).toEqual([
      "SELECT ';' AS a",
      "SELECT 2",
    ]);
  });
});

describe("a question of a person", () => {
  const question = (text: string) => ask({ ...inject("clickHouse"), database }, text);

  test("is answered with columns and rows, or with none", async () => {
    expect(await question("SELECT 1 AS a, 'x' AS b;")).toEqual({ columns: ["a", "b"], rows: [[1, "x"]] });
    expect((await question("SHOW TABLES LIKE 'passing%'")).rows).toEqual([
      ["passing_outcomes_log"],
      ["passings"],
    ]);
    expect((await question("DESCRIBE TABLE runners")).columns).toContain("comment");
    expect((await question("EXPLAIN SELECT 1")).columns).toEqual(["explain"]);
    expect(await question("USE system")).toEqual({ columns: [], rows: [] });
  });

  test("changes nothing, also where the account may", async () => {
    for (const statement of [
      "DROP TABLE standings_log",
      "TRUNCATE TABLE standings_log",
      "INSERT INTO standings_log (race) VALUES ('x')",
      "ALTER TABLE standings_log DELETE WHERE 1",
      "CREATE TABLE mine (n UInt8) ENGINE = MergeTree ORDER BY n",
      "RENAME TABLE standings_log TO mine",
      "SELECT 1 SETTINGS readonly = 0",
      "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    ]) {
      await expect(question(statement), statement).rejects.toThrow("questions only read");
    }
    await expect(question("SELECT 1; DROP TABLE standings_log")).rejects.toThrow("Multi-statements");
    expect((await question("EXISTS TABLE standings_log")).rows).toEqual([[1]]);
  });

  test("that cannot be answered says why", async () => {
    await expect(question("SELECT * FROM nope")).rejects.toThrow("nope");
    await expect(question("SELECT 1 FORMAT CSV")).rejects.toThrow(/FORMAT/);
    await expect(question("SELECT number FROM numbers(100000000)")).rejects.toThrow("add LIMIT");
    await expect(question("SELECT throwIf(number = 9, 'nine') FROM numbers(10)")).rejects.toThrow("nine");
    await expect(
      ask({ ...inject("clickHouse"), database, url: "http://127.0.0.1:1" }, "SELECT 1"),
    ).rejects.toThrow("http://127.0.0.1:1 does not answer");
  });
});

test("every table, view and column says what it is", async () => {
  expect(
    await select("SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''"),
  ).toEqual([]);
  expect(
    await select(
      "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = ''",
    ),
  ).toEqual([]);
});

const READING_COLUMNS = ["ts_ms", "hr", "lat_e7", "lon_e7", "distance_cm", "steps", "cadence", "altitude_cm"];

test("each table has a column for every field of its topic, and names that topic", async () => {
  for (const { table, topic, codec } of [...RESULT_TABLES, ...READING_TABLES, ...ALERT_TABLES]) {
    const { fields } = JSON.parse(codec.schema) as { fields: { name: string }[] };
    const wanted = [
      ...fields.map(({ name }) => columnName(name)),
      "kafka_topic",
      "kafka_partition",
      "kafka_offset",
    ];
    const columns = await select<{ name: string; default_expression: string }>(
      `SELECT name, default_expression FROM system.columns WHERE database = currentDatabase() AND table = '${table}'`,
    );
    // Of an upload's readings, which are inserted as one column, others are derived.
    const derived = table === "uploads_log" ? READING_COLUMNS : [];
    expect(columns.map(({ name }) => name).sort()).toEqual([...wanted, ...derived].sort());
    expect(columns.find(({ name }) => name === "kafka_topic")?.default_expression).toBe(`'${topic}'`);
  }
});

describe("views", () => {
  beforeAll(async () => {
    await insert("passing_outcomes_log", [
      passing("r1"),
      passing("r2", { fate: "repeated", net_s: null, gun_s: null }),
    ]);
    await insert("passing_outcomes_log", [
      passing("r1", { fate: "voided", reason: "cut the course", net_s: null, gun_s: null }),
    ]);
    await insert("standings_log", [
      standing("1", "half", 4000),
      standing("2", "half", 4000, { gender: "M", division: "18-39" }),
      standing("3", "half", 3000),
      standing("4", "half", 5000, { gender: "", division: "" }),
      standing("5", "half", null, { gun_s: 3500 }),
      standing("6", "half", 2000),
      standing("7", "half", 2500),
      standing("", "", null),
    ]);
    await insert("standings_log", [
      // 6 is disqualified, 7's split no longer counts, 3 was slower than first thought.
      standing("6", "half", 2000, { status: "dsq", rank_s: null }),
      standing("7", "half", null, { counted: false, gun_s: null }),
      standing("3", "half", 4500),
      standing("1", "finish", 8000, { status: "finished" }),
      standing("3", "finish", 8400, { status: "finished" }),
      standing("7", "", null, { status: "dnf", counted: false, gun_s: null }),
    ]);
    const correction = {
      id: "c1",
      bib: "7",
      kind: "void",
      read: "",
      mat: "half",
      time_s: null,
      reason: "cut",
      entered_ms: 1_700_000_000_123,
    };
    await insert("correction_outcomes_log", [{ ...correction, applied: false, refusal: "no such read" }]);
    await insert("correction_outcomes_log", [{ ...correction, applied: true, refusal: "" }]);
  });

  test("passings: one row a read, as the latest record has it, a time taken away included", async () => {
    expect(
      await select(`SELECT id, fate, reason, net_s FROM passings WHERE race = '${RACE}' ORDER BY id`),
    ).toEqual([
      { id: "r1", fate: "voided", reason: "cut the course", net_s: null },
      { id: "r2", fate: "repeated", reason: "", net_s: null },
    ]);
    expect(await select(`SELECT count() AS reads FROM passings WHERE race = '${RACE}'`)).toEqual([
      { reads: 2 },
    ]);
  });

  test("standings: places over the latest records; ties share the best; who has no place is not there", async () => {
    const query = `SELECT bib, place, passed, place_gender, passed_gender, place_division, gap_leader_s, gap_ahead_s
      FROM standings WHERE race = '${RACE}' AND mat = 'half' ORDER BY place, bib`;
    const rows = (await select(query)).map((row) => Object.values(row));
    expect(rows).toEqual([
      ["1", 1, 4, 1, 2, 1, 0, null],
      ["2", 1, 4, 1, 1, 1, 0, 0],
      ["3", 3, 4, 2, 2, 2, 500, 500],
      ["4", 4, 4, null, 1, null, 1000, 500],
    ]);
  });

  test("splits: every split that counts, with a place or without", async () => {
    const rows = await select<{ bib: string }>(
      `SELECT bib FROM splits WHERE race = '${RACE}' AND mat = 'half' ORDER BY bib`,
    );
    expect(rows.map(({ bib }) => bib)).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("runners: the latest status and the finish", async () => {
    const rows = await select(
      `SELECT bib, status, mats_passed, finish_net_s, finish_gun_s FROM runners WHERE race = '${RACE}' AND bib IN ('1', '6', '7') ORDER BY bib`,
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["1", "finished", 2, 8000, 8002],
      ["6", "dsq", 1, null, null],
      ["7", "dnf", 0, null, null],
    ]);
  });

  test("corrections: the latest outcome", async () => {
    expect(await select("SELECT id, applied, refusal, entered_at FROM corrections")).toEqual([
      { id: "c1", applied: true, refusal: "", entered_at: "2023-11-14 22:13:20.123" },
    ]);
  });

  test("readings: one row each, of an upload that came twice once, as the first came", async () => {
    const reading = (tsMs: number, more: object = {}) => ({
      tsMs,
      hr: 150,
      lat: 48.1234567,
      lon: -71,
      ...more,
    });
    const upload = { participant: "p", event: RACE, device: "d", id: 7, sent_ms: 5, kafka_partition: 0 };
    const readings = [reading(1_000, { distanceM: 12.346 }), reading(2_000, { hr: null, altitudeM: -1.5 })];
    await client.insert({
      table: "uploads_log",
      columns: [...(Object.keys(upload) as [string]), "received_ms", "kafka_offset", "readings"],
      values: [
        { ...upload, received_ms: 10, kafka_offset: 3, readings },
        { ...upload, received_ms: 99, kafka_offset: 4, readings },
      ],
      format: "JSONEachRow",
    });
    expect(
      await select(
        "SELECT upload, ts_ms, hr, lat, lon, distance_cm, steps, altitude_m, received_ms FROM readings ORDER BY ts_ms",
      ),
    ).toEqual([
      {
        upload: 7,
        ts_ms: 1_000,
        hr: 150,
        lat: 48.1234567,
        lon: -71,
        distance_cm: 1235,
        steps: null,
        altitude_m: null,
        received_ms: 10,
      },
      {
        upload: 7,
        ts_ms: 2_000,
        hr: null,
        lat: 48.1234567,
        lon: -71,
        distance_cm: null,
        steps: null,
        altitude_m: -1.5,
        received_ms: 10,
      },
    ]);
  });

  test("reading windows: the latest result of each, in whatever order results are merged", async () => {
    const window = { participant: "p", size: "10s", start_ms: 1_700_000_000_000, kafka_partition: 0 };
    const values = [
      { ...window, pane: "late", revision: 2, readings: 11, hr_mean: null, kafka_offset: 9 },
      { ...window, pane: "on_time", revision: 1, readings: 10, hr_mean: 150, kafka_offset: 8 },
    ];
    await client.insert({ table: "reading_windows_log", values, format: "JSONEachRow" });
    expect(await select("SELECT pane, readings, hr_mean, start_at FROM reading_windows")).toEqual([
      { pane: "late", readings: 11, hr_mean: null, start_at: "2023-11-14 22:13:20.000" },
    ]);
  });

  test("every question in the README is answered", async () => {
    const stretch = { participant: `${RACE}/1`, kind: "rest", start_ms: 1_000, end_ms: 61_000, rest_s: 60 };
    await client.insert({ table: "activity_sessions_log", values: [stretch], format: "JSONEachRow" });
    const asked = questions(RACE, "1");
    expect(asked.length).toBeGreaterThan(18);
    const answers = new Map<string, Record<string, unknown>[]>();
    for (const { title, query } of asked) answers.set(title, await select(query));
    for (const title of NOT_REPLAYED) expect(answers.get(title), title).not.toEqual([]);
    expect(answers.get("The twenty fastest second halves of women 40-44:")).toEqual([
      { bib: "3", country: "USA", half_gun_s: 4502, second_half_s: 3900 },
      { bib: "1", country: "USA", half_gun_s: 4002, second_half_s: 4000 },
    ]);
  });
});

test("half a million reads are counted once each, and one runner's are found without reading all", {
  timeout: 60_000,
}, async () => {
  await client.command({
    query: `INSERT INTO passing_outcomes_log (race, bib, id, mat, time_s, fate, net_s, gun_s, kafka_offset)
      SELECT 'large', toString(number % 48000), toString(number), ['5k', '10k', 'half'][1 + number % 3], number, 'counted', number, number, number
      FROM numbers(526000)`,
  });
  expect(await select("SELECT count() AS reads FROM passings WHERE race = 'large'")).toEqual([
    { reads: 526_000 },
  ]);
  const plan = await select<{ explain: string }>(
    "EXPLAIN indexes = 1 SELECT * FROM passings WHERE race = 'large' AND bib = '17'",
  );
  const granules = plan.flatMap(
    ({ explain }) => /Granules: (\d+)\/(\d+)/.exec(explain)?.slice(1).map(Number) ?? [],
  );
  expect(granules.at(-2)).toBeLessThan(granules.at(-1)! / 4);
});
