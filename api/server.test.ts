import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PacestreamError } from "../runtime/errors.ts";
import { KafkaUnavailableError } from "../runtime/kafka/errors.ts";
import type { Correction } from "../schemas/index.ts";
import type { JobInfo } from "./control/control.ts";
import { type ApiApp, type AppOptions, createApp } from "./server.ts";
import { MemoryLog } from "./testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "./testing/sample-race.ts";
import { silentLog } from "./testing/silent-log.ts";

const JOB: JobInfo = {
  name: "marathon-leaderboard",
  module: "jobs/marathon-leaderboard.ts",
  parallelism: 2,
  state: "running",
  submittedMs: 1,
  reason: "",
};

let log: MemoryLog;
let api: ApiApp;
let sent: Correction[];
let cancelled: string[];

async function start(options: Partial<AppOptions> = {}): Promise<void> {
  await api?.app.close();
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    jobs: {
      list: async () => [JOB],
      submit: async (spec) => ({ ...JOB, ...spec }),
      cancel: async (name) => void cancelled.push(name),
    },
    corrections: { send: async (correction) => void sent.push(correction) },
    correctionWaits: { decisionMs: 0, boardMs: 0 },
    ...options,
  });
  await api.app.ready();
}

beforeEach(async () => {
  log = new MemoryLog().createTopics();
  sent = [];
  cancelled = [];
  log.race(SAMPLE);
  log.entrants(
    entrant("1"),
    entrant("2", "F", "30-34"),
    entrant("3"),
    entrant("F10", "F", "30-34"),
    entrant("4", "", ""),
  );
  log.standings(
    standing("1", "10k", 2500),
    standing("3", "10k", 2500),
    standing("2", "10k", 2600.5, { gender: "F", division: "30-34" }),
    standing("1", "finish", 11_000),
  );
  await start();
  await api.follower.ready;
});

afterEach(async () => {
  await api.app.close();
});

async function get(url: string, headers: Record<string, string> = {}) {
  const response = await api.app.inject({ url, headers });
  return {
    status: response.statusCode,
    body: response.body === "" ? undefined : response.json(),
    headers: response.headers,
  };
}

describe("races", () => {
  test("are listed, and one tells its mats, groups and counts", async () => {
    expect((await get("/v1/races")).body.races).toMatchObject([
      { id: "sample", runners: 5, started: 3, finished: 1 },
    ]);
    expect((await get("/v1/races/sample")).body).toEqual({
      id: "sample",
      name: "Sample Marathon",
      date: "2026-05-03",
      timezone: "Europe/Berlin",
      distanceM: 42_195,
      rankBy: "net",
      gunS: 36_000,
      asOf: 47_000,
      runners: 5,
      started: 3,
      registered: 2,
      running: 2,
      overdue: 0,
      finished: 1,
      dnf: 0,
      dsq: 0,
      mats: [
        { id: "start", distanceM: 0, passed: 0 },
        { id: "10k", distanceM: 10_000, passed: 3 },
        { id: "finish", distanceM: 42_195, passed: 1 },
      ],
      genders: ["F", "M"],
      divisions: ["F 30-34", "M 40-44"],
    });
  });

  test("that are not there are refused with those that are", async () => {
    const { status, body } = await get("/v1/races/nowhere");
    expect([status, body]).toEqual([
      404,
      { code: "UNKNOWN_RACE", message: 'there is no race "nowhere"; there are sample' },
    ]);
  });
});

