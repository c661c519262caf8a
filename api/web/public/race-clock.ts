/**
 * The race clock, moving on between two answers of the server. A replay may run sixty times as fast as the race did, so
 * the pace of the clock is taken from the answers, and it never runs further ahead than the next one is expected.
 */
import { setText } from "./dom.ts";
import { duration } from "./format.ts";

/** Beyond this long without news the clock stands still rather than guess. */
const AHEAD_MAX_MS = 5000;
/** Two answers closer than this say too little about the pace. */
const SAMPLE_MIN_MS = 800;

export class RaceClock {
  readonly #element: HTMLElement;
  #gunS = 0;
  #asOfS: number | null = null;
  #sampledMs = 0;
  #secondsPerMs = 0;
  #shownS = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
    setInterval(() => this.#tick(), 250);
  }

  /** A new race: forget the pace of the one before. */
  start(gunS: number): void {
    this.#gunS = gunS;
    this.#asOfS = null;
    this.#shownS = 0;
    this.#secondsPerMs = 0;
    setText(this.#element, "–:––:––");
  }

  set(asOfS: number | null): void {
    if (asOfS === null) return;
    const nowMs = performance.now();
    if (this.#asOfS === null) {
      this.#asOfS = asOfS;
      this.#sampledMs = nowMs;
    } else if (nowMs - this.#sampledMs >= SAMPLE_MIN_MS) {
      this.#secondsPerMs = Math.max(0, (asOfS - this.#asOfS) / (nowMs - this.#sampledMs));
      this.#asOfS = asOfS;
      this.#sampledMs = nowMs;
    }
    this.#tick(asOfS);
  }

  #tick(atLeastS = 0): void {
    if (this.#asOfS === null) return;
    const sinceMs = Math.min(performance.now() - this.#sampledMs, AHEAD_MAX_MS);
    const nowS = this.#asOfS + sinceMs * this.#secondsPerMs;
    // Never backwards: a guess that ran ahead waits for the race to catch up.
    this.#shownS = Math.max(this.#shownS, nowS, atLeastS);
    setText(this.#element, duration(Math.max(0, this.#shownS - this.#gunS)));
  }
}
