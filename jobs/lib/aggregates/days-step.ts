/**
 * What a participant's samples come to by day. A day is one where the participant is: a marathon in Sydney is not cut in two at
 * ten in the morning, when it is midnight in Greenwich.
 *
 * DY1  Where: the zone of the event's race; without one that of the position; without one the zone of the day before; without one
 *      whole hours off UTC, such that the participant was first measured about noon: no activity is near such a day's ends.
 * DY2  This is decided when a day opens, by its first sample. Days of a participant do not overlap: one that opens beside another,
 *      in another zone, has the rest of its hours.
 * DY3  A day says what windows say: early what it has, on time what it came to, and a late result for each late sample.
 * DY4  A day is forgotten when it takes nothing more, and where somebody was two days after their last sample: what is kept of
 *      one participant is bounded.
 */
import tzLookup from "@photostructure/tz-lookup";
import {
  type Context,
  codecOf,
  hours,
  type KeyedProcess,
  mapState,
  type SideOutput,
  type TableReference,
  valueState,
} from "../../../runtime/index.ts";
import { checkZone, dayOf } from "../../../runtime/zoned-time.ts";
import { type Race, ReadingWindow, type ResultPane } from "../../../schemas/index.ts";
import type { Sample } from "./sample.ts";
import {
  addSample,
  copyTotals,
  type Measures,
  noTotals,
  statsOf,
  TOTALS_SCHEMA,
  type Totals,
} from "./totals.ts";

export interface DaysOptions {
  /** As results name it, such as `1d`. */
  readonly name: string;
  /** How long after its end a day still takes readings. */
  readonly lateMax: number;
  /** How often, in event time, a day that is not over says what it has. */
  readonly earlyEvery: number;
}

interface Day {
  readonly startMs: number;
  /** The first moment after it. */
  readonly endMs: number;
  readonly totals: Totals;
  /** Results said so far. */
  readonly revision: number;
  /** Changed since: a timer is set for the next early result. */
  readonly changed: boolean;
}

const Day = codecOf<Day>("day", {
  type: "record",
  name: "Day",
  fields: [
    { name: "startMs", type: "long" },
    { name: "endMs", type: "long" },
    { name: "totals", type: TOTALS_SCHEMA },
    { name: "revision", type: "int" },
    { name: "changed", type: "boolean" },
  ],
});

const KEPT_MS = hours(48);

const state = {
  /** By start. */
  days: mapState(Day),
  zone: valueState(codecOf<string>("zone", "string"), { ttl: { after: KEPT_MS, time: "event" } }),
};

type StepTables = Readonly<Record<string, TableReference<Race>>>;
type StepContext = Context<ReadingWindow, typeof state, StepTables, undefined>;

/**
 * @param races by event; without it events have no zone of their own.
 * @param late gets what came too late for its day.
 */
export function daysStep(
  options: DaysOptions,
  measures: Measures,
  races: TableReference<Race> | undefined,
  late: SideOutput<Sample>,
): KeyedProcess<Sample, ReadingWindow, typeof state, StepTables> {
  const { name, lateMax, earlyEvery } = options;
  const goesAtMs = ({ endMs }: Day) => endMs - 1 + lateMax;

  function say(day: Day, pane: ResultPane, { key, state, emit }: StepContext): void {
    const { startMs, endMs, totals, revision } = day;
    const { event } = totals;
    emit({ participant: key, event, size: name, startMs, endMs, pane, revision, ...statsOf(totals) });
    state.days.put(String(startMs), { ...day, revision: revision + 1, changed: false });
  }

  return {
    emits: ReadingWindow,
    sides: [late],
    state,
    tables: races ? { races } : {},
    timers: ["event"],
    process(sample, context) {
      const { state, timers, watermark, side } = context;
      const known = [...state.days.values()].find((day) => holds(day, sample.tsMs));
      const zone = known ? undefined : zoneOf(sample, context);
      const day = known ?? opened(sample.tsMs, zone!, state.days.values());
      if (goesAtMs(day) <= watermark) return side(late, sample);
      if (zone !== undefined) state.zone.put(zone);
      const totals = addSample(known ? copyTotals(known.totals) : noTotals(), sample, measures);
      const next: Day = { ...day, totals, changed: true };
      if (day.endMs - 1 <= watermark) {
        say(next, "late", context);
        if (!known) timers.onEventTime(goesAtMs(day));
        return;
      }
      state.days.put(String(day.startMs), next);
      if (!known) timers.onEventTime(day.endMs - 1);
      if (!day.changed) timers.onEventTime(dueAfter(Math.max(sample.tsMs, watermark), earlyEvery));
    },
    onTimer({ timeMs }, context) {
      const { state, timers } = context;
      for (const day of [...state.days.values()]) {
        if (timeMs >= goesAtMs(day)) state.days.delete(String(day.startMs));
        else if (timeMs === day.endMs - 1) {
          say(day, "on_time", context);
          timers.onEventTime(goesAtMs(day));
        } else if (day.changed && timeMs % earlyEvery === 0) say(day, "early", context);
      }
    },
  };
}

const holds = ({ startMs, endMs }: Day, tsMs: number): boolean => tsMs >= startMs && tsMs < endMs;

const dueAfter = (tsMs: number, everyMs: number): number => (Math.floor(tsMs / everyMs) + 1) * everyMs;

/** DY1. */
function zoneOf(sample: Sample, { state, tables }: StepContext): string {
  const race = sample.event === null ? undefined : tables.races?.get(sample.event);
  return (
    knownZone(race?.timezone) ?? knownZone(zoneAt(sample)) ?? state.zone.get() ?? zoneWhereNoonIs(sample.tsMs)
  );
}

/** DY2. */
function opened(tsMs: number, zone: string, others: Iterable<Day>): Day {
  let { startMs, endMs } = dayOf(tsMs, zone);
  for (const other of others) {
    if (other.endMs <= tsMs) startMs = Math.max(startMs, other.endMs);
    else endMs = Math.min(endMs, other.startMs);
  }
  return { startMs, endMs, totals: noTotals(), revision: 0, changed: false };
}

function zoneAt({ lat, lon }: Sample): string | undefined {
  return lat === null || lon === null ? undefined : tzLookup(lat, lon);
}

function knownZone(zone: string | undefined): string | undefined {
  if (zone === undefined) return undefined;
  try {
    checkZone(zone);
    return zone;
  } catch {
    return undefined;
  }
}

/** DY1: from -11 to +12 hours. */
function zoneWhereNoonIs(tsMs: number): string {
  const ahead = 12 - new Date(tsMs).getUTCHours();
  return `${ahead < 0 ? "-" : "+"}${String(Math.abs(ahead)).padStart(2, "0")}:00`;
}