describe("a leaderboard", () => {
  test("gives tied runners the same place, in the order of their bibs", async () => {
    const { body } = await get("/v1/races/sample/leaderboard?at=10k");
    expect(body).toMatchObject({
      race: "sample",
      at: "10k",
      by: "overall",
      of: null,
      passed: 3,
      asOf: 47_000,
    });
    expect(
      body.rows.map((row: { place: number; bib: string; gapS: number }) => [row.place, row.bib, row.gapS]),
    ).toEqual([
      [1, "1", 0],
      [1, "3", 0],
      [3, "2", 100.5],
    ]);
  });

  test("keeps places on later pages", async () => {
    const { body } = await get("/v1/races/sample/leaderboard?at=10k&offset=1&limit=1");
    expect(body.rows).toMatchObject([{ place: 1, bib: "3" }]);
  });

  test("of a division is among its runners only", async () => {
    const { body } = await get("/v1/races/sample/leaderboard?at=10k&by=division&of=F%2030-34");
    expect(body).toMatchObject({ of: "F 30-34", passed: 1, rows: [{ place: 1, bib: "2", gapS: 0 }] });
  });

  test("is live unless a mat is asked: by distance, then time", async () => {
    const { body } = await get("/v1/races/sample/leaderboard");
    expect(body.rows.map((row: { bib: string; mat: string }) => [row.bib, row.mat])).toEqual([
      ["1", "finish"],
      ["3", "10k"],
      ["2", "10k"],
    ]);
    expect(body.rows[2]).toMatchObject({ place: 3, gapS: 100.5 });
  });

  test.each([
    ["at=nowhere", "UNKNOWN_MAT", 'at: this race has no mat "nowhere"; it has live, start, 10k, finish'],
    ["by=gender&of=Q", "UNKNOWN_GROUP", 'of: this race has no gender "Q"; with by=gender there are F, M'],
    [
      "by=division",
      "UNKNOWN_GROUP",
      "of: a group must be named; with by=division there are F 30-34, M 40-44",
    ],
    ["by=team", "BAD_REQUEST", "by must be one of overall, gender, division"],
    ["limit=0", "BAD_REQUEST", "limit must be >= 1"],
    ["limit=1001", "BAD_REQUEST", "limit must be <= 1000"],
    ["limit=many", "BAD_REQUEST", "limit must be integer"],
    ["offset=-1", "BAD_REQUEST", "offset must be >= 0"],
    [
      "of=M",
      "BAD_REQUEST",
      'of: by=overall takes no group, but "M" is given; leave it out, or ask by=gender or by=division',
    ],
    ["at=__proto__", "UNKNOWN_MAT", 'at: this race has no mat "__proto__"; it has live, start, 10k, finish'],
  ])("refuses %s and says what is allowed", async (query, code, message) => {
    for (const path of ["leaderboard", "leaderboard/stream"]) {
      const { status, body } = await get(`/v1/races/sample/${path}?${query}`);
      expect([status, body]).toEqual([400, { code, message }]);
    }
  });

  test("is not sent again to who has it", async () => {
    const first = await get("/v1/races/sample/leaderboard");
    const etag = String(first.headers.etag);
    expect((await get("/v1/races/sample/leaderboard", { "if-none-match": etag })).status).toBe(304);
    log.standings(standing("3", "finish", 12_000));
    await expect
      .poll(async () => (await get("/v1/races/sample/leaderboard", { "if-none-match": etag })).status)
      .toBe(200);
  });
});

describe("a runner", () => {
  test("has every split with places as they are now", async () => {
    const { body } = await get("/v1/races/sample/runners/2");
    expect(body).toMatchObject({ bib: "2", status: "running", projectedS: 10_000, projectedPlace: 1 });
    expect(body.splits).toMatchObject([
      {
        mat: "10k",
        timeOfDayS: 38_610.5,
        place: 3,
        passed: 3,
        placeGender: 1,
        passedGender: 1,
        placeDivision: 1,
        passedDivision: 1,
        gapLeaderS: 100.5,
        gapAheadS: 100.5,
      },
    ]);
  });

  test("is found by how the bib begins", async () => {
    expect((await get("/v1/races/sample/runners?q=f")).body.runners).toEqual([
      { bib: "F10", gender: "F", division: "30-34", country: "GER", status: "registered" },
    ]);
  });

  test("that is not there is refused", async () => {
    expect(await get("/v1/races/sample/runners/99")).toMatchObject({
      status: 404,
      body: { code: "UNKNOWN_RUNNER" },
    });
  });
});

