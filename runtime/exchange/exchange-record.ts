/**
 * What stands in the value of a record of an exchange topic. Its first byte says what it is:
 *
 *   0  data: event time f64 (NaN: none), then the value by the exchange's codec
 *   1  watermark of an upstream task: task u32, watermark f64, idle u8
 *
 * A task sends its watermark to every partition, in the transaction that holds the records before it, so a reader never
 * hears of a time before it has what came earlier (X1). Other kinds are kept for savepoint barriers; a reader stops at one
 * that it does not know rather than pass it over (X2).
 */
export const DATA = 0;
export const WATERMARK = 1;

export const DATA_HEADER = 9;

/** Sets `prefix`, of DATA_HEADER bytes, to what stands before the value of a data record. */
export function setDataPrefix(prefix: Buffer, timestamp: number | undefined): void {
  prefix[0] = DATA;
  prefix.writeDoubleLE(timestamp ?? Number.NaN, 1);
}

/** Event time of a data record whose value starts at `start`. */
export function dataTimestamp(buffer: Buffer, start: number): number | undefined {
  const timestamp = buffer.readDoubleLE(start + 1);
  return Number.isNaN(timestamp) ? undefined : timestamp;
}

/** Where the codec's bytes start. */
export const dataStart = (start: number): number => start + DATA_HEADER;

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
