/**
 * When an open window says what it has: after every so many records, when the watermark passes a multiple of a duration, or when the
 * clock does. By time, only a window that has changed since it last said something early says it again; a task that starts anew does not
 * know what was said, and says it once more.
 */
import type { EarlyResults } from "../../../dsl/window.ts";

export class Early {
  readonly #early: EarlyResults | undefined;
  #dueMs: number;

  constructor(early: EarlyResults | undefined, nowMs: number) {
    this.#early = early;
    this.#dueMs = this.#after(nowMs);
  }

  get byTime(): boolean {
    return this.#early?.kind === "event" || this.#early?.kind === "processing";
  }

  /** @param records in the window, this one among them. */
  afterRecords(records: number): boolean {
    return this.#early?.kind === "count" && records % this.#early.every === 0;
  }

  passedBy(from: number, to: number): boolean {
    if (this.#early?.kind !== "event") return false;
    const { everyMs } = this.#early;
    return Math.floor(to / everyMs) > Math.floor(from / everyMs);
  }

  due(nowMs: number): boolean {
    if (nowMs < this.#dueMs) return false;
    this.#dueMs = this.#after(nowMs);
    return true;
  }

  #after(nowMs: number): number {
    if (this.#early?.kind !== "processing") return Number.POSITIVE_INFINITY;
    return (Math.floor(nowMs / this.#early.everyMs) + 1) * this.#early.everyMs;
  }
}
