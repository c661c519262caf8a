/**
 * Local time and UTC, the one place where they are turned into each other: the server, jobs, replay and the pages all come here.
 *
 * By Temporal, the language's own calendar (the polyfill steps aside where the engine has it), because clocks that change make
 * every home-made form wrong somewhere: zones move by 30 minutes, at midnight, twice a year or by a decree of last week.
 *
 * Z1  A local time that occurs twice means the first; one that is skipped means as long after the change as it would have been
 *     after the hour before it (02:30 becomes 03:30), as in RFC 5545.
 * Z2  Days, weeks and months of a zone follow each other without gap or overlap, whatever their length (23, 24, 25 hours): each moment lies in one.
 */
import { Temporal } from "temporal-polyfill";

export type CalendarUnit = "day" | "week" | "month";

export interface Span {
  readonly startMs: number;
  /** The next one's start: excluded. */
  readonly endMs: number;
}

/**
 * When a clock on the wall shows this time.
 *
 * @param date as `2023-11-05`
 * @param timeOfDayMs as the wall's clock shows it, not as time since midnight: on a day of 25 hours 09:40 is still 09:40. From 24
 *   hours on it is the next day's (a race that runs past midnight); below 0 the day's before.
 * @param zone an IANA name such as `America/New_York`, or an offset such as `+05:45`
 */
export function localToUtcMs(date: string, timeOfDayMs: number, zone: string): number {
  if (!Number.isFinite(timeOfDayMs)) throw new RangeError(`timeOfDayMs: ${timeOfDayMs} is no time of day`);
  return plainDate(date)
    .toPlainDateTime()
    .add({ milliseconds: Math.round(timeOfDayMs) })
    .toZonedDateTime(knownZone(zone)).epochMilliseconds;
}

/** The date that a wall's calendar shows at this moment, as `2023-11-05`. */
export function localDateOf(ms: number, zone: string): string {
  return zoned(ms, zone).toPlainDate().toString();
}

/** The date's first moment: midnight, or, where the clock skips midnight, when it goes on. */
export function localMidnightMs(date: string, zone: string): number {
  return plainDate(date).toZonedDateTime(knownZone(zone)).epochMilliseconds;
}

/** The day that this moment lies in (Z2). */
export const dayOf = (ms: number, zone: string): Span => calendarOf("day", ms, zone);

/** The day, week (from Monday on, as ISO 8601 has it) or month that this moment lies in (Z2). */
export function calendarOf(unit: CalendarUnit, ms: number, zone: string): Span {
  const date = zoned(ms, zone).toPlainDate();
  const first =
    unit === "day"
      ? date
      : unit === "week"
        ? date.subtract({ days: date.dayOfWeek - 1 })
        : date.with({ day: 1 });
  const startOf = (count: number) =>
    first.add({ [`${unit}s`]: count }).toZonedDateTime(zone).epochMilliseconds;
  const endMs = startOf(1);
  // Z2: a clock set back over midnight shows the old date again; the new day began when it first showed it.
  return ms < endMs ? { startMs: startOf(0), endMs } : { startMs: endMs, endMs: startOf(2) };
}

/** @throws if nobody knows the zone: ask at the door, where the name can be given back. */
export function checkZone(zone: string): void {
  knownZone(zone);
}

const known = new Set<string>();
const KNOWN_MAX = 1_000;

function knownZone(zone: string): string {
  if (known.has(zone)) return zone;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
  } catch {
    throw new RangeError(
      `time zone: ${JSON.stringify(zone)} is not known; give an IANA name such as America/Chicago`,
    );
  }
  if (known.size < KNOWN_MAX) known.add(zone);
  return zone;
}

function zoned(ms: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(ms)).toZonedDateTimeISO(knownZone(zone));
}

function plainDate(date: string): Temporal.PlainDate {
  try {
    return Temporal.PlainDate.from(date);
  } catch {
    throw new RangeError(`date: ${JSON.stringify(date)} is no date; give one such as 2023-11-05`);
  }
}
