/**
 * The header of a Kafka record batch (magic 2), read in place, and the check that fetched bytes are whole batches.
 *
 * Layout (big endian): baseOffset i64 · batchLength i32 · leaderEpoch i32 · magic i8 · crc u32 · attributes i16 ·
 * lastOffsetDelta i32 · baseTimestamp i64 · maxTimestamp i64 · producerId i64 · producerEpoch i16 · baseSequence i32 ·
 * record count i32 · records. The CRC32C covers all from the attributes on.
 */
import { crc32c, Reader } from "./library.ts";

export const LENGTH_AT = 8;
export const LENGTH_END = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const COUNT_AT = 57;
export const RECORDS_AT = 61;

const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** One batch's header. The same object is filled for each batch in turn. */
export class Batch {
  baseOffset = 0;
  lastOffset = 0;
  /** Which codec the records are packed with; 0: none. */
  compression = 0;
  transactional = false;
  control = false;
  /** All records carry `maxTimestampMs`, the time the broker took the batch in. */
  logAppendTime = false;
  baseTimestampMs = 0;
  maxTimestampMs = 0;
  /** -1: a producer without idempotence. */
  producerId = -1;
  producerEpoch = -1;
  baseSequence = -1;
  count = 0;
  /** `[recordsStart, end)` in `bytes` are the records. */
  recordsStart = 0;
  end = 0;
  bytes: Buffer = Buffer.alloc(0);

  /** Reads the header at `start` of `bytes`, which hold the whole batch (see `checkBatches`). */
  readAt(bytes: Buffer, start: number): void {
    const attributes = bytes.readInt16BE(start + ATTRIBUTES_AT);
    this.bytes = bytes;
    this.baseOffset = readInt64(bytes, start);
    this.end = start + LENGTH_END + bytes.readInt32BE(start + LENGTH_AT);
    this.compression = attributes & COMPRESSION_MASK;
    this.logAppendTime = (attributes & LOG_APPEND_TIME) !== 0;
    this.transactional = (attributes & TRANSACTIONAL) !== 0;
    this.control = (attributes & CONTROL) !== 0;
    this.lastOffset = this.baseOffset + bytes.readInt32BE(start + LAST_OFFSET_DELTA_AT);
    this.baseTimestampMs = readInt64(bytes, start + BASE_TIMESTAMP_AT);
    this.maxTimestampMs = readInt64(bytes, start + MAX_TIMESTAMP_AT);
    this.producerId = readInt64(bytes, start + PRODUCER_ID_AT);
    this.producerEpoch = bytes.readInt16BE(start + PRODUCER_EPOCH_AT);
    this.baseSequence = bytes.readInt32BE(start + BASE_SEQUENCE_AT);
    this.count = bytes.readInt32BE(start + COUNT_AT);
    this.recordsStart = start + RECORDS_AT;
  }

  /** A control batch holds one record whose key is version i16, type i16 (0: abort, 1: commit). */
  isAbortMarker(): boolean {
    if (this.count === 0) return false;
    let at = skipVarint(this.bytes, this.recordsStart); // record length
    at = skipVarint(this.bytes, at + 1); // attributes, timestamp delta
    at = skipVarint(this.bytes, at); // offset delta
    at = skipVarint(this.bytes, at); // key length
    return this.bytes.readInt16BE(at + 2) === 0;
  }
}

export interface CheckedBatches {
  /** Whole batches end here; a broker may cut the last one short. */
  readonly end: number;
  /** The offset after the last whole batch. */
  readonly nextOffset: number;
}

/** Walks the headers of fetched `bytes` and checks each batch. Throws `BadBatch` at the first that is none. */
export function checkBatches(bytes: Buffer, fetchOffset: number): CheckedBatches {
  let start = 0;
  let nextOffset = fetchOffset;
  while (start + RECORDS_AT <= bytes.length) {
    const length = bytes.readInt32BE(start + LENGTH_AT);
    if (length < RECORDS_AT - LENGTH_END)
      throw new BadBatch(nextOffset, `it says that it is ${length} bytes long`);
    const end = start + LENGTH_END + length;
    if (end > bytes.length) break;
    const magic = bytes[start + MAGIC_AT];
    if (magic !== 2)
      throw new BadBatch(nextOffset, `its format has magic ${magic}, only 2 (Kafka 0.11 and later) is read`);
    // Wrapped, because the library copies a bare Buffer before it sums it up.
    const crc = crc32c(Reader.from(bytes.subarray(start + ATTRIBUTES_AT, end)).buffer);
    if (crc !== bytes.readUInt32BE(start + CRC_AT))
      throw new BadBatch(nextOffset, "its CRC32C does not match");
    nextOffset = readInt64(bytes, start) + bytes.readInt32BE(start + LAST_OFFSET_DELTA_AT) + 1;
    start = end;
  }
  return { end: start, nextOffset: Math.max(nextOffset, fetchOffset) };
}

/** The batch at `offset` is not readable for `reason`; whoever knows the partition turns it into a `CorruptBatchError`. */
export class BadBatch extends Error {
  readonly offset: number;
  readonly reason: string;

  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
    this.reason = reason;
  }
}

/** As a JS number: exact up to 2^53. */
function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

function skipVarint(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at]! & 0x80) at++;
  return at + 1;
}
