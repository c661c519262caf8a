import { beforeAll, describe, expect, test } from "vitest";
import { hours, minutes, seconds } from "../runtime/index.ts";
import { JobHarness, Random } from "../runtime/testing/index.ts";
import {
  ActivitySession,
  Course,
  EventWindow,
  LateReading,
  type Reading,
  type ReadingStats,
  ReadingWindow,
  SegmentTotal,
  Upload,
} from "../schemas/index.ts";
import collars, { COLLARS } from "./collar-aggregates.ts";
import {
  daysOf,
  differences,
  rowsOf,
  sessionsOf,
  statsOfRows,
  windowsOf,
} from "./lib/aggregates/testing/oracle.ts";
import { shippedTracks, underWay, uploadsOf } from "./lib/aggregates/testing/recorded.ts";
import runners, { RUNNERS } from "./windowed-aggregates.ts";

const T0 = Date.parse("2026-10-11T12:30:00Z");
const LIMIT_MS = 240_000;

/** As the harness's options, and how long uploads may be under way. */
interface Way {
  readonly partitions: number;
  readonly parallelism: number;
  readonly delayMaxMs: number;
  readonly batchMax?: number;
  readonly crashes?: boolean;
}

const course: Course = {
  event: "run",
  segments: [
    { id: "first-km", startM: 0, endM: 1_000 },
    { id: "second-km", startM: 1_000, endM: 2_000 },
    { id: "to-5k", startM: 0, endM: 5_000 },
  ],
};

let uploads: Upload[];
beforeAll(async () => {
  const tracks = await shippedTracks();
  uploads = tracks.flatMap((track, n) =>
    uploadsOf(track, {
      participant: `runner-${n}`,
      event: n % 3 === 0 ? null : "run",
      startMs: T0 + n * 333,
      everyMs: seconds(10),
    }),
  );
}, LIMIT_MS);

function play(seed: number, { delayMaxMs, crashes, batchMax, ...shape }: Way) {
  const random = new Random(seed);
  const harness = new JobHarness(runners, {
    ...shape,
    nowMs: T0 + hours(8),
    ...(batchMax && { batchMax, turnsAnEpoch: 2 }),
    ...(crashes && {
      crash: () => (random.chance(0.2) ? random.pick(["before-commit", "after-commit"] as const) : undefined),
    }),
  });
  harness.send("courses", Course, course.event, course);
  for (const upload of underWay(uploads, delayMaxMs, random))
    harness.send("uploads", Upload, upload.participant, upload);
  harness.run();
  for (let hour = 0; hour < 26; hour++) harness.advance(hours(1));
  return harness;
}

const by = <T>(rows: readonly T[], keyOf: (row: T) => string) =>
  new Map(rows.map((row) => [keyOf(row), row]));
const figures = (rows: ReadonlyMap<string, Parameters<typeof statsOfRows>[0]>) =>
  new Map([...rows].map(([key, group]) => [key, statsOfRows(group, RUNNERS)]));

function results(harness: JobHarness) {
  const windows = harness.output("reading-windows", ReadingWindow);
  const sessions = harness.output("activity-sessions", ActivitySession);
  const segments = harness.output("segment-totals", SegmentTotal);
  const events = harness.output("event-windows", EventWindow);
  return {
    windows: by(windows, ({ participant, size, startMs }) => `${participant}/${size}/${startMs}`),
    sessions: by(sessions, ({ participant, kind, startMs }) => `${participant}/${kind}/${startMs}`),
    segments: by(segments, ({ participant, segment }) => `${participant}/${segment}`),
    events: by(events, ({ startMs }) => `${startMs}`),
  };
}

const WAYS: readonly [string, Way][] = [
  ["in order, in one task", { partitions: 1, parallelism: 1, delayMaxMs: 0 }],
  ["out of order, some twice", { partitions: 2, parallelism: 2, delayMaxMs: seconds(5) }],
  [
    "out of order, in three tasks that crash again and again",
    { partitions: 4, parallelism: 3, delayMaxMs: seconds(5), batchMax: 40, crashes: true },
  ],
];

