/** How event time is found in records, and how far the stream has come in it. */
import { JobError } from "../errors.ts";
import { duration, optionalDuration } from "./options.ts";
import type { SideOutput } from "./process.ts";

/** Finds the watermark of one partition. Made anew for each, and after a restart: what it has said by then is kept. */
export interface WatermarkGenerator<T> {
  /**
   * Called for each record, in the partition's order. @returns up to where the partition is complete: no record of this time
   * or an earlier one is expected any more. A lower value than before changes nothing, and so does -Infinity, which says nothing.
   * +Infinity: the partition is complete for good. Once all are, all windows close and all event timers fire, as by Flink's
   * `MAX_WATERMARK`; what comes after that is late.
   */
  onRecord(value: T, timeMs: number): number;
}

/** Durations are milliseconds: `seconds(5)`. */
export interface WatermarkOptions<T> {
  /** Event time of a value, in milliseconds, rounded down. One that gives no time (NaN, Infinity) is set apart. */
  readonly timeOf: (value: T) => number;
  /** A partition that is read to its end and stays silent this long no longer holds the watermark back. Default 5 s. */
  readonly idleAfter?: number;
  /**
   * When all partitions of a task have been silent this long (by the node's clock), its event time goes on with the clock, from
   * the highest time seen: windows close though nothing comes. A record that then comes from before is late. The advance is
   * part of the epoch in which it had an effect. Default: never.
   */
  readonly quietAfter?: number;
  /**
   * A partition whose watermark is so far ahead of the slowest one of its task is not read until that one has followed: keeps
   * the windows that are open at once few when a backlog is read. Default: any.
   */
  readonly driftMax?: number;
  /**
   * What to do with a record dated more than `ahead` after Kafka got it, which no right clock can do. It never moves the
   * watermark; one that is less ahead moves it to when Kafka got it, no further. `to`: it goes to this side output of `.watermark(...)` instead of on.
   * The record's Kafka timestamp is what it is held against, so the same record is judged the same whenever it is read; or what
   * `receivedOf` says, where values know better when they were received: in a replay, Kafka's time is years later.
   */
  readonly future?: {
    readonly ahead: number;
    readonly receivedOf?: (value: T) => number;
    readonly to?: SideOutput<T>;
  };
}

export interface WatermarkStrategy<T> extends WatermarkOptions<T> {
  readonly generator: () => WatermarkGenerator<T>;
}

/**
 * The watermark is the highest time seen in a partition, less `disorderMax`; the task takes the lowest of its partitions,
 * idle ones left out. As Flink's `BoundedOutOfOrdernessWatermarks`, which also subtracts one: a record exactly
 * `disorderMax` behind is not late.
 */
export function boundedDisorder<T>(
  options: WatermarkOptions<T> & { readonly disorderMax: number },
): WatermarkStrategy<T> {
  const disorderMax = duration("a watermark's disorderMax", options.disorderMax, 0);
  const generator = { onRecord: (_value: T, timeMs: number) => timeMs - disorderMax - 1 };
  return checked({ ...options, generator: () => generator });
}

/** A watermark by rules of the job's own, such as one that devices send along. */
export function watermarkBy<T>(
  options: WatermarkOptions<T> & { readonly generator: () => WatermarkGenerator<T> },
): WatermarkStrategy<T> {
  return checked(options);
}

export const IDLE_AFTER_MS = 5_000;

function checked<T>(strategy: WatermarkStrategy<T>): WatermarkStrategy<T> {
  const { idleAfter = IDLE_AFTER_MS, quietAfter, driftMax, future } = strategy;
  duration("a watermark's idleAfter", idleAfter, 0);
  optionalDuration("a watermark's quietAfter", quietAfter, 0);
  optionalDuration("a watermark's driftMax", driftMax, 0);
  if (future) duration("a watermark's future.ahead", future.ahead, 0);
  if (quietAfter !== undefined && quietAfter < idleAfter)
    throw new JobError(
      `a watermark's quietAfter (${quietAfter} ms) is shorter than its idleAfter (${idleAfter} ms): a stream is quiet when all its partitions are idle`,
    );
  return strategy;
}
