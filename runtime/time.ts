/**
 * Durations and the two times of the runtime. Event time is whatever number the job's `timeOf` gives (Unix milliseconds, or
 * milliseconds of the race's day): the runtime only compares it. Processing time is the node's clock, Unix milliseconds.
 */
export const milliseconds = (count: number): number => count;
export const seconds = (count: number): number => count * 1000;
export const minutes = (count: number): number => count * 60_000;
export const hours = (count: number): number => count * 3_600_000;

/** Before all event time: no watermark yet. */
export const NO_WATERMARK = Number.NEGATIVE_INFINITY;

/** Where the runtime takes processing time from; tests and the simulation give their own. */
export interface Clock {
  now(): number;
}
