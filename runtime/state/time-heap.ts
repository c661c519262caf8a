/** Things by time, those of one time together: few times, many things each. */
export class TimeHeap<T> {
  readonly #at = new Map<number, T[]>();
  /** A binary heap of the times in `#at`. */
  #times: number[] = [];
  #size = 0;

  /** How many things there are. */
  get size(): number {
    return this.#size;
  }

  add(timeMs: number, thing: T): void {
    this.#size++;
    const there = this.#at.get(timeMs);
    if (there) {
      there.push(thing);
      return;
    }
    this.#at.set(timeMs, [thing]);
    const times = this.#times;
    let at = times.length;
    times.push(timeMs);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= timeMs) break;
      times[at] = times[parent]!;
      at = parent;
    }
    times[at] = timeMs;
  }

  /** The earliest time, or +Infinity. */
  next(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Takes out everything of the earliest time, which is `timeMs`. */
  take(timeMs: number): readonly T[] {
    const things = this.#at.get(timeMs) ?? [];
    this.#size -= things.length;
    this.#at.delete(timeMs);
    const times = this.#times;
    const last = times.pop()!;
    if (times.length === 0) return things;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= times.length) break;
      if (child + 1 < times.length && times[child + 1]! < times[child]!) child++;
      if (times[child]! >= last) break;
      times[at] = times[child]!;
      at = child;
    }
    times[at] = last;
    return things;
  }

  /** Lets go of the things that are not to be kept. As much work as there are things. */
  keep(isKept: (thing: T) => boolean): void {
    this.#size = 0;
    for (const [timeMs, things] of this.#at) {
      const kept = things.filter(isKept);
      this.#size += kept.length;
      if (kept.length > 0) this.#at.set(timeMs, kept);
      else this.#at.delete(timeMs);
    }
    // Sorted, it is a heap.
    this.#times = [...this.#at.keys()].sort((a, b) => a - b);
  }
}
