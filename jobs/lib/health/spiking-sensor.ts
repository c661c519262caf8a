/**
 * The heart rate leaps by more than `spikeBpm` from one reading to the next, or is no heart's at all, `spikes` times within
 * `spikesWithinMs`. Ended: so long without one. In the shipped recordings nothing leaps by 20 within 5 s.
 */
import { HEART_OF_PERSON, within } from "../plausible.ts";
import { type Evidence, withReading } from "./evidence.ts";
import type { Judged, Rule } from "./finding.ts";

/** Between readings further apart a heart may do much. */
const NEXT_MAX_MS = 5_000;

export interface SpikingSensor {
  tsMs: number;
  hr: number;
  /** Times of the leaps within `spikesWithinMs`, the newest last; no more than `spikes`. */
  leapsMs: number[];
  sinceMs: number;
  found: boolean;
  largest: number;
  /** The readings that leapt. */
  evidence: Evidence | null;
}

export const spikingSensor: Rule<SpikingSensor> = (before, reading, { spikeBpm, spikes, spikesWithinMs }) => {
  const { hr, tsMs } = reading;
  if (hr === null) return keep(before, spikeBpm);
  const leap = before && tsMs - before.tsMs <= NEXT_MAX_MS ? Math.abs(hr - before.hr) : 0;
  const leapt = leap > spikeBpm || !within(hr, HEART_OF_PERSON);
  const recent = (before?.leapsMs ?? []).filter((atMs) => tsMs - atMs < spikesWithinMs);
  const quiet = recent.length === 0;
  if (!leapt) {
    if (quiet || !before)
      return keep(
        { tsMs, hr, leapsMs: [], sinceMs: tsMs, found: false, largest: 0, evidence: null },
        spikeBpm,
      );
    return keep({ ...before, tsMs, hr, leapsMs: recent }, spikeBpm);
  }
  const leapsMs = [...recent, tsMs].slice(-spikes);
  const begun = quiet ? undefined : before;
  return keep(
    {
      tsMs,
      hr,
      leapsMs,
      sinceMs: begun?.sinceMs ?? tsMs,
      found: (begun?.found ?? false) || leapsMs.length >= spikes,
      largest: Math.max(begun?.largest ?? 0, leap),
      evidence: withReading(begun?.evidence ?? undefined, reading),
    },
    spikeBpm,
  );
};

function keep(state: SpikingSensor | undefined, limit: number): Judged<SpikingSensor> {
  if (!state?.found || !state.evidence) return { state };
  const { sinceMs, largest, evidence } = state;
  const reason = `the heart rate leapt ${evidence.count} times, by up to ${largest}`;
  return { state, finding: { kind: "spiking_sensor", sinceMs, value: largest, limit, reason, evidence } };
}
