/**
 * How aggregates are simulated, whoever wears the devices: some wearers for a while, uploads out of order and twice, and what
 * must come of it: the figures of a plain run, and of the slow way to reckon them.
 *
 * Which result of a window was early, and how many there were, depends on how the work was cut; what stands in the end does
 * not. For that the disorder allowed is longer than the input: in which order partitions are read is a matter of chance, and
 * nobody must be late by it.
 */
import { hours } from "../../../../runtime/index.ts";
import type { InputRecord, Outcome, Random, SimulatedJob } from "../../../../runtime/testing/index.ts";
import { same, sequential } from "../../../../runtime/testing/index.ts";
import {
  ActivitySession,
  EventWindow,
  LateReading,
  type Reading,
  type ReadingStats,
  ReadingWindow,
  SegmentTotal,
  Upload,
} from "../../../../schemas/index.ts";
import { type AggregatesOptions, windowedAggregates } from "../job.ts";
import { noTotals, statsOf } from "../totals.ts";
import {
  daysOf,
  differences,
  IMPOSSIBLE,
  type Row,
  rowsOf,
  sessionsOf,
  statsOfRows,
  windowsOf,
} from "./oracle.ts";

export interface Wearers {
  readonly options: AggregatesOptions;
  /** Longer than what anybody sends spans. */
  readonly lengthMax: number;
  /** What one of them sends, beginning at `fromMs`. */
  readonly readings: (random: Random, fromMs: number) => Reading[];
  /** What some of them take part in. */
  readonly event?: string;
  /** Where that is. */
  readonly zone?: string;
  /** What there is besides uploads. */
  readonly tables?: readonly InputRecord[];
}

export const NOTHING: Reading = {
  tsMs: 0,
  hr: null,
  lat: null,
  lon: null,
  distanceM: null,
  steps: null,
  cadence: null,
  altitudeM: null,
};

const T0 = Date.parse("2020-10-11T12:30:00Z");
/** Beyond the end of the longest window, and the disorder allowed besides. */
const END_MS = T0 + hours(96);
/** Those whose reading, days on, closes all windows: so many that every partition of up to four has one. */
const CLOSERS = 12;

export function simulatedAggregates(wearers: Wearers): SimulatedJob {
  // Event time goes on by what is read alone: a partition whose writer stands still, or a clock that is set, makes nobody late.
  const { quietAfter: _quietAfter, ...withoutQuiet } = wearers.options;
  const options = { ...withoutQuiet, disorderMax: wearers.lengthMax, idleAfter: hours(1_000) };
  const job = windowedAggregates(options);
  return {
    job,
    input: (random) => inputOf(wearers, random),
    check(outcome) {
      const plain = sequential(job, outcome.input);
      for (const look of looksAt(options)) {
        const [found, wanted] = [look(outcome), look(plain)];
        same(look.name, [...found].sort(), [...wanted].sort());
      }
      same("late readings", outcome.values(`${options.prefix ?? ""}late-readings`, LateReading), []);
      same("dead letters", outcome.deadLetters(), []);
      checkFigures(options, outcome);
      checkDays(wearers, outcome);
    },
  };
}

