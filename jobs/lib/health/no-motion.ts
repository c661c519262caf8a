/**
 * Somebody on the course, who has begun to move, covers less than `stillM` metres in `stillMs`. Ended by moving that far from
 * the spot, or by leaving the course. Before the start everybody stands.
 */
import { type Evidence, withReading } from "./evidence.ts";
import type { Judged, Rule } from "./finding.ts";

/** Who has come less far is still waiting for the start. */
const BEGUN_M = 100;

export interface NoMotion {
  /** The spot, and since when. */
  distanceM: number;
  sinceMs: number;
  found: boolean;
  limit: number;
  evidence: Evidence;
}

export const noMotion: Rule<NoMotion> = (before, reading, { onCourse, stillM, stillMs }) => {
  const { distanceM, tsMs } = reading;
  if (!onCourse) return { state: undefined };
  if (distanceM === null) return keep(before);
  if (distanceM < BEGUN_M) return { state: undefined };
  // A distance that falls is a recording that begins anew.
  if (!before || Math.abs(distanceM - before.distanceM) >= (before.found ? before.limit : stillM)) {
    const evidence = withReading(undefined, reading);
    return keep({ distanceM, sinceMs: tsMs, found: false, limit: stillM, evidence });
  }
  const found = before.found || tsMs - before.sinceMs >= stillMs;
  const limit = before.found ? before.limit : stillM;
  return keep({ ...before, found, limit, evidence: withReading(before.evidence, reading) });
};

function keep(state: NoMotion | undefined): Judged<NoMotion> {
  if (!state?.found) return { state };
  const { sinceMs, limit, evidence } = state;
  const value = Math.abs((evidence.last.distanceM ?? state.distanceM) - state.distanceM);
  const reason = `less than ${limit} m in ${Math.round((evidence.last.tsMs - sinceMs) / 1000)} s`;
  return { state, finding: { kind: "no_motion", sinceMs, value, limit, reason, evidence } };
}
