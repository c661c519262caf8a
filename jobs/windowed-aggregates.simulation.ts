/**
 * How the aggregates are simulated: a few runners for some minutes, uploads out of order and twice, and what must come of it:
 * the figures of a plain run, and of the slow way to reckon them.
 *
 * Which result of a window was early, and how many there were, depends on how the work was cut; what stands in the end does
 * not. For that the disorder allowed is longer than the input: in which order partitions are read is a matter of chance, and
 * nobody must be late by it.
 */
import { isDeepStrictEqual } from "node:util";
import { hours } from "../runtime/index.ts";
import type { InputRecord, Outcome, Random, SimulatedJob } from "../runtime/testing/index.ts";
import { sequential } from "../runtime/testing/index.ts";
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
import { windowedAggregates } from "./lib/aggregates/job.ts";
import { differences, rowsOf, statsOfRows, windowsOf } from "./lib/aggregates/testing/oracle.ts";
import { RUNNERS } from "./windowed-aggregates.ts";

/** Event time goes on by what is read alone: a partition whose writer stands still, or a clock that is set, makes nobody late. */
const { quietAfter: _quietAfter, ...withoutQuiet } = RUNNERS;
const SIMULATED = { ...withoutQuiet, disorderMax: hours(1), idleAfter: hours(1_000) };
const job = windowedAggregates(SIMULATED);

const T0 = Date.parse("2020-10-11T12:30:00Z");
const END_MS = T0 + hours(48);
/** Those whose reading, two days on, closes all windows: so many that every partition of up to four has one. */
const CLOSERS = 12;
const COURSE: Course = {
  event: "run",
  segments: [
    { id: "a", startM: 0, endM: 300 },
    { id: "b", startM: 300, endM: 600 },
  ],
};

function input(random: Random): InputRecord[] {
  const spanMs = random.pick([2_000, 6_000, 15_000]);
  const records: InputRecord[] = [
    { topic: "courses", key: COURSE.event, value: Course.encode(COURSE), atMs: 0 },
  ];
  for (let n = random.between(1, 4); n > 0; n--) {
    const participant = `r${n}`;
    const event = random.chance(0.3) ? null : "run";
    const uploads = random.shuffled(uploadsOf(participant, event, random));
    for (const [i, upload] of uploads.entries()) {
      const atMs = random.between(1, spanMs);
      records.push(recordOf(upload, atMs));
      if (random.chance(0.1)) records.push(recordOf({ ...upload, receivedMs: i }, atMs + 1));
    }
  }
  for (let n = 0; n < CLOSERS; n++) {
    const participant = `last-${n}`;
    const readings = [{ ...NOTHING, tsMs: END_MS }];
    const ids = { participant, event: null, device: participant, id: 0 };
    records.push(recordOf({ ...ids, sentMs: END_MS, receivedMs: END_MS, readings }, spanMs + 50));
  }
  return records;
}

const NOTHING: Reading = {
  tsMs: 0,
  hr: null,
  lat: null,
  lon: null,
  distanceM: null,
  steps: null,
  cadence: null,
  altitudeM: null,
};

function recordOf(upload: Upload, atMs: number): InputRecord {
  return { topic: "uploads", key: upload.participant, value: Upload.encode(upload), atMs };
}

function uploadsOf(participant: string, event: string | null, random: Random): Upload[] {
  let tsMs = T0 + random.between(0, 20_000);
  let distanceM = 0;
  let steps = 0;
  const readings = Array.from({ length: random.between(5, 50) }, (): Reading => {
    const stands = random.chance(0.2);
    const sinceMs = random.pick([1_000, 1_000, 1_000, 5_000, random.between(1, 90_000)]);
    tsMs += sinceMs;
    distanceM += stands ? 0 : (3 * sinceMs) / 1_000;
    steps += stands ? 0 : Math.round((3 * sinceMs) / 1_000);
    const hr = random.chance(0.1) ? null : random.between(20, 245);
    const cadence = random.chance(0.5) ? null : stands ? 0 : 170;
    return { ...NOTHING, tsMs, hr, distanceM: Math.fround(distanceM), steps, cadence };
  });
  const uploads: Upload[] = [];
  for (let at = 0; at < readings.length; ) {
    const batch = readings.slice(at, at + random.between(1, 15));
    at += batch.length;
    const sentMs = batch.at(-1)!.tsMs;
    uploads.push({
      participant,
      event,
      device: `watch-${participant}`,
      id: uploads.length,
      sentMs,
      receivedMs: sentMs,
      readings: batch,
    });
  }
  return uploads;
}

function check(outcome: Outcome): void {
  const plain = sequential(job, outcome.input);
  for (const look of [windows, sessions, segments, minutes]) {
    const [found, wanted] = [look(outcome), look(plain)];
    same(look.name, [...found].sort(), [...wanted].sort());
  }
  same("late readings", outcome.values("late-readings", LateReading), []);
  same("dead letters", outcome.deadLetters(), []);
  const uploads = outcome.input
    .filter(({ topic }) => topic === "uploads")
    .map(({ value }) => Upload.decode(value!));
  const expected = [...windowsOf(rowsOf(uploads, SIMULATED), SIMULATED)]
    .filter(([key]) => !key.startsWith("last-"))
    .map(([key, rows]): [string, ReadingStats] => [key, statsOfRows(rows, SIMULATED)]);
  const found = [...windows(outcome)].map(([key, row]): [string, ReadingStats] => [key, row.stats]);
  const wrong = differences(new Map(found), new Map(expected));
  if (wrong.length > 0) throw new Error(`windows: ${wrong.slice(0, 3).join("; ")}`);
}

/** What the last result of each window says, and whether the window was closed; not how often it spoke before. */
function windows(outcome: Outcome) {
  return lastOf(outcome.latest("reading-windows", ReadingWindow), ({ event, pane }) => [event, pane]);
}

function sessions(outcome: Outcome) {
  return lastOf(outcome.latest("activity-sessions", ActivitySession), ({ endMs }) => [endMs]);
}

function segments(outcome: Outcome) {
  return lastOf(outcome.latest("segment-totals", SegmentTotal), ({ enteredMs, leftMs, pane }) => [
    enteredMs,
    leftMs,
    pane,
  ]);
}

function minutes(outcome: Outcome) {
  return lastOf(outcome.latest("event-windows", EventWindow), ({ pane, participants }) => [
    pane,
    participants,
  ]);
}

interface Last {
  readonly stats: ReadingStats;
  readonly more: unknown;
}

const STATS = Object.keys(statsOfRows([], SIMULATED)) as (keyof ReadingStats)[];

/** Without those who only close windows. */
function lastOf<T extends ReadingStats>(
  rows: ReadonlyMap<string, T>,
  moreOf: (row: T) => unknown,
): Map<string, Last> {
  return new Map(
    [...rows]
      .filter(([key]) => !key.startsWith("last-"))
      .map(([key, row]): [string, Last] => {
        const stats = Object.fromEntries(STATS.map((name) => [name, row[name]]));
        return [key, { stats: stats as unknown as ReadingStats, more: moreOf(row) }];
      }),
  );
}

function same(what: string, found: readonly unknown[], wanted: readonly unknown[]): void {
  if (isDeepStrictEqual(found, wanted)) return;
  const at = wanted.findIndex((one, i) => !isDeepStrictEqual(found[i], one));
  const here = at < 0 ? wanted.length : at;
  throw new Error(
    `${what}: ${found.length} instead of ${wanted.length}; first ${JSON.stringify(found[here])} instead of ${JSON.stringify(wanted[here])}`,
  );
}

export const simulation: SimulatedJob = { job, input, check };
