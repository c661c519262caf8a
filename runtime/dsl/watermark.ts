/** How event time is found in records, and how far the stream has come in it. */

export interface WatermarkStrategy<T> {
  /** Event time of a value. */
  readonly timeOf: (value: T) => number;
  /** How far behind the highest time seen a later record may still be. */
  readonly disorderMaxMs: number;
  /** A partition that is read to its end and stays silent this long no longer holds the watermark back. */
  readonly idleAfterMs: number;
}

/**
 * The watermark is the highest time seen in a partition, less `disorderMax`; the task takes the lowest of its partitions,
 * idle ones left out. As Flink's `BoundedOutOfOrdernessWatermarks`, which also subtracts one: a record exactly
 * `disorderMax` behind is not late.
 */
export function boundedDisorder<T>(options: {
  timeOf: (value: T) => number;
  disorderMax: number;
  idleAfter?: number;
}): WatermarkStrategy<T> {
  return {
    timeOf: options.timeOf,
    disorderMaxMs: options.disorderMax,
    idleAfterMs: options.idleAfter ?? 5_000,
  };
}
