/**
 * What becomes of a task that failed: how long it pauses, and what it is to leave out when it starts again. Decided from what is
 * known of its failures alone; slot.ts acts on it.
 *
 * F1  What takes the task down again and again is set apart: what does not come back, at once; what fills the memory, the second
 *     time; what throws where it must not, the third.
 * F2  Where nothing single can be blamed, epochs are made smaller from failure to failure, until one holds a single record.
 * F3  Nothing is set apart for what came from outside (Kafka, another owner, a stop): then the task did nothing at all.
 * F4  Pauses grow while it keeps failing, and are short again after it has run well, or has something less to fail on.
 */
import type { Isolated } from "../worker/isolation.ts";
import { type Place, type PulseReading, placeText } from "../worker/pulse.ts";

/** Why a run ended that should not have. */
export interface Failure {
  readonly cause: /** Its thread did not answer. */
    | "hang"
    /** Its thread had no more memory. */
    | "memory"
    /** It threw, or its thread ended. */
    | "error"
    /** An epoch did not commit, or Kafka was away. */
    | "outside";
  readonly reason: string;
  /** What the thread was at when it ended. */
  readonly pulse: PulseReading | undefined;
  readonly ranMs: number;
  /** Whether it committed anything. */
  readonly committed: boolean;
}

export interface Decision {
  readonly pauseMs: number;
  /** What is set apart from now on, in addition to what is already. */
  readonly isolate: Isolated | undefined;
  /** The most records that an epoch may hold; `undefined`: as usual. */
  readonly epochRecordsMax: number | undefined;
  /** Whether it fails again and again though nothing single can be blamed. */
  readonly blameless: boolean;
}

const PAUSE_FIRST_MS = 200;
const PAUSE_LONGEST_MS = 30_000;
const STABLE_AFTER_MS = 30_000;
const TIMES: Readonly<Record<Failure["cause"], number>> = {
  hang: 1,
  memory: 2,
  error: 3,
  outside: Number.POSITIVE_INFINITY,
};
/** F2 */
const EPOCHS = [256, 16, 1] as const;
const BLAMELESS_TIMES = 3;

export class FaultPolicy {
  #failures = 0;
  /** Failures at one place, one after the other. */
  #suspect = "";
  #times = 0;
  #smaller = 0;

  /** Failures since it last ran well. */
  get failures(): number {
    return this.#failures;
  }

  failed(failure: Failure): Decision {
    const { cause, reason, ranMs, committed } = failure;
    if (ranMs >= STABLE_AFTER_MS) {
      this.#failures = 0;
      this.#smaller = 0;
    }
    const pauseMs = Math.min(PAUSE_LONGEST_MS, PAUSE_FIRST_MS * 2 ** this.#failures); // F4
    this.#failures++;
    if (cause === "outside") return this.#again(pauseMs); // F3
    const place = this.#blamed(failure);
    const suspect = place ? placeText(place) : "";
    this.#times = suspect === this.#suspect && (place || !committed) ? this.#times + 1 : 1;
    this.#suspect = suspect;
    if (place?.kind === "timer" && place.key === undefined) {
      // Which one it was is noted from the next run on.
      if (this.#times < TIMES[cause]) return this.#again(pauseMs);
      this.#smaller = Math.max(this.#smaller, 1);
      return this.#again(PAUSE_FIRST_MS);
    }
    if (place) {
      if (this.#times < TIMES[cause]) return this.#again(pauseMs);
      const isolate = { place, step: place.step, reason: isolatedWords(cause, this.#times, reason) };
      this.#times = 0;
      this.#failures = 0;
      return { ...this.#again(PAUSE_FIRST_MS), isolate }; // F1
    }
    if (this.#smaller < EPOCHS.length && (this.#smaller > 0 || this.#times >= BLAMELESS_TIMES)) {
      this.#smaller++; // F2
      return this.#again(PAUSE_FIRST_MS);
    }
    const blameless = this.#smaller === EPOCHS.length && this.#times >= BLAMELESS_TIMES;
    return { ...this.#again(pauseMs), blameless };
  }

  #again(pauseMs: number): Decision {
    const epochRecordsMax = this.#smaller === 0 ? undefined : EPOCHS[this.#smaller - 1];
    return { pauseMs, isolate: undefined, epochRecordsMax, blameless: false };
  }

  /** A record or a timer is at fault while it is processed; for the end of an epoch, the only record that is in it. */
  #blamed({ pulse }: Failure): Place | undefined {
    if (pulse?.place) return pulse.place;
    const isAlone = this.#smaller === EPOCHS.length;
    return isAlone ? pulse?.lastRecord : undefined;
  }
}

function isolatedWords(cause: Failure["cause"], times: number, reason: string): string {
  switch (cause) {
    case "hang":
      return `isolated: ${reason}`;
    case "memory":
    case "error":
    case "outside":
      return `isolated after ${times} failures: ${reason}`;
  }
}
