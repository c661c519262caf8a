/**
 * What a participant's samples come to on each segment of the event's course, by the distance that the device has covered.
 *
 * SG1  A sample belongs to every segment that its distance lies in; its span with it.
 * SG2  Of a segment that changed the totals are said once in `everyMs` of event time, and at once what was late.
 */
import { codecOf, type KeyedProcess, mapState, type TableReference } from "../../../runtime/index.ts";
import { type Course, SegmentTotal } from "../../../schemas/index.ts";
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

interface OnSegment {
  readonly event: string;
  readonly segment: string;
  readonly totals: Totals;
  /** Changed since its totals were said. */
  readonly changed: boolean;
  /** The participant is known to have gone beyond its end. */
  readonly left: boolean;
}

const OnSegment = codecOf<OnSegment>("on-segment", {
  type: "record",
  name: "OnSegment",
  fields: [
    { name: "event", type: "string" },
    { name: "segment", type: "string" },
    { name: "totals", type: TOTALS_SCHEMA },
    { name: "changed", type: "boolean" },
    { name: "left", type: "boolean" },
  ],
});

export interface SegmentsOptions {
  readonly measures: Measures;
  /** Of event time; a multiple of it is when totals are said. */
  readonly everyMs: number;
  /** How long after its last reading a segment is forgotten. */
  readonly keptMs: number;
}

const statesOf = (afterMs: number) => ({
  segments: mapState(OnSegment, { ttl: { after: afterMs, time: "event" } }),
});

interface StepTables extends Record<string, TableReference<unknown>> {
  readonly courses: TableReference<Course>;
}

export function segmentsStep(
  courses: TableReference<Course>,
  { measures, everyMs, keptMs }: SegmentsOptions,
): KeyedProcess<Sample, SegmentTotal, ReturnType<typeof statesOf>, StepTables> {
  return {
    emits: SegmentTotal,
    state: statesOf(keptMs),
    tables: { courses },
    timers: ["event"],
    process(sample, { key, state, tables, timers, watermark, emit }) {
      const { event, distanceCm, tsMs } = sample;
      if (event === null || distanceCm === null) return;
      const isLate = tsMs <= watermark;
      for (const { id, startM, endM } of tables.courses.get(event)?.segments ?? []) {
        const name = `${event}/${id}`;
        const known = state.segments.get(name);
        if (distanceCm >= endM * 100 && known && !known.left) {
          state.segments.put(name, { ...known, left: true, changed: true });
          timers.onEventTime(dueAfter(tsMs, everyMs));
        }
        if (distanceCm < startM * 100 || distanceCm >= endM * 100) continue;
        const totals = addSample(known ? copyTotals(known.totals) : noTotals(), sample, measures);
        const left = known?.left ?? false;
        const next = { event, segment: id, totals, left, changed: !isLate || (known?.changed ?? false) };
        state.segments.put(name, next);
        if (isLate) emit(rowOf(key, next, left ? "late" : "early"));
        else timers.onEventTime(dueAfter(tsMs, everyMs));
      }
    },
    onTimer(_timer, { key, state, emit }) {
      for (const [name, segment] of [...state.segments.entries()]) {
        if (!segment.changed) continue;
        emit(rowOf(key, segment, segment.left ? "on_time" : "early"));
        state.segments.put(name, { ...segment, changed: false });
      }
    },
  };
}

function dueAfter(tsMs: number, everyMs: number): number {
  return (Math.floor(tsMs / everyMs) + 1) * everyMs;
}

function rowOf(
  participant: string,
  { event, segment, totals }: OnSegment,
  pane: SegmentTotal["pane"],
): SegmentTotal {
  const { firstMs, lastMs } = totals;
  return { participant, event, segment, enteredMs: firstMs, leftMs: lastMs, pane, ...statsOf(totals) };
}
