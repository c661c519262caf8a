import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ApiApp, createApp } from "../server.ts";
import { EventReader } from "../testing/event-reader.ts";
import { MemoryLog } from "../testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { silentLog } from "../testing/silent-log.ts";
import type { HubLimits } from "./stream-hub.ts";

const BOARD = "/v1/races/sample/leaderboard/stream?at=10k";

let log: MemoryLog;
let api: ApiApp;
let registry: Registry;
let url: string;
let readers: EventReader[];

async function start(limits: Partial<HubLimits> = {}): Promise<void> {
  registry = new Registry();
  api = await createApp({ openReader: log.openReader, registry, log: silentLog(), limits });
  url = await api.app.listen({ port: 0, host: "127.0.0.1" });
  await api.follower.ready;
}

function open(path = BOARD, headers: Record<string, string> = {}): EventReader {
  const reader = new EventReader(url, path, headers);
  readers.push(reader);
  return reader;
}

async function metric(name: string, labels: Record<string, string>): Promise<number> {
  const values = (await registry.getSingleMetric(name)!.get()).values;
  return (
    values.find((value) => Object.entries(labels).every(([key, label]) => value.labels[key] === label))
      ?.value ?? 0
  );
}

beforeEach(() => {
  readers = [];
  log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("1"), entrant("2"), entrant("3"));
  log.standings(standing("1", "10k", 2500));
});

afterEach(async () => {
  for (const reader of readers) reader.close();
  await api.app.close();
});

describe("a stream", () => {
  test("begins with a snapshot, then tells what changed, under committed positions", async () => {
    await start();
    const reader = open();
    await expect.poll(() => reader.names).toBe("snapshot");
    expect(reader.last).toMatchObject({
      id: "0:1,1:0",
      data: { race: "sample", at: "10k", passed: 1, counts: { started: 1 }, rows: [{ bib: "1", place: 1 }] },
    });

    log.standings(standing("2", "10k", 2400));
    await expect.poll(() => reader.names).toBe("snapshot change");
    expect(reader.last).toMatchObject({
      id: "0:2,1:0",
      data: {
        passed: 2,
        counts: { started: 2 },
        order: ["2", "1"],
        rows: [
          { bib: "2", place: 1, gapS: 0 },
          { bib: "1", place: 2, gapS: 100 },
        ],
      },
    });
  });

  test("tells the first change at once, and those that follow together", async () => {
    await start({ lookIntervalMinMs: 3000 });
    const reader = open();
    await expect.poll(() => reader.names).toBe("snapshot");
    const startMs = performance.now();
    log.standings(standing("2", "10k", 2400));
    await vi.waitUntil(() => reader.events.length === 2, { interval: 2 });
    expect(performance.now() - startMs).toBeLessThan(2000);
    for (let i = 0; i < 20; i++) {
      log.standings(standing("3", "10k", 2400 - i));
      await sleep(5);
    }
    await expect.poll(() => reader.last, { timeout: 60_000 }).toMatchObject({ id: "0:22,1:0" });
    expect(reader.events.length).toBeLessThanOrEqual(4);
  });

  test("of a runner tells that runner's splits as they change", async () => {
    await start();
    const reader = open("/v1/races/sample/runners/1/stream");
    await expect.poll(() => reader.names).toBe("snapshot");
    log.standings(standing("2", "10k", 2400));
    await expect.poll(() => reader.names).toBe("snapshot change");
    expect(reader.last?.data).toEqual({
      asOf: 38_500,
      splits: [expect.objectContaining({ mat: "10k", place: 2, passed: 2, gapLeaderS: 100 })],
    });
    log.standings(standing("1", "10k", null, { counted: false, rankS: null, gunS: null, asOfS: 39_000 }));
    await expect.poll(() => reader.last?.data).toMatchObject({ removed: ["10k"] });
  });

  test("serialises an update once for all its readers", async () => {
    await start();
    const many = Array.from({ length: 50 }, () => open());
    await expect.poll(() => many.every((reader) => reader.names === "snapshot")).toBe(true);
    expect(api.hub.views).toBe(1);
    const stringify = vi.spyOn(JSON, "stringify");
    log.standings(standing("2", "10k", 2400));
    await expect.poll(() => many.every((reader) => reader.names === "snapshot change")).toBe(true);
    const updates = stringify.mock.calls.filter(
      ([value]) => (value as { order?: unknown })?.order !== undefined,
    );
    stringify.mockRestore();
    expect(updates.length).toBe(1);
    expect(new Set(many.map((reader) => JSON.stringify(reader.last))).size).toBe(1);
  });

  test("shows that it lives when nothing happens", async () => {
    await start({ heartbeatMs: 40 });
    const reader = open();
    await expect.poll(() => reader.comments).toBeGreaterThan(3);
    expect(reader.names).toBe("snapshot");
  });

  test("says goodbye when the server closes, quickly", async () => {
    await start();
    const reader = open();
    await expect.poll(() => reader.names).toBe("snapshot");
    const startMs = performance.now();
    await api.app.close();
    expect(performance.now() - startMs).toBeLessThan(5000);
    await expect.poll(() => reader.names).toBe("snapshot bye");
    await expect.poll(() => reader.closed).toBe(true);
  });

  test("is let go when its reader leaves, and its view after a while", async () => {
    await start({ lingerMs: 100 });
    const reader = open();
    await expect.poll(() => api.hub.readers).toBe(1);
    reader.close();
    await expect.poll(() => api.hub.readers).toBe(0);
    await expect.poll(() => api.hub.views).toBe(0);
  });

  test("is refused beyond the limits, with when to come again", async () => {
    await start({ readersMax: 1 });
    open();
    await expect.poll(() => api.hub.readers).toBe(1);
    const refused = await fetch(url + BOARD);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "TOO_MANY_READERS" });
  });
});

