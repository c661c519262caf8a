/**
 * The heart rate falls by `dropBpm` within `dropWithinMs` and stays down for `dropHoldMs`: a single low reading is the sensor's.
 * Ended: half of the fall is made good, or `dropForgetMs` have gone by: whoever rests has a low heart rate.
 */
import type { Reading } from "../../../schemas/index.ts";
import { type Evidence, withReading } from "./evidence.ts";
import { GAP_MAX_MS, type Judged, type Measure, type Rule } from "./finding.ts";

export interface Fall {
  sinceMs: number;
  found: boolean;
  fromHr: number;
  lowest: number;
  limit: number;
  evidence: Evidence;
}

export interface SuddenDrop {
  /**
   * Readings of the last `dropWithinMs` that are higher than all after them, by time: the first is the highest. So few are
   * kept, and the highest is at hand.
   */
  peaks: { tsMs: number; hr: number }[];
  fall: Fall | null;
}

export const suddenDrop: Rule<SuddenDrop> = (before, reading, rules) => {
  const { hr, tsMs } = reading;
  if (hr === null) return keep(before?.peaks ?? [], before?.fall ?? null);
  const peaks = (before?.peaks ?? []).filter((peak) => tsMs - peak.tsMs <= rules.dropWithinMs);
  const fall = before?.fall ? goOn(before.fall, reading, hr, rules) : begin(peaks[0], reading, hr, rules);
  // What was before a fall does not make another one of what is after.
  return keep(fall || before?.fall ? [] : [...peaks.filter((peak) => peak.hr > hr), { tsMs, hr }], fall);
};

function begin(
  peak: { tsMs: number; hr: number } | undefined,
  reading: Reading,
  hr: number,
  { dropBpm }: Measure,
): Fall | null {
  if (!peak || peak.hr - hr < dropBpm) return null;
  const evidence = withReading(withReading(undefined, { ...BARE, ...peak }), reading);
  return { sinceMs: reading.tsMs, found: false, fromHr: peak.hr, lowest: hr, limit: dropBpm, evidence };
}

function goOn(fall: Fall, reading: Reading, hr: number, rules: Measure): Fall | null {
  const { tsMs } = reading;
  const lastsMs = tsMs - fall.sinceMs;
  const unknown = !fall.found && tsMs - fall.evidence.last.tsMs > GAP_MAX_MS;
  if (unknown || hr > fall.fromHr - fall.limit / 2 || lastsMs >= rules.dropForgetMs) return null;
  const found = fall.found || lastsMs >= rules.dropHoldMs;
  return { ...fall, found, lowest: Math.min(fall.lowest, hr), evidence: withReading(fall.evidence, reading) };
}

/** Of the reading before the fall only the heart rate is remembered. */
const BARE = { lat: null, lon: null, distanceM: null, steps: null, cadence: null, altitudeM: null };

function keep(peaks: SuddenDrop["peaks"], fall: Fall | null): Judged<SuddenDrop> {
  const state = { peaks, fall };
  if (!fall?.found) return { state };
  const { sinceMs, fromHr, lowest, limit, evidence } = fall;
  const reason = `heart rate fell from ${fromHr} to ${lowest}`;
  return {
    state,
    finding: { kind: "sudden_drop", sinceMs, value: fromHr - lowest, limit, reason, evidence },
  };
}
