/**
 * The frames of an epoch as record batches (magic 2), by partition. Layout: record-batch.ts.
 *
 * B1  Records of a partition keep their order, within a batch and from batch to batch.
 * B2  No batch is larger than the writer says; but a record of any size that Kafka takes (frames.ts, F2) is a batch alone.
 * B3  Buffers are used again: a batch is of no use after `release`.
 */

import { assert } from "../errors.ts";
import { putInt64, putVarint, varintLength } from "./batch-numbers.ts";
import { type FrameAt, FrameReader } from "./frames.ts";
import { crc32c, Reader } from "./library.ts";
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  COUNT_AT,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_AT,
  LENGTH_END,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORDS_AT,
  TRANSACTIONAL,
} from "./record-batch.ts";

/** A broker's `message.max.bytes` is 1 048 588 by default, and counts the whole batch. */
export const BATCH_BYTES_MAX = 1_000_000;
const BATCH_BYTES_MIN = 1 << 12;
/** Of a record, beside its key and value: six lengths and numbers, attributes. */
const RECORD_HEAD_MAX = 48;
/** Longer keys and values are copied by the engine. */
const LOOP_MAX = 64;
/** How many buffers wait to be used again, and how large each may be. */
const SPARE_MAX = 16;
const SPARE_BYTES_MAX = 1 << 18;

export interface PartitionBatches {
  readonly topic: string;
  readonly partition: number;
  readonly batches: RecordBatch[];
}

/** Of one writer, which cuts one epoch at a time. */
export class BatchCutter {
  readonly #spare: RecordBatch[] = [];
  readonly #batchBytesMax: number;

  constructor(batchBytesMax: number) {
    this.#batchBytesMax = batchBytesMax;
  }

  begin(topics: readonly string[], frames: Uint8Array, nowMs: number): EpochBatches {
    return new EpochBatches(
      topics,
      frames,
      nowMs,
      () => this.#spare.pop() ?? new RecordBatch(this.#batchBytesMax),
    );
  }

  /** The batches are sent, or never will be (B3). */
  release({ partitions }: EpochBatches): void {
    for (const { batches } of partitions)
      for (const batch of batches) {
        if (this.#spare.length >= SPARE_MAX) return;
        if (batch.capacityBytes > SPARE_BYTES_MAX) continue;
        batch.clear();
        this.#spare.push(batch);
      }
  }
}

export class EpochBatches {
  /** In the order in which they first occur. */
  readonly partitions: PartitionBatches[] = [];
  readonly #topics: readonly string[];
  readonly #reader: FrameReader;
  readonly #nowMs: number;
  readonly #newBatch: () => RecordBatch;
  /** By topic's index and partition. */
  readonly #known: (PartitionBatches | undefined)[][] = [];

  constructor(topics: readonly string[], frames: Uint8Array, nowMs: number, newBatch: () => RecordBatch) {
    this.#topics = topics;
    this.#reader = new FrameReader(frames);
    this.#nowMs = nowMs;
    this.#newBatch = newBatch;
  }

