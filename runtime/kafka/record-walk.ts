/**
 * Walks the records of one fetched partition in place: no object, no copy and no slice per record.
 *
 * W1  Control batches and batches of aborted transactions are passed over (log.ts, L1).
 * W2  A batch may begin before the offset asked for, and compaction leaves gaps: records before it are passed over, and
 *     every record's offset is the batch's base plus its own delta (L2).
 */
import { type AbortedTransaction, AbortedTransactions } from "./aborted.ts";
import { decompress } from "./decompress.ts";
import { CorruptBatchError } from "./errors.ts";
import type { RecordCursor } from "./log.ts";
import { Batch } from "./record-batch.ts";

export class RecordWalk implements RecordCursor {
  offset = -1;
  timestampMs = -1;
  buffer: Buffer;
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;

  readonly #topic: string;
  readonly #partition: number;
  readonly #offsetFirst: number;
  readonly #batches: Buffer;
  readonly #aborted: AbortedTransactions | undefined;
  readonly #batch = new Batch();
  /** Where the next batch starts in `#batches`. */
  #batchAt = 0;
  /** Records of the batch not yet walked, `[#at, #end)` in `buffer`. */
  #left = 0;
  #at = 0;
  #end = 0;

  /**
   * @param batches whole batches, checked by `checkBatches`
   * @param offsetFirst the offset asked for
   * @param aborted as in the fetch answer; empty for read_uncommitted
   */
  constructor(
    topic: string,
    partition: number,
    offsetFirst: number,
    batches: Buffer,
    aborted: readonly AbortedTransaction[],
  ) {
    this.#topic = topic;
    this.#partition = partition;
    this.#offsetFirst = offsetFirst;
    this.#batches = batches;
    this.buffer = batches;
    this.#aborted = aborted.length === 0 ? undefined : new AbortedTransactions(aborted);
  }

  next(): boolean {
    for (;;) {
      while (this.#left > 0) {
        this.#left--;
        this.#readRecord();
        if (this.offset >= this.#offsetFirst) return true;
      }
      if (!this.#nextBatch()) return false;
    }
  }

  #nextBatch(): boolean {
    const batch = this.#batch;
    while (this.#batchAt < this.#batches.length) {
      batch.readAt(this.#batches, this.#batchAt);
      this.#batchAt = batch.end;
      if (this.#aborted?.covers(batch) || batch.control) continue; // W1
      if (batch.lastOffset < this.#offsetFirst) continue; // W2
      this.#left = batch.count;
      if (batch.compression === 0) {
        this.buffer = this.#batches;
        this.#at = batch.recordsStart;
        this.#end = batch.end;
      } else {
        this.buffer = this.#unpack(batch);
        this.#at = 0;
        this.#end = this.buffer.length;
      }
      return true;
    }
    return false;
  }

  #unpack(batch: Batch): Buffer {
    try {
      return decompress(batch.compression, this.#batches.subarray(batch.recordsStart, batch.end));
    } catch (cause) {
      throw this.#corrupt(`its records do not unpack (${(cause as Error).message})`);
    }
  }

  /** Record: length · attributes i8 · timestampDelta · offsetDelta · keyLength · key · valueLength · value · headers. */
  #readRecord(): void {
    const batch = this.#batch;
    const length = this.#varint();
    const recordEnd = this.#at + length;
    if (length < 0 || recordEnd > this.#end) throw this.#corrupt("a record reaches past its end");
    this.#at++;
    const timestampDelta = this.#varlong();
    this.timestampMs = batch.logAppendTime ? batch.maxTimestampMs : batch.baseTimestampMs + timestampDelta;
    this.offset = batch.baseOffset + this.#varint();
    const keyLength = this.#varint();
    if (keyLength < 0) {
      this.keyStart = this.keyEnd = -1;
    } else {
      this.keyStart = this.#at;
      this.keyEnd = this.#at += keyLength;
    }
    const valueLength = this.#varint();
    if (valueLength < 0) {
      this.valueStart = this.valueEnd = -1;
    } else {
      this.valueStart = this.#at;
      this.valueEnd = this.#at += valueLength;
    }
    if (this.#at > recordEnd) throw this.#corrupt("a key or value reaches past its record");
    this.#at = recordEnd; // headers are not read
  }

  #varint(): number {
    const buffer = this.buffer;
    let at = this.#at;
    let byte = buffer[at++]!;
    let value = byte & 0x7f;
    let shift = 7;
    while (byte & 0x80 && shift < 35) {
      byte = buffer[at++]!;
      value |= (byte & 0x7f) << shift;
      shift += 7;
    }
    this.#at = at;
    return (value >>> 1) ^ -(value & 1);
  }

  /** As a JS number: exact up to 2^52. */
  #varlong(): number {
    const buffer = this.buffer;
    let at = this.#at;
    let byte = buffer[at++]!;
    let value = byte & 0x7f;
    let factor = 0x80;
    while (byte & 0x80 && at < this.#end) {
      byte = buffer[at++]!;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
    this.#at = at;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #corrupt(reason: string): CorruptBatchError {
    return new CorruptBatchError(this.#topic, this.#partition, this.#batch.baseOffset, reason);
  }
}
