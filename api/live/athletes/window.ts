/** A window as the API tells it. Pure. */
import type { ReadingStats, ReadingWindow } from "../../../schemas/index.ts";
import type { AthleteWindow, Size } from "./schemas.ts";

/** Slower is standing: a pace of it would say nothing. */
const PACE_MAX_S_PER_KM = 3600;

export function windowOf({ size, startMs, endMs, pane, revision, ...stats }: ReadingWindow): AthleteWindow {
  return { size: size as Size, startMs, endMs, pane, revision, ...statsOf(stats) };
}

export function statsOf(stats: ReadingStats) {
  const { readings, hrCount, hrMin, hrMax, hrMean, hrP05, hrP50, hrP95 } = stats;
  const { cadenceMean, distanceM, steps, activeS, restS } = stats;
  const paceSPerKm = distanceM > 0 ? ((activeS + restS) / distanceM) * 1000 : Number.POSITIVE_INFINITY;
  return {
    readings,
    hrCount,
    hrMin,
    hrMax,
    hrMean,
    hrP05,
    hrP50,
    hrP95,
    cadenceMean,
    distanceM,
    steps,
    activeS,
    restS,
    paceSPerKm: paceSPerKm > 0 && paceSPerKm <= PACE_MAX_S_PER_KM ? paceSPerKm : null,
  };
}
