import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ReadingWindow, type SegmentTotal } from "../../../schemas/index.ts";
import { Problem } from "../../problem.ts";
import { type ApiApp, type AppOptions, createApp } from "../../server.ts";
import { EventReader } from "../../testing/event-reader.ts";
import { MemoryLog } from "../../testing/memory-log.ts";
import { acknowledgedAlert, raisedAlert } from "../../testing/sample-alerts.ts";
import { SAMPLE } from "../../testing/sample-race.ts";
import { sampleWindow, WINDOWS_MS } from "../../testing/sample-windows.ts";
import { silentLog } from "../../testing/silent-log.ts";
import { AthleteBook } from "./athlete-book.ts";
import type { AthleteStore, WindowQuery } from "./athlete-store.ts";

const ATHLETE = `${SAMPLE.id}/7`;
const PATH = `/v1/athletes/${encodeURIComponent(ATHLETE)}`;
const OLD = [0, 1, 2, 3].map((n) => sampleWindow("7", n));

let log: MemoryLog;
let api: ApiApp;
let asked: WindowQuery[];
let readers: EventReader[];
let url: string;

const store: AthleteStore = {
  async windows(query) {
    asked.push(query);
    const { athlete, size, fromMs, toMs, limit } = query;
    return OLD.filter(
      (window) =>
        window.participant === athlete &&
        window.size === size &&
        window.startMs >= fromMs &&
        window.startMs < toMs,
    ).slice(-limit);
  },
  tracked: async (ids) =>
    ids.filter((id) => id === ATHLETE).map((athlete) => ({ athlete, lastMs: OLD[3]!.endMs })),
  covered: async () => ({ distanceM: 120, activeS: 40 }),
  segments: async (participant, event): Promise<SegmentTotal[]> => {
    const { size: _, startMs, endMs, revision: __, ...stats } = OLD[0]!;
    return [
      { ...stats, participant, event, segment: "start-5k", enteredMs: startMs, leftMs: endMs, pane: "early" },
    ];
  },
  close: async () => undefined,
};

async function start(options: Partial<AppOptions> = { athletes: store }): Promise<void> {
  await api?.app.close();
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    acknowledgements: { send: async () => undefined },
    ...options,
  });
  url = await api.app.listen({ port: 0, host: "127.0.0.1" });
  await Promise.all([api.follower.ready, api.alerts?.ready, api.athletes?.ready]);
}

beforeEach(async () => {
  log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants({ race: SAMPLE.id, bib: "7", gender: "F", division: "30-34", country: "AUT" });
  log.windows(...OLD);
  asked = [];
  readers = [];
  await start();
});

afterEach(async () => {
  for (const reader of readers) reader.close();
  await api.app.close();
});

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await api.app.inject({ url: path, headers });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
}

function open(headers: Record<string, string> = {}, path = PATH): EventReader {
  const reader = new EventReader(url, `${path}/stream`, headers);
  readers.push(reader);
  return reader;
}

const startsOf = (data: unknown) =>
  (data as { windows: { startMs: number }[] }).windows.map(({ startMs }) => (startMs - WINDOWS_MS) / 10_000);

