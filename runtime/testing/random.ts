/** Chance under a seed (mulberry32), so that what failed can be run again as it was. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a simulation and its generators draw from. */
export class Random {
  readonly #next: () => number;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#next = randomFrom(seed);
    // Neighbouring seeds begin alike.
    for (let i = 0; i < 4; i++) this.#next();
  }

  /** Another source under the same seed, which draws on its own: what one does more often leaves the other alone. */
  fork(salt: number): Random {
    return new Random(Math.imul(this.#seed + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b));
  }

  /** From 0 to under 1. */
  fraction(): number {
    return this.#next();
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#next() * list.length)]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const shuffled = [...list];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = Math.floor(this.#next() * (i + 1));
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** Mostly short, now and then long: how long things take. Milliseconds. */
  latencyMs(usual: number): number {
    const fraction = this.#next();
    return usual * (0.2 + fraction + (fraction > 0.97 ? 20 * (fraction - 0.97) * this.#next() * 30 : 0));
  }
}
