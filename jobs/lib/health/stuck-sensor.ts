/**
 * The sensor says one and the same heart rate for `stuckMs`. A heart is never that even: in the shipped recordings the longest
 * run of one value is 61 s. Ended by another value.
 */
import { type Evidence, withReading } from "./evidence.ts";
import { GAP_MAX_MS, type Judged, type Rule } from "./finding.ts";

export interface StuckSensor {
  hr: number;
  sinceMs: number;
  found: boolean;
  evidence: Evidence;
}

export const stuckSensor: Rule<StuckSensor> = (before, reading, { stuckMs }) => {
  const { hr, tsMs } = reading;
  if (hr === null) return keep(before);
  const goesOn = before?.hr === hr && (before.found || tsMs - before.evidence.last.tsMs <= GAP_MAX_MS);
  if (!goesOn) return keep({ hr, sinceMs: tsMs, found: false, evidence: withReading(undefined, reading) });
  const found = before.found || tsMs - before.sinceMs >= stuckMs;
  return keep({ ...before, found, evidence: withReading(before.evidence, reading) });
};

function keep(state: StuckSensor | undefined): Judged<StuckSensor> {
  if (!state?.found) return { state };
  const { sinceMs, hr, evidence } = state;
  const reason = `the sensor says ${hr} all the time`;
  return { state, finding: { kind: "stuck_sensor", sinceMs, value: hr, limit: null, reason, evidence } };
}
