/**
 * How long to pause before a failed task is started again: growing while it keeps failing, from the start again after it has
 * run well for a while.
 */
const FIRST_MS = 200;
const LONGEST_MS = 30_000;
const STABLE_AFTER_MS = 30_000;

export class RestartPolicy {
  #failures = 0;

  /** @param ranMs how long the task ran before it failed. @returns the pause, milliseconds. */
  failed(ranMs: number): number {
    if (ranMs >= STABLE_AFTER_MS) this.#failures = 0;
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures++;
    return pause;
  }

  get failures(): number {
    return this.#failures;
  }
}
