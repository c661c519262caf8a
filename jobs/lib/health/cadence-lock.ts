/**
 * The sensor counts steps: heart rate and cadence are no further than `lockBpm` apart for `lockMs`, and go up and down together.
 * That the two are alike for a while is chance (35 s in the shipped recordings), that they move together is not. Ended when they
 * part.
 */
import { type Evidence, withReading } from "./evidence.ts";
import { GAP_MAX_MS, type Judged, type Rule } from "./finding.ts";

/** Slower than this nobody runs. */
const CADENCE_MIN = 120;
/** The cadence has to have changed by so much. */
const MOVED_MIN = 4;

export interface CadenceLock {
  sinceMs: number;
  found: boolean;
  lowest: number;
  highest: number;
  limit: number;
  evidence: Evidence;
}

export const cadenceLock: Rule<CadenceLock> = (before, reading, { lockBpm, lockMs }) => {
  const { hr, cadence, tsMs } = reading;
  if (hr === null || cadence === null) return keep(before);
  if (cadence < CADENCE_MIN || Math.abs(hr - cadence) > lockBpm) return { state: undefined };
  const state = before && !before.found && tsMs - before.evidence.last.tsMs > GAP_MAX_MS ? undefined : before;
  const lowest = Math.min(state?.lowest ?? cadence, cadence);
  const highest = Math.max(state?.highest ?? cadence, cadence);
  const sinceMs = state?.sinceMs ?? tsMs;
  const found = (state?.found ?? false) || (tsMs - sinceMs >= lockMs && highest - lowest >= MOVED_MIN);
  const evidence = withReading(state?.evidence, reading);
  return keep({ sinceMs, found, lowest, highest, limit: lockBpm, evidence });
};

function keep(state: CadenceLock | undefined): Judged<CadenceLock> {
  if (!state?.found) return { state };
  const { sinceMs, limit, evidence } = state;
  const value = evidence.last.cadence ?? state.highest;
  const reason = `the sensor counts steps: it follows the cadence, ${state.lowest} to ${state.highest}`;
  return { state, finding: { kind: "cadence_lock", sinceMs, value, limit, reason, evidence } };
}
