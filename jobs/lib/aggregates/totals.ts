/**
 * What samples come to: the accumulator of all windows, sessions and segments, and how it is said.
 *
 * TO1  Only whole numbers are added, and the bins of a sketch: totals do not depend on the order of their samples, nor on
 *      how they were merged.
 */
import { codecOf } from "../../../runtime/index.ts";
import type { ReadingStats } from "../../../schemas/index.ts";
import { type Bounds, within } from "../plausible.ts";
import type { Sample } from "./sample.ts";
import { addToSketch, mergeSketch, quantiles, type Sketch } from "./sketch.ts";

export interface Totals {
  readings: number;
  /** Of the first and the last sample; of no meaning without one. */
  firstMs: number;
  lastMs: number;
  /** Where the span of the first sample began; its own time where it has none. */
  beganMs: number;
  /** Event of the last sample. */
  event: string | null;
  /** Lowest, highest and sum of the heart rates that count, and how many they are. */
  hrMin: number;
  hrMax: number;
  hrSum: number;
  hrCount: number;
  hrs: Sketch;
  cadenceSum: number;
  cadenceCount: number;
  cm: number;
  steps: number;
  activeMs: number;
  restMs: number;
}

const LONGS = ["firstMs", "lastMs", "beganMs", "hrSum", "cadenceSum", "cm", "steps", "activeMs", "restMs"];
const INTS = ["readings", "hrMin", "hrMax", "hrCount", "cadenceCount"];

export const TOTALS_SCHEMA = {
  type: "record",
  name: "Totals",
  fields: [
    ...INTS.map((name) => ({ name, type: "int" })),
    ...LONGS.map((name) => ({ name, type: "long" })),
    { name: "event", type: ["null", "string"] },
    {
      name: "hrs",
      type: {
        type: "record",
        name: "Sketch",
        fields: [
          { name: "low", type: "int" },
          { name: "counts", type: { type: "array", items: "int" } },
        ],
      },
    },
  ],
};
export const Totals = codecOf<Totals>("totals", TOTALS_SCHEMA);

/** What of a sample counts, and as what. */
export interface Measures {
  /** Heart rates outside are no heart's: they are not counted. */
  readonly heart: Bounds;
  /** Whether a span was activity; else it was rest. */
  readonly isActive: (sample: Sample) => boolean;
}

export const noTotals = (): Totals => ({
  readings: 0,
  firstMs: 0,
  lastMs: 0,
  beganMs: 0,
  event: null,
  hrMin: 0,
  hrMax: 0,
  hrSum: 0,
  hrCount: 0,
  hrs: { low: 0, counts: [] },
  cadenceSum: 0,
  cadenceCount: 0,
  cm: 0,
  steps: 0,
  activeMs: 0,
  restMs: 0,
});

export const copyTotals = (totals: Totals): Totals => ({
  ...totals,
  hrs: { low: totals.hrs.low, counts: [...totals.hrs.counts] },
});

/** Changes `totals`, and returns it. */
export function addSample(totals: Totals, sample: Sample, measures: Measures): Totals {
  const { tsMs, span, event, hr, cadence } = sample;
  seen(totals, tsMs, tsMs, tsMs - (span?.ms ?? 0), event);
  totals.readings++;
  if (hr !== null && within(hr, measures.heart)) {
    heard(totals, hr, hr);
    totals.hrCount++;
    totals.hrSum += hr;
    addToSketch(totals.hrs, hr);
  }
  if (cadence !== null) {
    totals.cadenceCount++;
    totals.cadenceSum += cadence;
  }
  if (span) {
    totals.cm += span.cm;
    totals.steps += span.steps;
    if (measures.isActive(sample)) totals.activeMs += span.ms;
    else totals.restMs += span.ms;
  }
  return totals;
}

/** Changes `into`, and returns it. */
export function mergeTotals(into: Totals, from: Totals): Totals {
  if (from.readings === 0) return into;
  seen(into, from.firstMs, from.lastMs, from.beganMs, from.event);
  if (from.hrCount > 0) heard(into, from.hrMin, from.hrMax);
  mergeSketch(into.hrs, from.hrs);
  for (const name of SUMS) into[name] += from[name];
  return into;
}

const SUMS = [
  "readings",
  "hrCount",
  "hrSum",
  "cadenceCount",
  "cadenceSum",
  "cm",
  "steps",
  "activeMs",
  "restMs",
] as const;

/** Before `readings` is counted up. Of two events at the same time the later name stands (TO1). */
function seen(totals: Totals, firstMs: number, lastMs: number, beganMs: number, event: string | null): void {
  const none = totals.readings === 0;
  if (none || lastMs > totals.lastMs || (lastMs === totals.lastMs && (event ?? "") > (totals.event ?? "")))
    totals.event = event;
  totals.firstMs = none ? firstMs : Math.min(totals.firstMs, firstMs);
  totals.lastMs = none ? lastMs : Math.max(totals.lastMs, lastMs);
  totals.beganMs = none ? beganMs : Math.min(totals.beganMs, beganMs);
}

/** Before `hrCount` is counted up. */
function heard(totals: Totals, min: number, max: number): void {
  const none = totals.hrCount === 0;
  totals.hrMin = none ? min : Math.min(totals.hrMin, min);
  totals.hrMax = none ? max : Math.max(totals.hrMax, max);
}

export const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

export function statsOf(totals: Totals): ReadingStats {
  const { hrCount, hrMin, hrMax, hrs, cadenceCount } = totals;
  const none = hrCount === 0;
  // A bin's value may lie outside of what was measured; the extremes are known exactly.
  const at = none ? [] : quantiles(hrs, QUANTILES).map((value) => Math.min(hrMax, Math.max(hrMin, value)));
  return {
    readings: totals.readings,
    hrCount,
    hrMin: none ? null : hrMin,
    hrMax: none ? null : hrMax,
    hrMean: none ? null : totals.hrSum / hrCount,
    hrP05: at[0] ?? null,
    hrP25: at[1] ?? null,
    hrP50: at[2] ?? null,
    hrP75: at[3] ?? null,
    hrP95: at[4] ?? null,
    cadenceMean: cadenceCount === 0 ? null : totals.cadenceSum / cadenceCount,
    distanceM: totals.cm / 100,
    steps: totals.steps,
    activeS: totals.activeMs / 1000,
    restS: totals.restMs / 1000,
  };
}
