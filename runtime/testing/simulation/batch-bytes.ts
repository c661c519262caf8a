/** The bytes of a record batch (magic 2) as a broker hands them out: what the runtime's own reader walks. Layout: record-batch.ts. */
import { putInt64, putVarint } from "../../kafka/batch-numbers.ts";
import { crc32c } from "../../kafka/library.ts";

export interface LogRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
}

export interface BatchHead {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1: a producer without idempotence. */
  readonly producerId: number;
  readonly transactional: boolean;
  /** A control batch that ends the producer's transaction, instead of records. */
  readonly marker?: "abort" | "commit";
}

const HEADER = 61;
let scratch = Buffer.alloc(1 << 16);

export function encodeBatch(head: BatchHead, records: readonly LogRecord[]): Buffer {
  let bytes = HEADER + 64;
  for (const { key, value } of records) bytes += 48 + (key?.length ?? 0) + (value?.length ?? 0);
  if (scratch.length < bytes) scratch = Buffer.alloc(2 * bytes);
  const baseMs = records[0]?.timestampMs ?? 0;
  let end = HEADER;
  if (head.marker) {
    const key = Buffer.from([0, 0, 0, head.marker === "abort" ? 0 : 1]);
    end = putRecord(end, { offset: head.baseOffset, key, value: null, timestampMs: baseMs }, head, baseMs);
  }
  for (const record of records) end = putRecord(end, record, head, baseMs);
  const batch = Buffer.from(scratch.subarray(0, end));
  putInt64(batch, 0, head.baseOffset);
  batch.writeInt32BE(end - 12, 8);
  batch.writeInt32BE(0, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE((head.transactional ? 0x10 : 0) | (head.marker ? 0x20 : 0), 21);
  batch.writeInt32BE(head.lastOffset - head.baseOffset, 23);
  putInt64(batch, 27, baseMs);
  putInt64(batch, 35, baseMs);
  putInt64(batch, 43, head.producerId);
  batch.writeInt16BE(0, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(head.marker ? 1 : records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

function putRecord(start: number, record: LogRecord, head: BatchHead, baseMs: number): number {
  const { key, value } = record;
  // The length comes first and is known last: the body is written where the longest one would let it begin, then moved up.
  const bodyStart = start + 5;
  let at = bodyStart;
  scratch[at++] = 0;
  at = putVarint(scratch, at, record.timestampMs - baseMs);
  at = putVarint(scratch, at, record.offset - head.baseOffset);
  at = putField(at, key);
  at = putField(at, value);
  at = putVarint(scratch, at, 0);
  const body = putVarint(scratch, start, at - bodyStart);
  scratch.copyWithin(body, bodyStart, at);
  return body + at - bodyStart;
}

function putField(start: number, bytes: Buffer | null): number {
  if (bytes === null) return putVarint(scratch, start, -1);
  const at = putVarint(scratch, start, bytes.length);
  scratch.set(bytes, at);
  return at + bytes.length;
}