describe("an athlete", () => {
  test("is the last window, what was covered, and the runner", async () => {
    const { status, body, headers } = await get(PATH);
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(body).toMatchObject({
      athlete: ATHLETE,
      race: SAMPLE.id,
      raceName: SAMPLE.name,
      bib: "7",
      asOfMs: OLD[3]!.endMs,
      window: { size: "10s", hrMin: 143, hrMean: 148, hrMax: 153, cadenceMean: 176, paceSPerKm: 1000 / 3 },
      distanceM: 120,
      activeS: 40,
      courseM: SAMPLE.distanceM,
      runner: { status: "registered", page: `/runner.html?race=${SAMPLE.id}&bib=7` },
    });
    expect(body.window).not.toHaveProperty("participant");
  });

  test("is who a runner's answer names", async () => {
    expect((await get(`/v1/races/${SAMPLE.id}/runners/7`)).body.athlete).toBe(ATHLETE);
  });

  test("is found among runners by who asks for a link", async () => {
    const { body } = await get(`/v1/athletes?id=${encodeURIComponent(ATHLETE)}&id=nobody`);
    expect(body).toEqual({ athletes: [{ athlete: ATHLETE, lastMs: OLD[3]!.endMs }] });
    expect((await get("/v1/athletes")).status).toBe(400);
    await start({});
    expect((await get(`/v1/athletes?id=${encodeURIComponent(ATHLETE)}`)).body).toEqual({ athletes: [] });
    expect((await get(PATH)).status).toBe(404);
  });

  test("is unknown when no device has sent anything", async () => {
    for (const path of ["nobody", "%00", "__proto__", "sample%2F8"])
      for (const rest of ["", "/windows", "/segments", "/stream"]) {
        const { status, body } = await get(`/v1/athletes/${path}${rest}`);
        expect([status, body.code]).toEqual([404, "UNKNOWN_ATHLETE"]);
      }
    expect((await get(`/v1/athletes/${"x".repeat(201)}`)).status).toBe(400);
  });

  test("is there only for who has the token, when there is one, and for pages of this server", async () => {
    const headers = { origin: "https://elsewhere.example", host: "127.0.0.1:8080" };
    expect((await get(PATH, headers)).body.code).toBe("FORBIDDEN_ORIGIN");
    await start({ athletes: store, controlToken: "secret" });
    for (const rest of ["", "/windows", "/segments", "/stream"])
      expect((await get(PATH + rest)).body.code).toBe("UNAUTHORIZED");
    expect((await get(PATH, { authorization: "Bearer secret" })).status).toBe(200);
  });

  test("can be asked for later when the store is away", async () => {
    const away = async () => {
      throw new Problem("NOT_READY", "earlier results cannot be read at the moment", 2);
    };
    await start({ athletes: { ...store, windows: away } });
    const { status, body, headers } = await get(PATH);
    expect([status, body.code, headers["retry-after"]]).toEqual([503, "NOT_READY", "2"]);
  });

  test("has segments, the open one marked", async () => {
    const { body } = await get(`${PATH}/segments`);
    expect(body.segments).toEqual([
      expect.objectContaining({ segment: "start-5k", isOver: false, distanceM: 30, hrMean: 145 }),
    ]);
  });
});

describe("windows", () => {
  test("are the last ones, with word of older ones", async () => {
    const { body } = await get(`${PATH}/windows?size=10s&limit=3`);
    expect([startsOf(body), body.more]).toEqual([[1, 2, 3], true]);
    const rest = await get(`${PATH}/windows?limit=3&to=${body.windows[0].startMs}`);
    expect([startsOf(rest.body), rest.body.more]).toEqual([[0], false]);
  });

  test("of a size or a time without any are an empty list", async () => {
    const { body } = await get(`${PATH}/windows?size=1d`);
    expect(body).toEqual({ athlete: ATHLETE, size: "1d", windows: [], more: false });
    expect(asked[0]).toEqual({
      athlete: ATHLETE,
      size: "1d",
      fromMs: 0,
      toMs: 8_640_000_000_000_000,
      limit: 361,
    });
  });

  test.each([
    ["size=5s", "size must be one of 10s, 1m, 1d"],
    ["limit=0", "limit must be >= 1"],
    ["limit=2001", "limit must be <= 2000"],
    ["from=-1", "from must be >= 0"],
    ["from=now", "from must be integer"],
    ["from=2&to=2", "from must be before to: 2 is not before 2"],
  ])("are refused for %s, with what is allowed", async (query, message) => {
    const { status, body } = await get(`${PATH}/windows?${query}`);
    expect([status, body]).toEqual([400, { code: "BAD_REQUEST", message }]);
    expect(asked).toEqual([]);
  });
});

