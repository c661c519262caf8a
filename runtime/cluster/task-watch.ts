/**
 * Whether a task of this node goes on: kept over its runs, told as problems. Believes nobody: what counts is what is committed
 * (P1 of health.ts).
 */
import { type Problem, STUCK_AFTER_MS } from "../health.ts";
import type { Position } from "../kafka/log.ts";
import type { Time } from "../time.ts";

/** So many failures without anything committed in between, and it is told. */
const FAILURES_TOLD = 3;
const WELL_AFTER_MS = 5_000;

export class TaskWatch {
  readonly #part: string;
  readonly #name: string;
  readonly #time: Time;
  readonly #positions = new Map<string, number>();
  /** Records in its input, as far as is known; `undefined`: not known yet. */
  #lag: number | undefined;
  #progressElapsedMs: number;
  #progressMs: number;
  #beganElapsedMs = 0;
  #failures = 0;
  #failingSinceMs = 0;
  #reason = "";
  #blameless = false;

  /** @param name of the task, for people: `job/stage/slot`. */
  constructor(part: string, name: string, time: Time) {
    this.#part = part;
    this.#name = name;
    this.#time = time;
    this.#progressElapsedMs = time.elapsed();
    this.#progressMs = time.now();
  }

  /** A run begins. */
  began(): void {
    this.#beganElapsedMs = this.#time.elapsed();
  }

  status(lag: number): void {
    this.#lag = lag;
    if (lag > 0) return;
    this.#progressed();
    // Without input nothing is committed: then it is well when it has run for a while.
    if (this.#time.elapsed() - this.#beganElapsedMs >= WELL_AFTER_MS) this.#isWell();
  }

  committed(positions: readonly Position[]): void {
    let moved = false;
    for (const { topic, partition, offset } of positions) {
      const id = `${topic}/${partition}`;
      if (offset > (this.#positions.get(id) ?? -1)) moved = true;
      this.#positions.set(id, offset);
    }
    if (!moved) return;
    this.#progressed();
    this.#isWell();
  }

  #isWell(): void {
    this.#failures = 0;
    this.#blameless = false;
  }

  /** @param blameless nothing single is at fault, so nothing can be set apart. */
  failed(reason: string, blameless: boolean): void {
    if (this.#failures++ === 0) this.#failingSinceMs = this.#time.now();
    this.#reason = reason;
    this.#blameless = blameless;
    // What it had to do then is not known to be done.
    if (this.#lag === 0) this.#lag = undefined;
  }

  #progressed(): void {
    this.#progressElapsedMs = this.#time.elapsed();
    this.#progressMs = this.#time.now();
  }

  problem(): Problem | undefined {
    const part = this.#part;
    if (this.#failures >= FAILURES_TOLD) {
      const again = `${this.#name} fails again and again, ${this.#failures} times without committing anything: ${this.#reason}`;
      const sinceMs = this.#failingSinceMs;
      return this.#blameless
        ? {
            part,
            code: "no-record-at-fault",
            message: `${again}; no single record is at fault, so none can be set apart: mend the job, and submit it again`,
            sinceMs,
          }
        : { part, code: "restarting", message: again, sinceMs };
    }
    const stillMs = this.#time.elapsed() - this.#progressElapsedMs;
    if (stillMs < STUCK_AFTER_MS || this.#lag === 0) return undefined;
    const what = this.#lag === undefined ? "has not come to run" : `has ${this.#lag} records to process`;
    const why = this.#reason === "" ? "" : `; it failed last with: ${this.#reason}`;
    return {
      part,
      code: "no-progress",
      message: `${this.#name} ${what} and has committed nothing for ${Math.round(stillMs / 1000)} s${why}`,
      sinceMs: this.#progressMs,
    };
  }
}
