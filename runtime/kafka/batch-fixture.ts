/** Record batches by hand, for tests of what reads them: any offsets, producers, markers and codecs. */
import { crc32c } from "./library.ts";

export interface RecordFixture {
  readonly offset: number;
  readonly key?: string | null;
  readonly value?: string | null;
  readonly timestampMs?: number;
  readonly headers?: readonly (readonly [string, string])[];
}

export interface BatchFixture {
  readonly baseOffset: number;
  /** Higher than the last record's where compaction took records. */
  readonly lastOffset?: number;
  readonly records?: readonly RecordFixture[];
  /** Transactional, when given. */
  readonly producerId?: number;
  /** A control batch that ends the producer's transaction. */
  readonly marker?: "abort" | "commit";
  readonly compression?: { readonly codec: number; readonly pack: (records: Buffer) => Buffer };
  /** The broker's time for all records. */
  readonly logAppendTimeMs?: number;
}

/** The bytes of the batches, one after the other. */
export function batches(...fixtures: readonly BatchFixture[]): Buffer {
  return Buffer.concat(fixtures.map(batch));
}

function batch(fixture: BatchFixture): Buffer {
  const { baseOffset, producerId = -1, marker, compression, logAppendTimeMs } = fixture;
  const base = fixture.records?.[0]?.timestampMs ?? 1_000;
  const records = marker
    ? [record({ offset: baseOffset }, baseOffset, base, Buffer.from([0, 0, 0, marker === "abort" ? 0 : 1]))]
    : (fixture.records ?? []).map((one) => record(one, baseOffset, base));
  const lastOffset = fixture.lastOffset ?? fixture.records?.at(-1)?.offset ?? baseOffset;
  const packed = compression ? compression.pack(Buffer.concat(records)) : Buffer.concat(records);
  const bytes = Buffer.alloc(61 + packed.length);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  const transactional = producerId >= 0 ? 0x10 : 0;
  const logAppend = logAppendTimeMs === undefined ? 0 : 0x08;
  bytes.writeInt16BE((compression?.codec ?? 0) | logAppend | transactional | (marker ? 0x20 : 0), 21);
  bytes.writeInt32BE(lastOffset - baseOffset, 23);
  bytes.writeBigInt64BE(BigInt(base), 27);
  bytes.writeBigInt64BE(BigInt(logAppendTimeMs ?? base), 35);
  bytes.writeBigInt64BE(BigInt(producerId), 43);
  bytes.writeInt32BE(records.length, 57);
  packed.copy(bytes, 61);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function record(fixture: RecordFixture, baseOffset: number, baseMs: number, rawKey?: Buffer): Buffer {
  const { offset, key = "k", value = "v", timestampMs = baseMs, headers = [] } = fixture;
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampMs - baseMs),
    varint(offset - baseOffset),
    field(rawKey ?? (key === null ? null : Buffer.from(key))),
    field(value === null ? null : Buffer.from(value)),
    varint(headers.length),
    ...headers.flatMap(([name, text]) => [field(Buffer.from(name)), field(Buffer.from(text))]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function field(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

/** Zigzag, seven bits a byte, lowest first. */
function varint(value: number): Buffer {
  let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  while (left > 0x7fn) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Buffer.from(bytes);
}
