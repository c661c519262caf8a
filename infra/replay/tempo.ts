/**
 * The race clock of a replay: which race time it is at a wall-clock time.
 *
 * T1  Race time follows from the start alone, never from the tick before: a late tick sends more, the schedule does not drift.
 */

/** Race seconds in a wall-clock second, or as fast as Kafka takes it. */
export type Speed = number | "max";

export interface Tempo {
  /** Race time at `wallMs`; everything due up to it is to be sent. */
  raceMsAt(wallMs: number): number;
  /** Milliseconds from `wallMs` until race time is `raceMs`; 0 when it has passed. */
  waitMs(raceMs: number, wallMs: number): number;
}

/** A clock that shows `raceMs` at `wallMs` and goes on at `speed`. */
export function startTempo(speed: Speed, raceMs: number, wallMs: number): Tempo {
  if (speed === "max") return { raceMsAt: () => Number.POSITIVE_INFINITY, waitMs: () => 0 };
  return {
    raceMsAt: (nowMs) => raceMs + (nowMs - wallMs) * speed, // T1
    waitMs: (dueMs, nowMs) => Math.max(0, wallMs + (dueMs - raceMs) / speed - nowMs),
  };
}

/** A clock that several plays share: it starts with whichever of them has its first timed step first. */
export function sharedClock(speed: Speed): (raceMs: number, wallMs: number) => Tempo {
  let tempo: Tempo | undefined;
  return (raceMs, wallMs) => {
    tempo ??= startTempo(speed, raceMs, wallMs);
    return tempo;
  };
}
