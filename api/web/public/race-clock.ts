/**
 * The race clock between two answers of the server. It runs on where the pace of the answers allows it: in a race as it
 * happens a second is a second, also while nobody passes a mat for a quarter of an hour; a replay may run sixty times as
 * fast, and stop at any moment, so there the clock is never ahead by more than the next answer is expected.
 */
import { setText } from "./dom.ts";
import { duration } from "./format.ts";

/** Answers say whole seconds: over less than this they say too little about the pace. */
const SAMPLE_MIN_MS = 2500;
const AHEAD_MAX_MS = 1500;
const REAL_TIME_AHEAD_MAX_MS = 20 * 60_000;

export class RaceClock {
  readonly #element: HTMLElement;
  #gunS = 0;
  #asOfS: number | null = null;
  #heardMs = 0;
  #sample = { asOfS: 0, atMs: 0 };
  /** Race seconds a second, of the last two samples: one jump is not a pace. */
  #paces: [number, number] = [0, 0];
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
    this.#paces = [0, 0];
    setText(this.#element, "–:––:––");
  }

  set(asOfS: number | null): void {
    if (asOfS === null || (this.#asOfS !== null && asOfS < this.#asOfS)) return;
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#sample.atMs;
    if (this.#asOfS === null) {
      this.#sample = { asOfS, atMs: nowMs };
    } else if (sinceMs >= SAMPLE_MIN_MS) {
      this.#paces = [this.#paces[1], ((asOfS - this.#sample.asOfS) / sinceMs) * 1000];
      this.#sample = { asOfS, atMs: nowMs };
    }
    if (asOfS !== this.#asOfS) {
      this.#asOfS = asOfS;
      this.#heardMs = nowMs;
    }
    this.#tick();
  }

  #tick(): void {
    if (this.#asOfS === null) return;
    const pace = Math.min(...this.#paces);
    const isRealTime = pace > 0.6 && pace < 1.6;
    const aheadMaxMs = isRealTime ? REAL_TIME_AHEAD_MAX_MS : AHEAD_MAX_MS;
    const aheadMs = Math.min(performance.now() - this.#heardMs, aheadMaxMs);
    const nowS = this.#asOfS + (aheadMs / 1000) * (isRealTime ? 1 : pace);
    // Not backwards for a guess that ran a little ahead; far ahead it was wrong.
    const tooFarS = Math.max(2, pace * 3);
    this.#shownS = this.#shownS - nowS > tooFarS ? nowS : Math.max(this.#shownS, nowS);
    setText(this.#element, duration(Math.max(0, Math.floor(this.#shownS) - this.#gunS)));
  }
}
