/**
 * Which points of a recording are in order of time, when not all are.
 *
 * TO1  As few as possible are left out: of points whose times go back and forth, the largest set that does not. A clock that was wrong
 *      for its first ten points and then set by GPS costs these ten, whichever way it was wrong; one point that goes back costs one.
 * TO2  Of two sets that are equally large, the one whose points come first in the file.
 */

/** Indices of the largest set of `times` in order (TO1, TO2); equal times are in order. */
export function inOrder(times: ArrayLike<number>): Uint32Array {
  const { length } = times;
  // Patience sorting from the right: `heads[l]` begins the set of length l + 1 that takes the latest time before it.
  const heads: number[] = [];
  const next = new Int32Array(length).fill(-1);
  for (let at = length - 1; at >= 0; at--) {
    const time = times[at]!;
    let low = 0;
    let high = heads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[heads[middle]!]! >= time) low = middle + 1;
      else high = middle;
    }
    next[at] = low > 0 ? heads[low - 1]! : -1;
    heads[low] = at;
  }
  const kept = new Uint32Array(heads.length);
  let at = heads.at(-1) ?? -1;
  for (let i = 0; at >= 0; i++) {
    kept[i] = at;
    at = next[at]!;
  }
  return kept;
}

/** Whether most steps of `times` go back: some files have their newest point first. */
export function isReversed(times: ArrayLike<number>): boolean {
  let back = 0;
  let on = 0;
  for (let i = 1; i < times.length; i++) {
    if (times[i]! < times[i - 1]!) back++;
    else if (times[i]! > times[i - 1]!) on++;
  }
  return back > on;
}

/** The longest stretch of `times`, which are in order, without a pause longer than `pauseMaxMs`: `[from, to)`. */
export function longestStretch(
  times: ArrayLike<number>,
  pauseMaxMs: number,
): { readonly from: number; readonly to: number } {
  let best = { from: 0, to: 0 };
  for (let from = 0, to = 1; to <= times.length; to++) {
    if (to < times.length && times[to]! - times[to - 1]! <= pauseMaxMs) continue;
    if (to - from > best.to - best.from) best = { from, to };
    from = to;
  }
  return best;
}
