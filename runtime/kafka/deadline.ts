/** How long something may be asked for, again and again: one limit for a request, the pauses between, and all that follows. */
import { sleep, type Time } from "../time.ts";
import { NotDone } from "./transaction-errors.ts";

/** Kafka says that a transaction is committed a moment before it takes the next one: asked again soon, then less so. */
const PAUSE_MIN_MS = 1;
const PAUSE_MAX_MS = 50;

export class Deadline {
  readonly #time: Time;
  readonly #endMs: number;

  constructor(time: Time, budgetMs: number) {
    this.#time = time;
    this.#endMs = time.elapsed() + budgetMs;
  }

  /** For one thing that is asked for until it is done. */
  tries(): Tries {
    return new Tries(this.#time, this.#endMs);
  }

  /** An answer that does not come before the deadline is one that never comes. */
  async within<T>(asked: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const leftMs = Math.max(0, this.#endMs - this.#time.elapsed());
    const callOff = this.#time.after(leftMs, () => late.reject(new Error("no answer in time")), "background");
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      callOff();
    }
  }
}

export class Tries {
  readonly #time: Time;
  readonly #endMs: number;
  readonly #beganMs: number;
  #pauseMs = PAUSE_MIN_MS;

  constructor(time: Time, endMs: number) {
    this.#time = time;
    this.#endMs = endMs;
    this.#beganMs = time.elapsed();
  }

  /** Since the first. */
  get spentMs(): number {
    return this.#time.elapsed() - this.#beganMs;
  }

  /** Before the next. @throws NotDone when no time is left for it; `reason` says why it is needed */
  async pause(reason: string): Promise<void> {
    if (this.#time.elapsed() + this.#pauseMs >= this.#endMs) throw new NotDone("unanswered", reason);
    await sleep(this.#time, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MAX_MS);
  }
}