  /** Takes up to `framesMax` frames in. @returns false when there are no more. */
  cut(framesMax: number): boolean {
    const reader = this.#reader;
    for (let i = 0; i < framesMax; i++) {
      const frame = reader.nextAt();
      if (frame === undefined) return false;
      const { batches } = this.#known[frame.topic]?.[frame.partition] ?? this.#newPartition(frame);
      if (batches.at(-1)!.append(reader.bytes, frame, this.#nowMs)) continue;
      const batch = this.#newBatch();
      batches.push(batch);
      const isIn = batch.append(reader.bytes, frame, this.#nowMs);
      assert(isIn, "a batch takes any record that Kafka takes");
    }
    return true;
  }

  #newPartition({ topic: index, partition }: FrameAt): PartitionBatches {
    const topic = this.#topics[index];
    assert(topic !== undefined, `frame of topic ${index}, of which there are ${this.#topics.length}`);
    const one = { topic, partition, batches: [this.#newBatch()] };
    this.#known[index] ??= [];
    this.#known[index][partition] = one;
    this.partitions.push(one);
    return one;
  }
}

/** One batch as it grows. */
export class RecordBatch {
  readonly #bytesMax: number;
  #bytes: Buffer;
  #length = RECORDS_AT;
  #count = 0;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(BATCH_BYTES_MIN, bytesMax));
  }

  get count(): number {
    return this.#count;
  }

  get capacityBytes(): number {
    return this.#bytes.length;
  }

  clear(): void {
    this.#length = RECORDS_AT;
    this.#count = 0;
  }

  /** @returns false when the batch is full without it. */
  append(from: Buffer, frame: FrameAt, nowMs: number): boolean {
    const { keyStart, keyEnd, valueStart, valueEnd } = frame;
    const most = RECORD_HEAD_MAX + keyEnd - keyStart + valueEnd - valueStart;
    if (this.#length + most > this.#bytes.length && !this.#grow(most)) return false;
    // Without a time a record would be of 1970, and the first that retention takes.
    const timestampMs = frame.timestampMs > 0 ? frame.timestampMs : nowMs;
    if (this.#count === 0) this.#baseTimestampMs = this.#maxTimestampMs = timestampMs;
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const bytes = this.#bytes;
    const keyLength = keyStart < 0 ? -1 : keyEnd - keyStart;
    const valueLength = valueStart < 0 ? -1 : valueEnd - valueStart;
    const length =
      2 + // attributes; no headers
      varintLength(timestampDelta) +
      varintLength(this.#count) +
      varintLength(keyLength) +
      varintLength(valueLength) +
      (keyEnd - keyStart) +
      (valueEnd - valueStart);
    let at = putVarint(bytes, this.#length, length);
    bytes[at++] = 0;
    at = putVarint(bytes, at, timestampDelta);
    at = putVarint(bytes, at, this.#count);
    at = putVarint(bytes, at, keyLength);
    at = copy(from, keyStart, keyEnd, bytes, at);
    at = putVarint(bytes, at, valueLength);
    at = copy(from, valueStart, valueEnd, bytes, at);
    bytes[at++] = 0;
    this.#length = at;
    this.#count++;
    return true;
  }

  /** The batch as it is sent, of this producer's epoch: a view. */
  seal(producerId: number, epoch: number, sequence: number): Buffer {
    const bytes = this.#bytes;
    putInt64(bytes, 0, 0);
    bytes.writeInt32BE(this.#length - LENGTH_END, LENGTH_AT);
    bytes.writeInt32BE(-1, LENGTH_END); // leader epoch: the broker's to set
    bytes[MAGIC_AT] = 2;
    bytes.writeInt16BE(TRANSACTIONAL, ATTRIBUTES_AT);
    bytes.writeInt32BE(this.#count - 1, LAST_OFFSET_DELTA_AT);
    putInt64(bytes, BASE_TIMESTAMP_AT, this.#baseTimestampMs);
    putInt64(bytes, MAX_TIMESTAMP_AT, this.#maxTimestampMs);
    putInt64(bytes, PRODUCER_ID_AT, producerId);
    bytes.writeInt16BE(epoch, PRODUCER_EPOCH_AT);
    bytes.writeInt32BE(sequence, BASE_SEQUENCE_AT);
    bytes.writeInt32BE(this.#count, COUNT_AT);
    // Wrapped, because the library copies a bare Buffer before it sums it up.
    const crc = crc32c(Reader.from(bytes.subarray(ATTRIBUTES_AT, this.#length)).buffer);
    bytes.writeUInt32BE(crc, CRC_AT);
    return bytes.subarray(0, this.#length);
  }

  /** Room for `more` bytes; false when that would be too large a batch (B2). */
  #grow(more: number): boolean {
    const needed = this.#length + more;
    if (needed > this.#bytesMax && this.#count > 0) return false;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.#bytes.length, this.#bytesMax)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    return true;
  }
}

function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > LOOP_MAX) return at + from.copy(to, at, start, end);
  for (let i = start; i < end; i++) to[at++] = from[i]!;
  return at;
}
