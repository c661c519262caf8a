/**
 * How far event time has come in a task, out of what its inputs say and how long they have been silent.
 *
 * Owns the valve and what each source partition has told. What the time sets off is the task's (task.ts).
 *
 * ET1  Durations are told by elapsed time, never by the clock.
 * ET2  While all is quiet, event time goes on with elapsed time where the job wants it (`quietAfter`). Nothing is written for
 *      that alone: what it sets off is committed together with the watermark that it came from.
 * ET3  A partition with something in it that was not read yet is not idle, be it in a transaction that is still open. When a sender
 *      goes on after a pause, the first partition to be read would else make the records of all others late.
 * ET4  A record that is set apart has not been: what a branch found out about time before another one threw does not count.
 */
import type { InputProgress } from "../checkpoint/progress.ts";
import type { FlowNode } from "../dsl/graph.ts";
import { WatermarkValve } from "../exchange/watermark-valve.ts";
import type { TopicPartition } from "../kafka/log.ts";
import { MAX_WATERMARK, NO_WATERMARK } from "../time.ts";
import type { InputPartition } from "./input-partition.ts";

/** Steps in which time goes on while all is quiet: each is news for the tasks downstream. */
const QUIET_STEP_MS = 1_000;

export class EventTime {
  readonly #valve = new WatermarkValve();
  /** Inputs that bring event time from outside. */
  readonly #sources: InputPartition[] = [];
  /** The highest event time seen. */
  #max = NO_WATERMARK;
  /** Of the record at hand; slots from `#observations` on are left over from earlier ones. */
  readonly #observed: { node: FlowNode; timeMs: number; watermark: number }[] = [];
  #observations = 0;
  /** Event time from which elapsed time goes on, while all is quiet. */
  #quietFrom: number | undefined;

  add(input: InputPartition): void {
    for (const channel of input.channels) this.#valve.add(channel);
    if (input.sources.length > 0) this.#sources.push(input);
  }

  /** The first moment of the task: how long a source has been silent counts from here. */
  seal(input: InputPartition, elapsedMs: number): void {
    input.lastRecordMs = elapsedMs;
    for (const source of input.sources) source.lastTimeMs = elapsedMs;
  }

  get max(): number {
    return this.#max;
  }

  /** Whether every input is idle. */
  get isIdle(): boolean {
    return this.#valve.allIdle;
  }

  /** What is left out for its silence: what a `.watermark` says of a source partition. */
  silent(): readonly (TopicPartition & { readonly node: FlowNode })[] {
    return this.#sources.flatMap(({ input: { topic }, partition, sources }) =>
      sources.filter(({ name }) => this.#valve.isIdle(name)).map(({ node }) => ({ topic, partition, node })),
    );
  }

  /** Whether it goes on by elapsed time alone (ET2). */
  get isQuiet(): boolean {
    return this.#quietFrom !== undefined;
  }

  /** The watermark now: it never goes back. */
  watermark(): number {
    return this.#valve.output();
  }

  /** What a changelog says: of the task's own watermark, and of an input's channels. */
  restore(watermark: number): void {
    this.#valve.restore(watermark);
  }

  restoreInput(input: InputPartition, { watermarks, idle = [] }: InputProgress): void {
    const partition = `${input.input.topic}/${input.partition}`;
    for (const channel of input.channels) {
      // Where there was one `.watermark` then, its partition's is what all have come to; a new one among several says nothing yet.
      const saved = channel in watermarks ? channel : partition;
      const watermark = watermarks[saved];
      if (watermark === undefined) continue;
      if (watermark !== null) this.#valve.advance(channel, watermark);
      // Of several progress records the last one counts: a channel that was idle in an earlier one need not be any more.
      if (idle.includes(saved)) this.#valve.setIdle(channel);
      else this.#valve.setActive(channel);
    }
  }