describe("a reader that comes back", () => {
  /** Reads a snapshot and two changes, leaves, and misses two more. Ids: of the snapshot, then of each change. */
  async function history(): Promise<string[]> {
    const first = open();
    await expect.poll(() => first.names).toBe("snapshot");
    for (const [i, bib] of ["2", "3"].entries()) {
      log.standings(standing(bib, "10k", 2400 - i));
      await expect.poll(() => first.events.length).toBe(i + 2);
    }
    first.close();
    return first.events.map(({ id }) => id!);
  }

  test("gets what it missed, nothing else", async () => {
    await start();
    const ids = await history();
    const reader = open(BOARD, { "last-event-id": ids[0]! });
    await expect.poll(() => reader.names).toBe("change change");
    expect(reader.events.map(({ id }) => id)).toEqual(ids.slice(1));
  });

  test("gets one change for what happened while nobody watched", async () => {
    await start();
    const ids = await history();
    await expect.poll(() => api.hub.readers).toBe(0);
    log.standings(standing("1", "10k", 2300));
    log.standings(standing("3", "10k", 2200));
    await expect.poll(() => api.follower.model.position).toEqual([5, 0]);
    const reader = open(BOARD, { "last-event-id": ids[2]! });
    await expect.poll(() => reader.names).toBe("change");
    expect(reader.last).toMatchObject({ id: "0:5,1:0", data: { order: ["3", "1", "2"] } });
  });

  test("that missed nothing gets nothing until something happens", async () => {
    await start();
    const ids = await history();
    const reader = open(BOARD, { "last-event-id": ids[2]! });
    await expect.poll(() => reader.status).toBe(200);
    await sleep(50);
    expect(reader.names).toBe("");
    log.standings(standing("1", "10k", 2300));
    await expect.poll(() => reader.names).toBe("change");
  });

  test.each([
    ["too old", "0:0,1:0", "expired"],
    ["of the future", "0:99,1:0", "ahead"],
    ["of other topics", "0:1", "ahead"],
    ["no position", "'; drop table--", "malformed"],
    ["endless", "9".repeat(3000), "malformed"],
  ])("with an id that is %s gets a reset and a snapshot", async (_, id, reason) => {
    await start();
    await history();
    const reader = open(BOARD, { "last-event-id": id });
    await expect.poll(() => reader.names).toBe("reset snapshot");
    expect(reader.events[0]).toEqual({ event: "reset", id: undefined, data: { reason } });
    expect(reader.last).toMatchObject({
      data: { rows: [{ bib: "3" }, { bib: "2" }, { bib: "1" }] },
    });
  });

  test("after more than the history holds gets a reset and a snapshot", async () => {
    await start({ historyMax: 1 });
    const ids = await history();
    const reader = open(BOARD, { "last-event-id": ids[0]! });
    await expect.poll(() => reader.names).toBe("reset snapshot");
  });
});

describe("a slow reader", () => {
  const WIDE = "/v1/races/sample/leaderboard/stream?at=10k&limit=1000";

  /** A field whose every change is some 200 KB, until the reader's buffers are full. */
  async function flood(until: () => Promise<boolean>): Promise<void> {
    for (let round = 1; round < 300 && !(await until()); round++) {
      const runners = Array.from({ length: 1000 }, (_, i) =>
        standing(String(i), "10k", 3000 + i + round / 1000),
      );
      log.standings(...runners);
      await sleep(15);
    }
  }

  const passedOver = async () =>
    (await metric("pacestream_sse_slow_readers_total", { outcome: "passed_over" })) > 0;
  const disconnected = async () =>
    (await metric("pacestream_sse_slow_readers_total", { outcome: "disconnected" })) > 0;

  test("is passed over, others are not, and gets a fresh snapshot when it reads on", async () => {
    // However slow this machine is, the reader is not cut off meanwhile.
    await start({ lookIntervalMinMs: 5, readerBufferMax: 64 * 1024, stuckMaxMs: 600_000 });
    const slow = open(WIDE);
    const other = open(`${BOARD}&limit=1`);
    await expect.poll(() => slow.names).toBe("snapshot");
    slow.stopReading();
    await flood(passedOver);
    expect(await passedOver()).toBe(true);
    log.standings(standing("winner", "10k", 1000));
    await expect.poll(() => JSON.stringify(other.last).includes('"winner"'), { timeout: 60_000 }).toBe(true);
    expect(await metric("pacestream_sse_readers", {})).toBe(2);

    slow.readOn();
    // It may have taken what waited before the winner came, and heard of that as of any other change.
    const isFresh = () => {
      const last = slow.events.findLastIndex(({ event }) => event === "snapshot");
      return last > 0 && JSON.stringify(slow.events.slice(last)).includes('"winner"');
    };
    await expect.poll(isFresh, { timeout: 60_000 }).toBe(true);
    log.standings(standing("second", "10k", 1001));
    await expect.poll(() => slow.last?.event).toBe("change");
  });

  test("that takes nothing any more is disconnected", async () => {
    await start({ lookIntervalMinMs: 5, readerBufferMax: 64 * 1024, stuckMaxMs: 200 });
    const stuck = open(WIDE);
    await expect.poll(() => stuck.names).toBe("snapshot");
    stuck.stopReading();
    await flood(disconnected);
    expect(await disconnected()).toBe(true);
    await expect.poll(() => api.hub.readers).toBe(0);
  });
});
