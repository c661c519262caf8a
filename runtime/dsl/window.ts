/** How records of a key are put into windows, and when a window says its result. */
import { JobError } from "../errors.ts";
import { refusePromise } from "../settled.ts";
import { type CalendarUnit, calendarOf, checkZone, type Span } from "../zoned-time.ts";
import { count as countOf, duration, plain, shift } from "./options.ts";
import type { SideOutput } from "./process.ts";

/**
 * - `early`: the window is still open; more may come.
 * - `on-time`: the watermark has reached the window's end (or a count window is full).
 * - `late`: a record came after that, within `allowedLateness`; the result takes the place of the earlier ones.
 */
export type Pane = "early" | "on-time" | "late";

/** A window as its result knows it. */
export interface Window {
  readonly key: string;
  /**
   * First millisecond of the window. A session: event time of its first record. A count window: the lowest time among its
   * records (event time, or Kafka's without `watermark`).
   */
  readonly start: number;
  /** First millisecond after it. A session: event time of its last record, and the gap. A count window: highest time + 1. */
  readonly end: number;
  readonly pane: Pane;
  /** Results of this window before this one. */
  readonly index: number;
  /**
   * Set when the result is asked for once more only to be taken back: a session has become part of an earlier one, or starts
   * earlier, than when it said it. Steps without state pass it on as they passed the result, `to` deletes the row under its key (a
   * tombstone), and steps with state, and exchanges, do not hear of it. So the key has to follow from the window's key and start.
   */
  readonly retracted?: true;
}

/** Which window a record belongs to: [start, end), in whole milliseconds, with the record's time in it. */
export type Assign<T> = (
  timeMs: number,
  value: T,
  key: string,
) => { readonly start: number; readonly end: number };

export type WindowAssigner<T = unknown> =
  | { readonly kind: "time"; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  | { readonly kind: "session"; readonly gapMs: number }
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "assigned"; readonly by: string; readonly assign: Assign<T> };

/** Windows of `size`, one after the other, from the epoch on (`offset`: shifted, such as by a time zone). */
export function tumbling(size: number, offset = 0): WindowAssigner {
  duration("tumbling(...): its size", size, 1);
  shift("tumbling(...): its offset", offset);
  return { kind: "time", sizeMs: size, slideMs: size, offsetMs: offset };
}

/**
 * Windows of `size`, a new one each `slide`. Kept as panes: a record is added once, a window is put together when it is
 * emitted. `size` is a multiple of `slide` in what people ask for; other sizes work, with smaller panes.
 */
export function sliding(size: number, slide: number, offset = 0): WindowAssigner {
  duration("sliding(...): its size", size, 1);
  duration("sliding(...): its slide", slide, 1);
  shift("sliding(...): its offset", offset);
  if (slide > size)
    throw new JobError(
      `sliding(${size}, ${slide}): a slide longer than the size would leave records out; filter them instead`,
    );
  return { kind: "time", sizeMs: size, slideMs: slide, offsetMs: offset };
}

/** Windows of activity: records at most `gap` apart are in one. Sessions that a record lies between become one. */
export function session(gap: number): WindowAssigner {
  duration("session(...): its gap", gap, 1);
  return { kind: "session", gapMs: gap };
}

/** Windows of `count` records of a key, in the order they come. What does not fill a window is never emitted. */
export function countWindow(count: number): WindowAssigner {
  countOf("countWindow(...): its count", count);
  return { kind: "count", count };
}

/**
 * Windows by a rule of the job's own, such as laps of a race or shifts of a crew. Each record is in one window; windows of a key may
 * differ in length. @param by what the rule is called: a job whose rule has become another one says another name
 */
export function windowsBy<T>(by: string, assign: Assign<T>): WindowAssigner<T> {
  plain(`windowsBy("${by}")`, assign);
  return { kind: "assigned", by, assign };
}

/**
 * Days of the calendar where somebody is: of 23 or 25 hours when clocks change.
 * @param zone an IANA name such as `Europe/Berlin`, or what gives it for a record. A key whose zone changes may have windows that
 *   overlap: a day of the one zone, and a day of the other.
 */
export const calendarDay = <T>(zone: Zone<T>): WindowAssigner<T> => calendar("day", zone);

/** Weeks from Monday on, as `calendarDay`. */
export const calendarWeek = <T>(zone: Zone<T>): WindowAssigner<T> => calendar("week", zone);

export const calendarMonth = <T>(zone: Zone<T>): WindowAssigner<T> => calendar("month", zone);

export type Zone<T> = string | ((value: T, key: string) => string);

function calendar<T>(unit: CalendarUnit, zone: Zone<T>): WindowAssigner<T> {
  if (typeof zone === "string") checkedZone(unit, zone);
  else plain(`calendar ${unit}: zone`, zone);
  // Most records of a zone are of the day that the last one was of.
  const last = new Map<string, Span>();
  const assign: Assign<T> = (timeMs, value, key) => {
    const name = typeof zone === "string" ? zone : zone(value, key);
    if (typeof name !== "string") refusePromise("zone", name);
    let span = last.get(name);
    if (span === undefined || timeMs < span.startMs || timeMs >= span.endMs) {
      span = calendarOf(unit, timeMs, name);
      if (last.size >= ZONES_KEPT) last.clear();
      last.set(name, span);
    }
    return { start: span.startMs, end: span.endMs };
  };
  return { kind: "assigned", by: `calendar ${unit}${typeof zone === "string" ? ` of ${zone}` : ""}`, assign };
}

/** There are some six hundred. */
const ZONES_KEPT = 1_000;

function checkedZone(unit: CalendarUnit, zone: string): void {
  try {
    checkZone(zone);
  } catch (error) {
    throw new JobError(`calendar ${unit}: ${(error as Error).message}`);
  }
}

/** When a window that is still open says what it has. Only a window that changed since says something. */
export type EarlyResults =
  | { readonly kind: "event" | "processing"; readonly everyMs: number }
  | { readonly kind: "count"; readonly every: number };

/** Each time the watermark passes a multiple of `every`. */
export function everyEventTime(every: number): EarlyResults {
  duration("everyEventTime(...): its interval", every, 1);
  return { kind: "event", everyMs: every };
}

/** Each `every` of the node's clock. When it comes, and so what it says, is not the same in each run. */
export function everyProcessingTime(every: number): EarlyResults {
  duration("everyProcessingTime(...): its interval", every, 1);
  return { kind: "processing", everyMs: every };
}

/** After each `every` records (in sliding windows: of a pane). */
export function everyRecords(every: number): EarlyResults {
  countOf("everyRecords(...): its count", every);
  return { kind: "count", every };
}

export interface WindowOptions<In> {
  /** How long after its end a window still takes records, each of which makes it say a `late` result. Default 0. */
  readonly allowedLateness?: number;
  /** Gets the records that come after that. Default: they are left out, and counted. */
  readonly late?: SideOutput<In>;
  readonly early?: EarlyResults;
  /**
   * Not `on-time`, and again with each late record, but once, when the allowed lateness is past as well: for results that are not
   * to be taken back, such as a stretch of activity, which a late record may make longer.
   */
  readonly finalOnly?: boolean;
}
