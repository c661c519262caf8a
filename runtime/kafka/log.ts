/**
 * What the runtime needs of a log, and nothing more: Kafka implements it (`reader.ts`, `transactional-writer.ts`), and so does
 * the simulated log in `runtime/testing/simulation/`.
 *
 * L1  A reader hands over committed data records only: never an aborted one, never a control record, never one at or past
 *     the last stable offset.
 * L2  A reader hands over each record of a partition once, in order, from the offset it was given.
 * L3  A writer's commit is all or nothing, and `fenced` is final: somebody else owns its id now.
 * Offsets are JS numbers: 2^53 records a partition are enough.
 */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Position extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number;
}

/**
 * Walks the records of one fetched partition in place; the fields describe the current record and change with `next()`.
 * Nothing is copied: `buffer` may be reused after the next `poll`, so whoever keeps bytes copies them.
 */
export interface RecordCursor {
  /** Moves to the next record; false at the end. */
  next(): boolean;
  readonly offset: number;
  /** Kafka's record timestamp, Unix milliseconds. */
  readonly timestampMs: number;
  readonly buffer: Buffer;
  /** `[keyStart, keyEnd)` in `buffer`; keyStart -1: null key. */
  readonly keyStart: number;
  readonly keyEnd: number;
  /** `[valueStart, valueEnd)` in `buffer`; valueStart -1: null value (a tombstone). */
  readonly valueStart: number;
  readonly valueEnd: number;
}

export interface PolledPartition extends TopicPartition {
  readonly records: RecordCursor;
  /** Where the next poll goes on, past control and aborted records too. */
  readonly nextOffset: number;
  /** The last stable offset: the reader is caught up when `nextOffset >= endOffset`. */
  readonly endOffset: number;
  /** The high watermark: between `endOffset` and this lie records of transactions that are still open. */
  readonly writtenTo: number;
}

export interface PartitionReader {
  /** Starts to read these partitions at these offsets; earlier ones of the same partition are replaced. */
  assign(positions: readonly Position[]): void;
  /** Stops reading all of a topic's partitions given here; they keep their positions. */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /**
   * The next records, or an empty list after `waitMs` without any. A partition is also reported, with no records, when
   * control or aborted records moved it, or something was written that cannot be read yet. Broker errors that pass are
   * retried inside; others are thrown.
   * An offset out of range is thrown as `OffsetOutOfRangeError`, never silently reset.
   */
  poll(waitMs: number): Promise<readonly PolledPartition[]>;
  /** `[first, end)` of each partition; `end` is the last stable offset. */
  offsets(partitions: readonly TopicPartition[]): Promise<readonly { first: number; end: number }[]>;
  /** Number of partitions of a topic; throws when it does not exist. */
  partitionCount(topic: string): Promise<number>;
  close(): Promise<void>;
}

/**
 * How a transaction ended.
 * - `committed`: it is in the log.
 * - `aborted`: it is not, and the writer is ready for the next; the caller rolls back.
 * - `lost`: not known or not retriable. The writer is dead: make a new one (its `init` resolves what was open), and read
 *   the log to learn what happened.
 * - `fenced`: the id's epoch is over. Another owner has taken it, or the coordinator timed the open transaction out (a process
 *   that stood still): Kafka's answer is the same. Stop, unless the lease is still yours: then start over with a new writer.
 */
export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "aborted"; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string }
  | { readonly kind: "fenced"; readonly reason: string };

/** Writes results that do not wait for their epoch (early-writer.ts). */
export interface EarlyWriter {
  /** Hands all frames over, in order. Returns at once. */
  write(topics: readonly string[], frames: Uint8Array): void;
  /** Resolves when all that was written is in the log. @throws when any of it is not. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** One producer of one `transactional.id`; one transaction at a time. */
export interface TransactionalWriter {
  /** Fences earlier owners of the id and resolves their open transaction. Called once, before all else. */
  init(): Promise<void>;
  /** Writes all frames (see frames.ts) as one transaction. Resolves, never rejects, with how it ended. */
  commit(topics: readonly string[], frames: Uint8Array): Promise<CommitOutcome>;
  close(): Promise<void>;
}