describe.each(WAYS)("recordings, %s, come to what SQL would say of", (_name, way) => {
  let got: ReturnType<typeof results>;
  let harness: JobHarness;
  const rows = () => rowsOf(uploads, RUNNERS);
  beforeAll(() => {
    harness = play(7, way);
    got = results(harness);
  }, LIMIT_MS);

  test("windows of 10 s, a minute and a day", () => {
    expect(got.windows.size).toBeGreaterThan(2_000);
    const days = [...got.windows.values()].filter(({ size }) => size === RUNNERS.days.name);
    const expected = [...windowsOf(rows(), RUNNERS), ...daysOf(rows(), days, RUNNERS)];
    expect(differences(pick(got.windows), figures(new Map(expected)))).toEqual([]);
    expect(new Set([...got.windows.values()].map(({ pane }) => pane))).toEqual(new Set(["on_time"]));
  });
  test("sessions of activity and rest", () => {
    expect(new Set([...got.sessions.values()].map(({ kind }) => kind)).size).toBe(2);
    expect(differences(pick(got.sessions), figures(sessionsOf(rows(), RUNNERS)))).toEqual([]);
  });
  test("segments of the course", () => {
    const expected = new Map(
      course.segments.flatMap(({ id, startM, endM }) => [
        ...Map.groupBy(
          rows().filter(
            ({ event, distanceCm: cm }) =>
              event !== null && cm !== null && cm >= startM * 100 && cm < endM * 100,
          ),
          ({ participant }) => `${participant}/${id}`,
        ),
      ]),
    );
    expect(expected.size).toBeGreaterThan(10);
    expect(differences(pick(got.segments), figures(expected))).toEqual([]);
  });
  test("minutes of the event", () => {
    const ofEvent = rows().filter(({ event }) => event !== null);
    const expected = Map.groupBy(ofEvent, ({ tsMs }) => `${Math.floor(tsMs / 60_000) * 60_000}`);
    expect(differences(pick(got.events), figures(expected))).toEqual([]);
    for (const [minute, group] of expected)
      expect(got.events.get(minute)!.participants).toBe(
        new Set(group.map(({ participant }) => participant)).size,
      );
  });
  test("nothing is late, and nothing throws", () => {
    expect(harness.output("late-readings", LateReading)).toEqual([]);
    expect(harness.deadLetters()).toEqual([]);
  });
});

/** The figures alone. */
function pick(rows: ReadonlyMap<string, ReadingStats>): Map<string, ReadingStats> {
  const names = Object.keys(statsOfRows([], RUNNERS)) as (keyof ReadingStats)[];
  return new Map(
    [...rows].map(([key, row]) => [
      key,
      Object.fromEntries(names.map((name) => [name, row[name]])) as unknown as ReadingStats,
    ]),
  );
}

/** A participant's readings, one a second, 3 m and 3 steps apart. */
const running = (fromS: number, count: number, id: number, participant = "r"): Upload => ({
  participant,
  event: "run",
  device: `watch-${participant}`,
  id,
  sentMs: T0 + (fromS + count - 1) * 1000,
  receivedMs: T0 + (fromS + count - 1) * 1000,
  readings: Array.from({ length: count }, (_, i): Reading => {
    const s = fromS + i;
    return {
      tsMs: T0 + s * 1000,
      hr: 150,
      lat: null,
      lon: null,
      distanceM: s * 3,
      steps: s * 3,
      cadence: 170,
      altitudeM: null,
    };
  }),
});

function start(nowMs = T0 + minutes(1)) {
  const harness = new JobHarness(runners, { partitions: 1, nowMs });
  const send = (...uploads: Upload[]) => {
    for (const upload of uploads) harness.send("uploads", Upload, upload.participant, upload);
    harness.run();
  };
  const said = (size: string, startS = 0) =>
    harness
      .output("reading-windows", ReadingWindow)
      .filter((row) => row.participant === "r" && row.size === size && row.startMs === T0 + startS * 1000)
      .map(({ pane, revision, readings, distanceM }) => [pane, revision, readings, distanceM]);
  return { harness, send, said };
}