describe("readiness", () => {
  test("is said only when the log has been read once", async () => {
    log = new MemoryLog();
    await start();
    await expect
      .poll(async () => (await get("/readyz")).body.reasons)
      .toEqual(["the read model of races waits: topic races does not exist yet"]);
    expect((await get("/readyz")).status).toBe(503);
    expect((await get("/healthz")).status).toBe(200);
    log.createTopics();
    await api.follower.ready;
    expect(await get("/readyz")).toMatchObject({ status: 200, body: { ready: true, reasons: [] } });
  });

  test("stays when the log cannot be followed for a while, and what comes later is there", async () => {
    log.failure = new Error("the broker is away");
    log.standings(standing("3", "finish", 12_000));
    await expect.poll(async () => (await get("/v1/races/sample")).body.finished).toBe(2);
    expect((await get("/readyz")).status).toBe(200);
  });
});

describe("control", () => {
  const json = { "content-type": "application/json" };
  const post = (url: string, payload: object | string, headers: Record<string, string> = json) =>
    api.app.inject({
      method: "POST",
      url,
      payload: typeof payload === "string" ? payload : JSON.stringify(payload),
      headers,
    });

  test("lists, submits and cancels jobs", async () => {
    expect((await get("/v1/jobs")).body).toEqual({ jobs: [JOB] });
    expect((await post("/v1/jobs", { module: "jobs/x.ts" })).statusCode).toBe(201);
    expect((await api.app.inject({ method: "DELETE", url: `/v1/jobs/${JOB.name}` })).statusCode).toBe(204);
    expect(cancelled).toEqual([JOB.name]);
    expect((await api.app.inject({ method: "DELETE", url: "/v1/jobs/none" })).json()).toEqual({
      code: "UNKNOWN_JOB",
      message: 'there is no job "none"; there are marathon-leaderboard',
    });
  });

  test.each([
    ["JOB", 400],
    ["MODULE_PATH", 400],
    ["BAD_PARALLELISM", 400],
    ["JOB_NAME_TAKEN", 409],
    ["RESCALE", 409],
    ["UPGRADE", 409],
  ])("says in full why a job is not taken: %s is a %i", async (code, status) => {
    const jobs = {
      list: async () => [],
      cancel: async () => {},
      submit: async () => {
        throw new PacestreamError(code, "and what to do");
      },
    };
    await start({ jobs });
    const answer = await post("/v1/jobs", { module: "jobs/x.ts" });
    expect([answer.statusCode, answer.json()]).toEqual([status, { code, message: "and what to do" }]);
  });

  test("refuses what is no JSON, pages of other origins, and names that are not ours", async () => {
    expect((await post("/v1/jobs", "module=x", { "content-type": "text/plain" })).statusCode).toBe(415);
    expect((await post("/v1/jobs", "{", json)).statusCode).toBe(400);
    expect(
      (await post("/v1/jobs", { module: "x" }, { ...json, origin: "http://elsewhere.example" })).statusCode,
    ).toBe(403);
    expect(
      (await post("/v1/jobs", { module: "x" }, { ...json, "sec-fetch-site": "cross-site" })).statusCode,
    ).toBe(403);
    expect(
      (await post("/v1/jobs", { module: "x" }, { ...json, origin: "http://localhost" })).statusCode,
    ).toBe(201);
  });

  test("needs the token when there is one", async () => {
    await start({ controlToken: "secret" });
    expect((await get("/v1/jobs")).status).toBe(401);
    expect((await get("/v1/jobs", { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await get("/v1/jobs", { authorization: "Bearer secret" })).status).toBe(200);
  });

  const corrections = "/v1/races/sample/corrections";
  test.each([
    [
      { bib: "2", kind: "add", mat: "finish", time: "13:20:01.5", id: "a1" },
      { timeMs: 48_001_500, mat: "finish", read: null },
    ],
    [
      { bib: "2", kind: "change", mat: "10k", time: 38_000.25, read: "r7", id: "a2" },
      { timeMs: 38_000_250, read: "r7" },
    ],
    [
      { bib: "2", kind: "void", mat: "10k", id: "a3" },
      { timeMs: null, mat: "10k" },
    ],
    [
      { bib: "2", kind: "disqualify", reason: "shortcut", id: "a4" },
      { timeMs: null, mat: null, reason: "shortcut" },
    ],
  ])("takes the correction %j", async (body, expected) => {
    const response = await post(corrections, body);
    expect([response.statusCode, response.json()]).toMatchObject([202, { id: body.id, outcome: "accepted" }]);
    expect(sent).toMatchObject([{ race: "sample", bib: "2", kind: body.kind, id: body.id, ...expected }]);
  });

  test.each([
    [
      { bib: "2", kind: "add", mat: "10k" },
      "time: a correction of kind add needs one, as seconds since local midnight or HH:MM:SS[.mmm]",
    ],
    [{ bib: "2", kind: "void" }, "mat: a correction of kind void needs one of start, 10k, finish"],
    [{ bib: "2", kind: "void", mat: "5k" }, 'mat: sample has no mat "5k"; it has start, 10k, finish'],
    [
      { bib: "2", kind: "add", mat: "10k", time: "25 past" },
      'time: "25 past" is neither seconds since local midnight (0 to 172800) nor HH:MM:SS[.mmm]',
    ],
    [{ bib: "2", kind: "disqualify", mat: "10k" }, "mat: a correction of kind disqualify takes none"],
    [{ bib: "2", kind: "erase" }, "kind must be one of void, add, change, disqualify, reinstate"],
    [{ kind: "void", mat: "10k" }, "body must have required property 'bib'"],
    [{ bib: "2", kind: "void", mat: "10k", id: "two words" }, 'id must match pattern "^[\\x21-\\x7e]+$"'],
  ])("refuses the correction %j", async (body, message) => {
    const response = await post(corrections, body);
    expect([response.statusCode, response.json().message]).toEqual([400, message]);
    expect(sent).toEqual([]);
  });
});

test("that Kafka is away is said as that, with when to ask again", async () => {
  const away = () => Promise.reject(new KafkaUnavailableError("10.0.0.7:9092 does not answer"));
  await start({ jobs: { list: away, submit: away, cancel: away }, corrections: { send: away } });
  await api.follower.ready;
  const headers = { "content-type": "application/json" };
  const payload = JSON.stringify({ bib: "2", kind: "disqualify" });
  for (const response of [
    await api.app.inject("/v1/jobs"),
    await api.app.inject({ method: "POST", url: "/v1/races/sample/corrections", headers, payload }),
  ]) {
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    expect(response.json()).toMatchObject({ code: "KAFKA_AWAY" });
    expect(response.body).not.toContain("10.0.0.7");
  }
});

describe("the rest", () => {
  test("describes itself and counts", async () => {
    const { paths } = (await api.app.inject("/docs/json")).json();
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        "/v1/races/{race}/leaderboard",
        "/v1/races/{race}/leaderboard/stream",
        "/v1/races/{race}/corrections",
      ]),
    );
    const docs = await api.app.inject("/docs/");
    expect(docs.statusCode).toBe(200);
    expect(docs.headers["content-security-policy"]).not.toContain("upgrade-insecure-requests");
    expect((await api.app.inject("/metrics")).body).toContain(
      'pacestream_live_records_total{topic="standings"} 4',
    );
  });

  test("sends security headers, and nothing of its insides", async () => {
    const { headers, body } = await get("/v1/races");
    expect(headers["content-security-policy"]).toContain("script-src 'self'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(body).toBeDefined();
    for (const url of [
      "/../package.json",
      "/%2e%2e/package.json",
      "/server.ts",
      "/v1/races/%00",
      "/v1/races/%E0%A4%A",
    ]) {
      const { status, body } = await get(url);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(body).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    }
  });
});
