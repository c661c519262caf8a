/**
 * Reads one topic and cuts what it reads into batches, one ahead of the insert under way.
 *
 * Owns the reader's positions. What a batch becomes is the pipeline's.
 *
 * C1  One batch ahead and no more: while it is full, nothing is polled, so a slow ClickHouse slows reading down.
 * C2  Ranges join: each begins where the last one of its partition ended, across aborted and control records too (X3).
 */
import { assert } from "../../errors.ts";
import type { PartitionReader, PolledPartition } from "../../kafka/log.ts";
import { Signal } from "../../kafka/signal.ts";
import type { Range } from "./announcement.ts";
import { isAmong, type Offsets } from "./apart.ts";
import { Batch, type BatchLimits, type RecordSorter } from "./batch.ts";

const POLL_MS = 500;

/** When a batch leaves, unless it is full before. Times are of performance.now(). */
export interface TakeRule {
  /** How long a first record waits for others. */
  readonly lingerMs: number;
  /** Not before this. */
  readonly notBeforeMs: number;
  /** Not before this either, while records keep coming: pauses between them are shorter than `lingerMs`. */
  readonly growsUntilMs: number;
  /** Nothing leaves after so long without records. */
  readonly idleMs: number;
}

export interface BatchReaderOptions {
  readonly reader: PartitionReader;
  readonly topic: string;
  readonly sorter: RecordSorter;
  readonly limits: Readonly<BatchLimits>;
}

export class BatchReader {
  readonly #reader: PartitionReader;
  readonly #topic: string;
  readonly #sorter: RecordSorter;
  readonly #limits: Readonly<BatchLimits>;

  /** Being filled. */
  #ahead: Batch;
  #spare: Batch | undefined;
  /** When `#ahead` got its first record; undefined while it is empty. */
  #firstAtMs: number | undefined;
  /** When it got its last ones. */
  #lastAtMs = 0;
  /** Where the next range of each partition begins. */
  #cutAt: number[] = [];
  /** Everything before it was read. */
  #readTo: number[] = [];
  /** Polled, not yet in a batch; the first one may be walked in part. */
  #left: PolledPartition[] = [];
  readonly #changed = new Signal();
  readonly #room = new Signal();
  #running: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;

  constructor(options: BatchReaderOptions) {
    this.#reader = options.reader;
    this.#topic = options.topic;
    this.#sorter = options.sorter;
    this.#limits = options.limits;
    this.#ahead = new Batch(options.limits);
  }

  /**
   * The records of exactly these ranges but those at offsets that are set apart, as far as Kafka keeps them. Before `start` only.
   * @param kept by partition, the first offset that Kafka keeps
   */
  async reread(ranges: readonly Range[], apart: Offsets, kept: readonly number[]): Promise<Batch> {
    assert(this.#running === undefined, "ranges are read again before reading goes on");
    const batch = new Batch(this.#limits);
    const isApart = isAmong(apart);
    const open = new Map<number, Range>();
    for (const range of ranges) {
      batch.cover(range.partition, range.first, range.end);
      const first = Math.max(range.first, kept[range.partition] ?? 0);
      if (first < range.end) open.set(range.partition, { ...range, first });
    }
    this.#reader.assign(
      [...open.values()].map(({ partition, first }) => ({ topic: this.#topic, partition, offset: first })),
    );
    while (open.size > 0 && !this.#stopped) {
      for (const { partition, records, nextOffset } of await this.#reader.poll(POLL_MS)) {
        const range = open.get(partition);
        if (range === undefined) continue;
        while (records.next() && records.offset < range.end)
          if (!isApart(partition, records.offset)) this.#sorter.add(batch, partition, records);
        if (nextOffset < range.end) continue;
        open.delete(partition);
        this.#reader.pause([{ topic: this.#topic, partition }]);
      }
    }
    return batch;
  }

  /** Reads on from these offsets, one of each partition. */
  start(positions: readonly number[]): void {
    assert(this.#running === undefined, "a batch reader starts once");
    this.#cutAt = [...positions];
    this.#readTo = [...positions];
    this.#reader.assign(positions.map((offset, partition) => ({ topic: this.#topic, partition, offset })));
    this.#running = this.#run().catch((error: unknown) => {
      this.#failure = error;
      this.#changed.notify();
    });
  }

  /** A batch, as the rule says; undefined when nothing came for long, or after `stop`. Give it back with `recycle`. */
  async take(rule: TakeRule): Promise<Batch | undefined> {
    const idleAtMs = performance.now() + rule.idleMs;
    for (;;) {
      const changed = this.#changed.next();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stopped) return undefined;
      const nowMs = performance.now();
      const dueMs = this.#dueMs(rule) ?? idleAtMs;
      if (this.#ahead.full || nowMs >= dueMs) return this.#ahead.count > 0 ? this.#cut() : undefined;
      await changed.orAfter(dueMs - nowMs);
    }
  }

  #dueMs({ lingerMs, notBeforeMs, growsUntilMs }: TakeRule): number | undefined {
    if (this.#firstAtMs === undefined) return undefined;
    const grownAtMs = Math.min(growsUntilMs, this.#lastAtMs + lingerMs);
    return Math.max(this.#firstAtMs + lingerMs, notBeforeMs, grownAtMs);
  }

  recycle(batch: Batch): void {
    batch.clear();
    this.#spare = batch;
  }

  /** Per partition: everything before it was read, and nothing of it waits in the batch ahead. */
  drainedTo(partition: number): number | undefined {
    if (this.#running === undefined || this.#ahead.has(partition)) return undefined;
    return this.#readTo[partition];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#room.notify();
    this.#changed.notify();
    await this.#running;
  }

  #cut(): Batch {
    const batch = this.#ahead;
    for (const { partition, end } of batch.ranges()) this.#cutAt[partition] = end;
    this.#ahead = this.#spare ?? new Batch(this.#limits);
    this.#spare = undefined;
    this.#firstAtMs = undefined;
    this.#room.notify();
    return batch;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const room = this.#room.next();
      if (this.#ahead.full) {
        await room.orAfter(POLL_MS); // C1
        continue;
      }
      if (this.#left.length === 0) this.#left = [...(await this.#reader.poll(POLL_MS))];
      const countBefore = this.#ahead.count;
      this.#fill();
      if (this.#ahead.count > countBefore) this.#lastAtMs = performance.now();
      if (countBefore === 0 && this.#ahead.count > 0) {
        this.#firstAtMs = performance.now();
        this.#changed.notify();
      } else if (this.#ahead.full) {
        this.#changed.notify();
      }
      // Parsing may go on for long without waiting for anything: let inserts and everybody else have their turn.
      await new Promise(setImmediate);
    }
  }

  #fill(): void {
    const batch = this.#ahead;
    while (this.#left.length > 0) {
      const { partition, records, nextOffset } = this.#left[0]!;
      while (!batch.full) {
        if (!records.next()) {
          this.#left.shift();
          this.#moveTo(partition, nextOffset);
          break;
        }
        this.#sorter.add(batch, partition, records);
        batch.cover(partition, this.#cutAt[partition]!, records.offset + 1);
        this.#moveTo(partition, records.offset + 1);
      }
      if (batch.full) return;
    }
  }

  #moveTo(partition: number, offset: number): void {
    this.#readTo[partition] = offset;
  }
}