describe("a window", () => {
  test("says early what it has, on time what it came to, and late what came after", () => {
    const { send, said } = start();
    send(running(0, 10, 0), running(10, 10, 1));
    // The first reading of the second upload waits: one between could still come.
    expect(said("1m")).toEqual([["early", 0, 19, 54]]);
    send(running(20, 10, 2));
    send(running(85, 10, 8));
    expect(said("1m").at(-1)).toEqual(["on_time", 2, 30, 87]);
    send(running(30, 10, 3));
    // Each says a new result. What lies between 29 and 30 is not known to be a span: something could have been there.
    expect(
      said("1m")
        .slice(3)
        .map(([pane]) => pane),
    ).toEqual(Array(10).fill("late"));
    expect(said("1m").at(-1)).toEqual(["late", 12, 40, 87 + 27]);
  });
  test("is closed by the clock when everybody has gone quiet", () => {
    const { harness, send, said } = start();
    send(running(0, 10, 0));
    expect(said("10s")).toEqual([]);
    harness.advance(minutes(2));
    expect(said("10s")).toEqual([["on_time", 0, 10, 27]]);
  });
  test("does not count an upload twice, however it comes again", () => {
    const { send, said } = start();
    send(running(0, 10, 0), running(0, 10, 0));
    send(running(10, 10, 1), { ...running(0, 10, 0), receivedMs: T0 + 30_000 });
    send(running(60, 10, 6));
    expect(said("10s")).toEqual([["on_time", 0, 10, 27]]);
  });
  test.each([
    ["live", T0 + minutes(1)],
    ["in a replay, years later", T0 + 365 * hours(24)],
  ])("is not closed by a clock that runs ahead, whose readings are told of: %s", (_, nowMs) => {
    const { harness, send, said } = start(nowMs);
    send(running(0, 10, 0), { ...running(3_000, 10, 1, "ahead"), receivedMs: T0 + 10_000 });
    expect(said("10s")).toEqual([]);
    const late = harness.output("late-readings", LateReading);
    expect(late.map(({ participant, missed }) => [participant, missed])).toEqual(
      Array(10).fill(["ahead", "future"]),
    );
  });
  test("tells of what came too late for it", () => {
    const { harness, send } = start();
    send(running(0, 10, 0), running(200, 10, 20));
    send(running(10, 10, 1));
    const late = harness.output("late-readings", LateReading);
    expect(late.filter(({ missed }) => missed === "10s").map(({ tsMs }) => (tsMs - T0) / 1000)).toEqual(
      Array.from({ length: 10 }, (_, i) => 10 + i),
    );
    expect(late.filter(({ missed }) => missed === "1m")).toEqual([]);
  });
});

test("time that a span has bridged is not counted again when the upload comes late after all", () => {
  const { send, said } = start();
  send(running(0, 10, 0), running(20, 10, 2), running(50, 10, 5));
  send(running(10, 10, 1));
  send(running(90, 10, 9));
  expect(said("1m").at(-1)).toEqual(["on_time", expect.any(Number), 40, 59 * 3]);
});

test("the same job with a collar's configuration tells an animal's cycles of activity and rest", () => {
  const harness = new JobHarness(collars, { partitions: 1, nowMs: T0 + hours(2) });
  // A reading a minute: half an hour of play, an hour of sleep, a quarter of an hour of play.
  let steps = 0;
  const readings = Array.from({ length: 106 }, (_, minute): Reading => {
    const plays = minute <= 30 || minute > 90;
    if (plays) steps += 80;
    const hr = plays ? 180 : 70;
    return {
      tsMs: T0 + minutes(minute),
      hr,
      lat: null,
      lon: null,
      distanceM: null,
      steps,
      cadence: null,
      altitudeM: null,
    };
  });
  for (let id = 0; id * 10 < readings.length; id++)
    harness.send("collar-uploads", Upload, "cat", {
      ...running(0, 1, id, "cat"),
      event: null,
      receivedMs: readings[Math.min(id * 10 + 9, readings.length - 1)]!.tsMs,
      readings: readings.slice(id * 10, id * 10 + 10),
    });
  harness.run();
  for (let hour = 0; hour < 40; hour++) harness.advance(hours(1));
  const sessions = harness
    .output("collar-activity-sessions", ActivitySession)
    .sort((a, b) => a.startMs - b.startMs)
    .map(({ kind, startMs, endMs, hrMean, steps }) => [
      kind,
      (startMs - T0) / 60_000,
      (endMs - T0) / 60_000,
      hrMean,
      steps,
    ]);
  expect(sessions).toEqual([
    ["active", 0, 30, 180, 2400],
    ["rest", 30, 90, 70, 0],
    ["active", 90, 105, 180, 1200],
  ]);
  const sizes = harness.output("collar-reading-windows", ReadingWindow).map(({ size }) => size);
  expect(new Set(sizes)).toEqual(new Set([...COLLARS.windows, COLLARS.days].map(({ name }) => name)));
});
