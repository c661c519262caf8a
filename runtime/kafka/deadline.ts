/** How long something may be asked for, again and again: one limit for a request, the pauses between, and all that follows. */
import { sleep, type Time } from "../time.ts";
import { NotDone } from "./transaction-errors.ts";

export class Deadline {
  readonly #time: Time;
  readonly #beganMs: number;
  readonly #endMs: number;

  constructor(time: Time, budgetMs: number) {
    this.#time = time;
    this.#beganMs = time.elapsed();
    this.#endMs = this.#beganMs + budgetMs;
  }

  /** Since it began. */
  get spentMs(): number {
    return this.#time.elapsed() - this.#beganMs;
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

  /** @throws NotDone when no time is left to ask again; `reason` says why that is needed */
  async pause(ms: number, reason: string): Promise<void> {
    if (this.#time.elapsed() + ms >= this.#endMs) throw new NotDone("unanswered", reason);
    await sleep(this.#time, ms);
  }
}