describe("the stream of an athlete", () => {
  test("tells what comes from now on, under positions of windows and alerts", async () => {
    log.alerts(raisedAlert("7", 10));
    await expect.poll(() => api.alerts!.model.of(ATHLETE).length).toBe(1);
    const reader = open();
    await expect.poll(() => reader.names).toBe("snapshot");
    expect(reader.last!.data).toMatchObject({ athlete: ATHLETE, windows: [], alerts: [{ state: "raised" }] });
    expect(reader.last!.id).toMatch(/^0:\d+,1:\d+,2:\d+,3:\d+$/);

    log.windows(sampleWindow("7", 4), sampleWindow("8", 4), sampleWindow("7", 5));
    await expect.poll(() => reader.events.slice(1).flatMap(({ data }) => startsOf(data))).toEqual([4, 5]);
    const before = reader.events.length;
    // A late reading: the same window again.
    log.windows(sampleWindow("7", 4, { pane: "late", revision: 1, hrMax: 199 }));
    await expect.poll(() => reader.events.length).toBe(before + 1);
    expect(reader.last!.data).toEqual({
      windows: [expect.objectContaining({ revision: 1, hrMax: 199, pane: "late" })],
    });

    log.alerts(acknowledgedAlert(raisedAlert("7", 10), "medic-1"), raisedAlert("8", 10));
    await expect.poll(() => reader.last!.data).toMatchObject({ alerts: [{ state: "acknowledged" }] });
    expect(JSON.stringify(reader.events)).not.toContain(`${SAMPLE.id}/8`);
  });

  test("gives who comes back what was missed, and who cannot be helped a reset", async () => {
    const first = open();
    await expect.poll(() => first.names).toBe("snapshot");
    first.close();
    log.windows(sampleWindow("7", 4));
    const watching = open();
    await expect.poll(() => watching.events.flatMap(({ data }) => startsOf(data))).toEqual([4]);
    const back = open({ "last-event-id": first.last!.id! });
    await expect.poll(() => back.names).toBe("change");
    expect(startsOf(back.last!.data)).toEqual([4]);
    const lost = open({ "last-event-id": "0:0,1:0,2:0,3:0" });
    await expect.poll(() => lost.names).toBe("reset snapshot");
    expect(startsOf(lost.last!.data)).toEqual([4]);
  });

  test("goes on where it stopped when the log was away", async () => {
    const reader = open();
    await expect.poll(() => reader.names).toBe("snapshot");
    log.failure = new Error("the broker is away");
    log.windows(sampleWindow("7", 4), sampleWindow("7", 5));
    const told = () => reader.events.slice(1).flatMap(({ data }) => startsOf(data));
    await expect.poll(told, { timeout: 60_000 }).toEqual([4, 5]);
  });
});

describe("the book", () => {
  const skipped: unknown[][] = [];
  let nowMs: number;
  let book: AthleteBook;
  let offset: number;
  const put = (...windows: ReadingWindow[]) => {
    for (const window of windows) {
      const bytes = ReadingWindow.encode(window);
      book.apply("reading-windows", 0, offset++, bytes, 0, bytes.length);
    }
  };

  beforeEach(() => {
    nowMs = 0;
    offset = 0;
    book = new AthleteBook({ skipped: (...what) => skipped.push(what) }, () => nowMs);
  });

  test("keeps the last ninety windows of ten seconds of who is asked for, in order", () => {
    put(sampleWindow("7", 0));
    expect(book.recent(ATHLETE)).toEqual([]);
    put(...Array.from({ length: 100 }, (_, n) => sampleWindow("7", 100 - n)), sampleWindow("8", 1));
    put(sampleWindow("7", 3), sampleWindow("7", 101));
    const starts = book.recent(ATHLETE).map(({ startMs }) => (startMs - WINDOWS_MS) / 10_000);
    expect(starts).toEqual(Array.from({ length: 90 }, (_, n) => n + 12));
    expect(book.position).toEqual([104]);
    expect([...book.takeChanged().keys()]).toEqual([ATHLETE]);
    expect(book.takeChanged().size).toBe(0);
  });

  test("forgets who was not asked for in five minutes", () => {
    book.recent(ATHLETE);
    put(sampleWindow("7", 1));
    nowMs = 299_000;
    book.recent("somebody");
    expect(book.recent(ATHLETE)).toHaveLength(1);
    nowMs = 700_000;
    book.recent("somebody else");
    expect(book.recent(ATHLETE)).toEqual([]);
  });

  test("skips what is no window, and goes on", () => {
    book.recent(ATHLETE);
    book.apply("reading-windows", 0, 5, Buffer.from("nonsense"), 0, 8);
    expect(skipped).toEqual([["reading-windows", 0, 5, expect.any(String)]]);
    expect(book.position).toEqual([6]);
  });

  test("begins at the end of the log, goes on where it stopped, and begins anew where that is gone", () => {
    expect(book.startAt({ partition: 0, first: 3, end: 9 })).toBe(9);
    book.reached("reading-windows", 0, 5);
    expect(book.startAt({ partition: 0, first: 3, end: 9 })).toBe(5);
    expect(book.startAt({ partition: 0, first: 6, end: 9 })).toBe(9);
    expect(book.startAt({ partition: 0, first: 0, end: 4 })).toBe(4);
  });
});
