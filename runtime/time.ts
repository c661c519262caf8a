import { refusePromise } from "./settled.ts";

/**
 * Durations and the two times of the runtime. Event time is whatever number the job's `timeOf` gives (Unix milliseconds, or
 * milliseconds of the race's day), rounded down: the runtime only compares it. Processing time is the node's clock, Unix
 * milliseconds.
 */
export const milliseconds = (count: number): number => count;
export const seconds = (count: number): number => count * 1000;
export const minutes = (count: number): number => count * 60_000;
export const hours = (count: number): number => count * 3_600_000;

/** Before all event time: no watermark yet. */
export const NO_WATERMARK = Number.NEGATIVE_INFINITY;

/**
 * After all event time: nothing is expected any more. All windows close, all event timers fire, as by Flink's `MAX_WATERMARK`. It
 * is finite, so that ends of windows compare and progress records hold it.
 */
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER;

/** Event times are at most so far from 0: the year 33658. Microseconds taken for milliseconds are found by it, too. */
export const TIME_MAX_MS = 1e15;
/** No duration is longer: an event time and two of them together stay whole numbers, below MAX_WATERMARK. */
export const DURATION_MAX_MS = 1e15;

/** The event time that an author's function gave. @param what the function, such as `timeOf` */
export function eventTimeOf(what: string, ms: unknown): number {
  if (typeof ms === "number" && ms >= -TIME_MAX_MS && ms <= TIME_MAX_MS) return Math.floor(ms) + 0;
  refusePromise(what, ms);
  const micros = typeof ms === "number" && ms > TIME_MAX_MS && Number.isFinite(ms);
  throw new Error(
    `${what} gave ${String(ms)}, which is not a time${micros ? ": times are milliseconds" : ""}`,
  );
}

/** Where the runtime takes processing time from; tests and the simulation give their own. */
export interface Clock {
  now(): number;
}

/**
 * All that tasks, their nodes and what carries records between them measure and wait with, so that they run under a simulated one.
 * What stands at the edge waits by itself: connections, the sink, a job's module that is loaded, threads that are made ready.
 */
export interface Time extends Clock {
  /** For durations: milliseconds since some moment. Unlike `now` it never steps, whatever is done to the machine's clock. */
  elapsed(): number;
  /**
   * Calls once after `ms`, never within this call. Returns how to call it off.
   * @param kind `background`: the process need not stay alive for it
   */
  after(ms: number, call: () => void, kind?: "background"): () => void;
}

export const systemTime: Time = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, call, kind) {
    const timer = setTimeout(call, ms);
    if (kind === "background") timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function sleep(time: Time, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const over = () => {
      signal?.removeEventListener("abort", over);
      callOff();
      resolve();
    };
    const callOff = time.after(ms, over);
    signal?.addEventListener("abort", over);
  });
}
