/**
 * The heart rate stays above the limit. Over: at the first reading above it. Found: above it for `hrSustainedMs`. Between limit and
 * limit less hysteresis nothing changes. Ended: below that for `hrCalmMs`.
 */
import { type Evidence, withReading } from "./evidence.ts";
import { GAP_MAX_MS, type Judged, type Rule } from "./finding.ts";

export interface HighHeartRate {
  sinceMs: number;
  found: boolean;
  /** The highest, and the limit it was over. */
  max: number;
  limit: number;
  /** Since when it is low enough again. */
  calmMs: number | null;
  evidence: Evidence;
}

export const highHeartRate: Rule<HighHeartRate> = (before, reading, rules) => {
  const { hr, tsMs } = reading;
  if (hr === null) return keep(before);
  const state = before && !before.found && tsMs - before.evidence.last.tsMs > GAP_MAX_MS ? undefined : before;
  if (!state) {
    if (hr <= rules.hrLimit) return { state: undefined };
    const evidence = withReading(undefined, reading);
    return keep({ sinceMs: tsMs, found: false, max: hr, limit: rules.hrLimit, calmMs: null, evidence });
  }
  const evidence = withReading(state.evidence, reading);
  if (hr < rules.hrLimit - rules.hrHysteresis) {
    const calmMs = state.calmMs ?? tsMs;
    if (!state.found || tsMs - calmMs >= rules.hrCalmMs) return { state: undefined };
    return keep({ ...state, calmMs, evidence });
  }
  const found = state.found || (hr > rules.hrLimit && tsMs - state.sinceMs >= rules.hrSustainedMs);
  const limit = state.found ? state.limit : rules.hrLimit;
  return keep({ ...state, found, limit, max: Math.max(state.max, hr), calmMs: null, evidence });
};

function keep(state: HighHeartRate | undefined): Judged<HighHeartRate> {
  if (!state?.found) return { state };
  const { sinceMs, max, limit, evidence } = state;
  const reason = `heart rate above ${limit}, up to ${max}`;
  return { state, finding: { kind: "high_heart_rate", sinceMs, value: max, limit, reason, evidence } };
}
