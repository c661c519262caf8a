/** How totals grow in windows, and what a window says of them. */
import { type Aggregate, aggregate, codecOf, type Pane, type Window } from "../../../runtime/index.ts";
import type {
  ActivitySession,
  EventWindow,
  ReadingWindow,
  ResultPane,
  SessionKind,
} from "../../../schemas/index.ts";
import type { Sample } from "./sample.ts";
import {
  addSample,
  copyTotals,
  type Measures,
  mergeTotals,
  noTotals,
  statsOf,
  TOTALS_SCHEMA,
  Totals,
} from "./totals.ts";

/** One participant's part of a window of an event. */
export interface Part {
  /** 1 for a participant's readings that were not late, 0 for a late one. */
  readonly participants: number;
  readonly totals: Totals;
}

export const Part = codecOf<Part>("part", {
  type: "record",
  name: "Part",
  fields: [
    { name: "participants", type: "int" },
    { name: "totals", type: TOTALS_SCHEMA },
  ],
});

/** Avro names hold no hyphen. */
const PANES: Record<Pane, ResultPane> = { early: "early", "on-time": "on_time", late: "late" };

function totalsOf<Out>(
  measures: Measures,
  result: (totals: Totals, window: Window) => Out,
): Aggregate<Sample, Totals, Out> {
  return aggregate({
    codec: Totals,
    create: noTotals,
    add: (totals, sample: Sample) => addSample(totals, sample, measures),
    merge: mergeTotals,
    copy: copyTotals,
    result,
  });
}

export const windowTotals = (size: string, measures: Measures) =>
  totalsOf(
    measures,
    (totals, { key, start, end, pane, index }): ReadingWindow => ({
      participant: key,
      event: totals.event,
      size,
      startMs: start,
      endMs: end,
      pane: PANES[pane],
      revision: index,
      ...statsOf(totals),
    }),
  );

export const sessionTotals = (kind: SessionKind, measures: Measures) =>
  totalsOf(
    measures,
    (totals, { key }): ActivitySession => ({
      participant: key,
      event: totals.event,
      kind,
      startMs: totals.beganMs,
      endMs: totals.lastMs,
      ...statsOf(totals),
    }),
  );

export const partTotals = (measures: Measures) =>
  totalsOf(measures, (totals): Part => ({ participants: 1, totals: copyTotals(totals) }));

/** What was late for its participant's part. */
export const partOf = (sample: Sample, measures: Measures): Part => ({
  participants: 0,
  totals: addSample(noTotals(), sample, measures),
});

export const eventTotals = (size: string): Aggregate<Part, Part, EventWindow> => {
  const merge = (into: Part, from: Part): Part => ({
    participants: into.participants + from.participants,
    totals: mergeTotals(into.totals, from.totals),
  });
  return aggregate({
    codec: Part,
    create: () => ({ participants: 0, totals: noTotals() }),
    add: merge,
    merge,
    copy: ({ participants, totals }) => ({ participants, totals: copyTotals(totals) }),
    result: ({ participants, totals }, { key, start, end, pane, index }) => ({
      event: key,
      size,
      startMs: start,
      endMs: end,
      pane: PANES[pane],
      revision: index,
      participants,
      ...statsOf(totals),
    }),
  });
};
