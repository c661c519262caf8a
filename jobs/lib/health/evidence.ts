/**
 * The readings that prove something, however long it lasts.
 *
 * E1  At most `EVIDENCE_MAX`, by time: the first, the last, and between them every n-th, n doubling as they become too many.
 * E2  What is kept follows from the readings alone, not from how they were cut into uploads.
 */
import type { EvidenceReading, Reading } from "../../../schemas/index.ts";

export const EVIDENCE_MAX = 12;

export interface Evidence {
  /** All readings that were added. */
  count: number;
  /** One in so many is kept. */
  every: number;
  kept: EvidenceReading[];
  last: EvidenceReading;
}

const proof = ({ tsMs, hr, cadence, distanceM, lat, lon }: Reading): EvidenceReading => ({
  tsMs,
  hr,
  cadence,
  distanceM,
  lat,
  lon,
});

/** @param before `undefined`: `reading` is the first. */
export function withReading(before: Evidence | undefined, reading: Reading): Evidence {
  const last = proof(reading);
  if (!before) return { count: 1, every: 1, kept: [last], last };
  let { every, kept } = before;
  if (before.count % every === 0) {
    kept = [...kept, last];
    if (kept.length === EVIDENCE_MAX) {
      kept = kept.filter((_, index) => index % 2 === 0);
      every *= 2;
    }
  }
  return { count: before.count + 1, every, kept, last };
}

export function readingsOf({ kept, last }: Evidence): EvidenceReading[] {
  return kept.at(-1)!.tsMs === last.tsMs ? kept : [...kept, last];
}
