/**
 * What stands in the value of a record of an exchange topic. Its first byte says what it is:
 *
 *   0  data, as written before records named their schema: event time f64 (NaN: none), then the value by the exchange's codec
 *   1  watermark of an upstream task: task u32, watermark f64, idle u8
 *   2  data: fingerprint of the schema it is written with u48, event time f64 (NaN: none), then the value
 *   3  schema: fingerprint u48, then the schema's JSON text
 *
 * X1  A task sends its watermark to every partition, in the transaction that holds the records before it, so a reader never
 *     hears of a time before it has what came earlier.
 * X2  Other kinds are kept for savepoint barriers; a reader stops at one that it does not know rather than pass it over.
 * X3  A task tells each partition its schema before the first record of a run, and again as the log gets old (exchange-schemas.ts).
 */
import { createHash } from "node:crypto";

export const DATA_UNNAMED = 0;
export const WATERMARK = 1;
export const DATA = 2;
export const SCHEMA = 3;

const FINGERPRINT_BYTES = 6;
export const DATA_HEADER = 1 + FINGERPRINT_BYTES + 8;

/** A schema's name in records: 48 bits, a whole number. */
export function fingerprintOf(schema: string): number {
  return createHash("sha256").update(schema).digest().readUIntLE(0, FINGERPRINT_BYTES);
}

/** What stands before the value of data records of one schema. */
export function dataPrefix(fingerprint: number): Buffer {
  const prefix = Buffer.alloc(DATA_HEADER);
  prefix[0] = DATA;
  prefix.writeUIntLE(fingerprint, 1, FINGERPRINT_BYTES);
  return prefix;
}

/** Sets the event time in `prefix`. */
export function setTimestamp(prefix: Buffer, timestamp: number | undefined): void {
  prefix.writeDoubleLE(timestamp ?? Number.NaN, DATA_HEADER - 8);
}

/** Where the codec's bytes start, of data whose value starts at `start`. */
export const dataStart = (buffer: Buffer, start: number): number =>
  start + (buffer[start] === DATA ? DATA_HEADER : 9);

/** Event time of a data record whose codec's bytes start at `start`. */
export function dataTimestamp(buffer: Buffer, start: number): number | undefined {
  const timestamp = buffer.readDoubleLE(start - 8);
  return Number.isNaN(timestamp) ? undefined : timestamp;
}

/** Fingerprint in a record of kind `DATA` or `SCHEMA` whose value starts at `start`. */
export const fingerprintAt = (buffer: Buffer, start: number): number =>
  buffer.readUIntLE(start + 1, FINGERPRINT_BYTES);

export function encodeSchema(schema: string): Buffer {
  const head = Buffer.alloc(1 + FINGERPRINT_BYTES);
  head[0] = SCHEMA;
  head.writeUIntLE(fingerprintOf(schema), 1, FINGERPRINT_BYTES);
  return Buffer.concat([head, Buffer.from(schema, "utf8")]);
}

export const decodeSchema = (buffer: Buffer, start: number, end: number): string =>
  buffer.toString("utf8", start + 1 + FINGERPRINT_BYTES, end);

export interface WatermarkMessage {
  readonly task: number;
  readonly watermark: number;
  readonly idle: boolean;
}

export function encodeWatermark({ task, watermark, idle }: WatermarkMessage): Buffer {
  const bytes = Buffer.allocUnsafe(14);
  bytes[0] = WATERMARK;
  bytes.writeUInt32LE(task, 1);
  bytes.writeDoubleLE(watermark, 5);
  bytes[13] = idle ? 1 : 0;
  return bytes;
}

export function decodeWatermark(buffer: Buffer, start: number): WatermarkMessage {
  return {
    task: buffer.readUInt32LE(start + 1),
    watermark: buffer.readDoubleLE(start + 5),
    idle: buffer[start + 13] === 1,
  };
}