  /** The counterpart of `restoreInput`. */
  saveInput({ channels }: InputPartition): Pick<InputProgress, "watermarks" | "idle"> {
    return {
      watermarks: Object.fromEntries(
        channels.map((channel) => [channel, finite(this.#valve.watermarkOf(channel))]),
      ),
      idle: channels.filter((channel) => this.#valve.isIdle(channel)),
    };
  }

  /** How far a partition is written is known anew; said of all that were polled, before the first record of any (ET3). */
  announced({ sources, next, writtenTo }: InputPartition): void {
    if (next < writtenTo) for (const { name } of sources) this.#valve.setActive(name);
  }

  /** A record arrived. */
  heard(input: InputPartition, elapsedMs: number): void {
    input.lastRecordMs = elapsedMs;
    this.#quietFrom = undefined;
  }

  /** A `.watermark` found the time of the record at hand, and up to where the partition is complete for it (ET4). */
  observe(node: FlowNode, timeMs: number, watermark: number): void {
    const slot = this.#observed[this.#observations++];
    if (!slot) {
      this.#observed.push({ node, timeMs, watermark });
      return;
    }
    slot.node = node;
    slot.timeMs = timeMs;
    slot.watermark = watermark;
  }

  /** The record is through: what was observed in it counts, or does not (ET4). */
  settle(input: InputPartition, counts: boolean): void {
    const { sources } = input;
    for (let at = 0; counts && at < this.#observations; at++) {
      const { node, timeMs, watermark } = this.#observed[at]!;
      const source =
        sources.length === 1 ? sources[0]! : sources.find((candidate) => candidate.node === node)!;
      source.lastTimeMs = input.lastRecordMs;
      this.saw(timeMs);
      this.advance(source.name, watermark);
    }
    this.#observations = 0;
  }

  /** An event time was seen. */
  saw(timeMs: number): void {
    if (timeMs > this.#max) this.#max = timeMs;
  }

  /** A watermark was heard on a channel. */
  advance(channel: string, watermark: number, idle = false): void {
    this.#valve.advance(channel, watermark);
    if (idle) this.#valve.setIdle(channel);
  }

  /** Time passes without records. @param reached the watermark that the task has come to */
  tick(elapsedMs: number, reached: number): void {
    for (const { next, writtenTo, sources } of this.#sources) {
      if (next < writtenTo) continue;
      for (const { name, lastTimeMs, idleAfterMs } of sources)
        if (elapsedMs - lastTimeMs >= idleAfterMs) this.#valve.setIdle(name);
    }
    if (this.#valve.allIdle) this.#goOnQuietly(elapsedMs, reached);
  }

  #goOnQuietly(elapsedMs: number, reached: number): void {
    if (reached >= MAX_WATERMARK) return;
    const lastRecordMs = Math.max(...this.#sources.map((input) => input.lastRecordMs));
    const silentMs = elapsedMs - lastRecordMs - Math.min(...this.#sources.map((input) => input.quietAfterMs));
    // Without sources of time, it comes from upstream; without `quietAfter`, this is minus infinity.
    if (!(silentMs >= 0 && silentMs < Number.POSITIVE_INFINITY)) {
      this.#quietFrom = undefined;
      return;
    }
    this.#quietFrom ??= Math.max(reached, this.#max);
    const quietMs = Math.floor(silentMs / QUIET_STEP_MS) * QUIET_STEP_MS;
    // It goes on for ever, and is never complete (W4).
    const watermark = Math.min(this.#quietFrom + quietMs, MAX_WATERMARK - 1);
    for (const { channels } of this.#sources)
      for (const channel of channels) this.advance(channel, watermark, true);
  }

  /** Partitions that are so far ahead of the slowest one that they are better not read now (`driftMax`). */
  held(): readonly TopicPartition[] {
    let slowest = Number.POSITIVE_INFINITY;
    for (const input of this.#sources) slowest = Math.min(slowest, this.#slowestOf(input));
    return this.#sources
      .filter((input) => this.#comeTo(input) - slowest > input.driftMaxMs)
      .map(({ input, partition }) => ({ topic: input.topic, partition }));
  }

  /** The lowest watermark of a partition that others have to wait for. */
  #slowestOf({ sources, next, end }: InputPartition): number {
    let slowest = Number.POSITIVE_INFINITY;
    for (const { name } of sources) {
      const watermark = this.#valve.watermarkOf(name);
      // One that has said nothing and has nothing to read waits to become idle: nobody has to wait with it.
      if (this.#valve.isIdle(name) || (watermark === NO_WATERMARK && next >= end)) continue;
      slowest = Math.min(slowest, watermark);
    }
    return slowest;
  }

  #comeTo({ sources }: InputPartition): number {
    return Math.min(...sources.map(({ name }) => this.#valve.watermarkOf(name)));
  }
}

/** As JSON can hold it. */
export const finite = (watermark: number): number | null => (Number.isFinite(watermark) ? watermark : null);
