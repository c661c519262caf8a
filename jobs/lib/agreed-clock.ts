/**
 * How far a race has come, by those who are in it: the highest time that two of them have reached. What one alone says may be a
 * mat whose clock is a day ahead, or a box that stamps arrivals so; it waits until another one says as much.
 *
 * AC1  A heartbeat is the timing system's own word: it needs nobody else's.
 * AC2  The clock never goes back.
 */
export interface AgreedClock {
  readonly agreedMs: number;
  /** Who is ahead of that alone. */
  readonly ahead: { readonly who: string; readonly atMs: number } | undefined;
}

export const NOT_BEGUN: AgreedClock = { agreedMs: Number.NEGATIVE_INFINITY, ahead: undefined };

/** @param who `undefined`: a heartbeat. @returns the same object where it says nothing new. */
export function advanced(clock: AgreedClock, who: string | undefined, atMs: number): AgreedClock {
  const { agreedMs, ahead } = clock;
  if (atMs <= agreedMs) return clock;
  if (who === undefined) return { agreedMs: atMs, ahead };
  if (ahead === undefined || ahead.who === who)
    return ahead && ahead.atMs >= atMs ? clock : { agreedMs, ahead: { who, atMs } };
  return {
    agreedMs: Math.max(agreedMs, Math.min(atMs, ahead.atMs)),
    ahead: atMs > ahead.atMs ? { who, atMs } : ahead,
  };
}
