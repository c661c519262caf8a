/**
 * An athlete's windows as the page knows them, from two sources that overlap: what was asked for, and what the stream told. Pure.
 *
 * AH1  Of two results of a window the later one counts, wherever it came from.
 * AH2  Of ten-second windows only the last `RECENT_MS` are kept; minutes are kept for the whole race.
 */
import type { AthleteWindow, Size } from "./athlete-api.ts";

export const RECENT_MS = 10 * 60_000;

export class AthleteHistory {
  readonly #bySize = new Map<Size, Map<number, AthleteWindow>>();
  #newestMs = Number.NEGATIVE_INFINITY;

  /** The end of the newest window; undefined: there is none. */
  get newestMs(): number | undefined {
    return Number.isFinite(this.#newestMs) ? this.#newestMs : undefined;
  }

  /** @returns whether anything is new. */
  put(windows: readonly AthleteWindow[]): boolean {
    let any = false;
    for (const window of windows) {
      const { size, startMs, endMs, revision } = window;
      const known = this.#of(size);
      const before = known.get(startMs);
      if (before && before.revision >= revision) continue; // AH1
      known.set(startMs, window);
      any = true;
      if (size === "10s") this.#newestMs = Math.max(this.#newestMs, endMs);
    }
    this.#forget();
    return any;
  }

  /** By time. */
  windows(size: Size): AthleteWindow[] {
    return [...this.#of(size).values()].sort((a, b) => a.startMs - b.startMs);
  }

  latest(): AthleteWindow | undefined {
    return this.#of("10s").get(this.#newestMs - 10_000);
  }

  /** What ten-second windows from `fromMs` on cover, metres. */
  coveredSince(fromMs: number): number {
    return this.windows("10s").reduce(
      (sum, { startMs, distanceM }) => sum + (startMs >= fromMs ? distanceM : 0),
      0,
    );
  }

  #forget(): void {
    const recent = this.#of("10s");
    for (const startMs of recent.keys()) if (startMs < this.#newestMs - RECENT_MS) recent.delete(startMs);
  }

  #of(size: Size): Map<number, AthleteWindow> {
    const known = this.#bySize.get(size) ?? new Map();
    this.#bySize.set(size, known);
    return known;
  }
}