function inputOf(wearers: Wearers, random: Random): InputRecord[] {
  const { options, event = null, tables = [] } = wearers;
  const recordOf = (upload: Upload, atMs: number): InputRecord => ({
    topic: options.uploads.name,
    key: upload.participant,
    value: Upload.encode(upload),
    atMs,
  });
  const spanMs = random.pick([2_000, 6_000, 15_000]);
  const records = [...tables];
  for (let n = random.between(1, 4); n > 0; n--) {
    const ids = { participant: `r${n}`, event: random.chance(0.3) ? null : event };
    const readings = wearers
      .readings(random, T0 + random.between(0, 20_000))
      .map((reading) => (random.chance(HOSTILE_CHANCE) ? hostile(reading, random) : reading));
    for (const upload of random.shuffled(uploadsOf(ids, readings, random))) {
      const atMs = random.between(1, spanMs);
      records.push(recordOf(upload, atMs));
      if (random.chance(0.1))
        records.push(recordOf({ ...upload, receivedMs: upload.receivedMs + 1 }, atMs + 1));
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

const HOSTILE_CHANCE = 0.05;

function hostile(reading: Reading, random: Random): Reading {
  const quantities = Object.entries(IMPOSSIBLE).filter(() => random.chance(0.5));
  return { ...reading, ...Object.fromEntries(quantities) };
}

function uploadsOf(
  ids: Pick<Upload, "participant" | "event">,
  readings: readonly Reading[],
  random: Random,
): Upload[] {
  const uploads: Upload[] = [];
  for (let at = 0; at < readings.length; ) {
    const batch = readings.slice(at, at + random.between(1, 15));
    at += batch.length;
    const sentMs = batch.at(-1)!.tsMs;
    uploads.push({
      ...ids,
      device: `watch-${ids.participant}`,
      id: uploads.length,
      sentMs,
      receivedMs: sentMs,
      readings: batch,
    });
  }
  return uploads;
}

// --- what stands in the end, by key ---------------------------------------------------------------------------------------

interface Last {
  readonly stats: ReadingStats;
  readonly more: unknown;
}
type Look = (outcome: Outcome) => Map<string, Last>;

/** What the last result of each key says, and whether a window was closed; not how often it spoke before. */
function looksAt({ prefix = "", segments, events }: AggregatesOptions): Look[] {
  const looks: Record<string, Look> = {
    windows: (outcome) =>
      lastOf(outcome.latest(`${prefix}reading-windows`, ReadingWindow), ({ event, pane }) => [event, pane]),
    sessions: (outcome) =>
      lastOf(outcome.latest(`${prefix}activity-sessions`, ActivitySession), ({ event, endMs }) => [
        event,
        endMs,
      ]),
    ...(segments && {
      segmentTotals: (outcome) =>
        lastOf(outcome.latest(`${prefix}segment-totals`, SegmentTotal), ({ enteredMs, leftMs, pane }) => [
          enteredMs,
          leftMs,
          pane,
        ]),
    }),
    ...(events && {
      eventWindows: (outcome) =>
        lastOf(outcome.latest(`${prefix}event-windows`, EventWindow), ({ pane, participants }) => [
          pane,
          participants,
        ]),
    }),
  };
  return Object.values(looks);
}

/** Against the slow way, which shares nothing with the job: windows and sessions. */
function checkFigures(options: AggregatesOptions, outcome: Outcome): void {
  const uploads = outcome.input
    .filter(({ topic }) => topic === options.uploads.name)
    .map(({ value }) => Upload.decode(value!));
  const rows = rowsOf(uploads, options).filter(({ participant }) => isOfWearer(participant));
  const [windows, sessions] = looksAt(options) as [Look, Look];
  const days = outcome
    .latest(`${options.prefix ?? ""}reading-windows`, ReadingWindow)
    .values()
    .filter(({ size }) => size === options.days.name);
  const wanted: [Look, Map<string, Row[]>][] = [
    [windows, new Map([...windowsOf(rows, options), ...daysOf(rows, days, options)])],
    [sessions, sessionsOf(rows, options)],
  ];
  for (const [look, groups] of wanted) {
    const expected = [...groups]
      .filter(([key]) => isOfWearer(key))
      .map(([key, group]): [string, ReadingStats] => [key, statsOfRows(group, options)]);
    const found = [...look(outcome)].map(([key, { stats }]): [string, ReadingStats] => [key, stats]);
    const wrong = differences(new Map(found), new Map(expected));
    if (wrong.length > 0) throw new Error(`${look.name}: ${wrong.slice(0, 3).join("; ")}`);
  }
}

/** Days of the event begin at its midnight. */
function checkDays({ options, event, zone }: Wearers, outcome: Outcome): void {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "medium" });
  for (const row of outcome.values(`${options.prefix ?? ""}reading-windows`, ReadingWindow))
    if (row.size === options.days.name && row.event !== null && row.event === event)
      same(`${row.participant}'s day begins at`, clock.format(row.startMs), "00:00:00");
}

function lastOf<T extends ReadingStats>(
  rows: ReadonlyMap<string, T>,
  moreOf: (row: T) => unknown,
): Map<string, Last> {
  return new Map(
    [...rows]
      .filter(([key]) => isOfWearer(key))
      .map(([key, row]): [string, Last] => {
        const stats = Object.fromEntries(STATS.map((name) => [name, row[name]]));
        return [key, { stats: stats as unknown as ReadingStats, more: moreOf(row) }];
      }),
  );
}

const STATS = Object.keys(statsOf(noTotals())) as (keyof ReadingStats)[];

/** Not of those who only close windows. */
function isOfWearer(key: string): boolean {
  return !key.startsWith("last-");
}
