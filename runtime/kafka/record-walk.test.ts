import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { AbortedTransaction } from "./aborted.ts";
import { type BatchFixture, batches } from "./batch-fixture.ts";
import { CorruptBatchError } from "./errors.ts";
import { compressionsAlgorithms } from "./library.ts";
import { BadBatch, checkBatches } from "./record-batch.ts";
import { RecordWalk } from "./record-walk.ts";

interface Seen {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
}

function walk(bytes: Buffer, offsetFirst = 0, aborted: AbortedTransaction[] = []): Seen[] {
  const { end } = checkBatches(bytes, offsetFirst);
  const cursor = new RecordWalk("t", 0, offsetFirst, bytes.subarray(0, end), aborted);
  const seen: Seen[] = [];
  while (cursor.next()) {
    const { buffer, keyStart, keyEnd, valueStart, valueEnd } = cursor;
    seen.push({
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      key: keyStart < 0 ? null : buffer.toString("utf8", keyStart, keyEnd),
      value: valueStart < 0 ? null : buffer.toString("utf8", valueStart, valueEnd),
    });
  }
  return seen;
}

const offsets = (bytes: Buffer, offsetFirst = 0, aborted: AbortedTransaction[] = []) =>
  walk(bytes, offsetFirst, aborted).map((record) => record.offset);

const data = (baseOffset: number, count: number, producerId?: number): BatchFixture => ({
  baseOffset,
  records: Array.from({ length: count }, (_, i) => ({ offset: baseOffset + i })),
  ...(producerId !== undefined && { producerId }),
});

describe("walking fetched batches", () => {
  test("hands over keys, values and times", () => {
    const bytes = batches({
      baseOffset: 5,
      records: [
        { offset: 5, key: "a", value: "één", timestampMs: 1_700_000_000_000 },
        {
          offset: 6,
          key: null,
          value: "",
          timestampMs: 1_600_000_000_000,
          headers: [["h", "x".repeat(200)]],
        },
        { offset: 7, key: "", value: null, timestampMs: 32_503_680_000_000 },
      ],
    });
    expect(walk(bytes, 5)).toEqual([
      { offset: 5, timestampMs: 1_700_000_000_000, key: "a", value: "één" },
      { offset: 6, timestampMs: 1_600_000_000_000, key: null, value: "" },
      { offset: 7, timestampMs: 32_503_680_000_000, key: "", value: null },
    ]);
  });

  test("takes the broker's time where the topic says so", () => {
    const bytes = batches({ ...data(0, 2), logAppendTimeMs: 77_000 });
    expect(walk(bytes).map((record) => record.timestampMs)).toEqual([77_000, 77_000]);
  });

  test("starts in the middle of a batch and leaves compacted gaps", () => {
    const compacted = batches(
      { baseOffset: 10, lastOffset: 19, records: [{ offset: 11 }, { offset: 14 }, { offset: 18 }] },
      { baseOffset: 20, lastOffset: 29, records: [] },
      data(35, 2),
    );
    expect(offsets(compacted, 14)).toEqual([14, 18, 35, 36]);
    expect(checkBatches(compacted, 14).nextOffset).toBe(37);
  });

  test("moves past what compaction emptied", () => {
    expect(checkBatches(batches({ baseOffset: 3, lastOffset: 9 }), 3)).toMatchObject({ nextOffset: 10 });
  });

  test("reads no part of a batch that was cut short", () => {
    const bytes = batches(data(0, 3), data(3, 3));
    const cut = bytes.subarray(0, bytes.length - 1);
    expect(offsets(cut)).toEqual([0, 1, 2]);
    expect(checkBatches(cut, 0).nextOffset).toBe(3);
  });

  test.each([
    ["gzip", 1, gzipSync],
    ["snappy", 2, (records: Buffer) => Buffer.from(compressionsAlgorithms.snappy.compressSync(records))],
    ["lz4", 3, (records: Buffer) => Buffer.from(compressionsAlgorithms.lz4.compressSync(records))],
    ["zstd", 4, zstdCompressSync],
  ] as const)("unpacks %s, between plain batches", (_name, codec, pack) => {
    const bytes = batches(data(0, 2), { ...data(2, 300), compression: { codec, pack } }, data(302, 1));
    expect(offsets(bytes)).toEqual(Array.from({ length: 303 }, (_, i) => i));
  });

  test("refuses a batch that unpacks without end", () => {
    const bytes = batches({
      ...data(0, 1),
      compression: { codec: 1, pack: () => gzipSync(Buffer.alloc(200 << 20)) },
    });
    expect(() => walk(bytes)).toThrow(CorruptBatchError);
  });

  test("refuses damaged bytes, and says where", () => {
    const bytes = batches(data(0, 2), data(2, 2));
    bytes[bytes.length - 3]! ^= 1;
    expect(() => checkBatches(bytes, 0)).toThrow(BadBatch);
    expect(() => checkBatches(bytes, 0)).toThrow(/CRC32C/);
  });
});

describe("aborted transactions", () => {
  const abort = (baseOffset: number, producerId: number): BatchFixture => ({
    baseOffset,
    producerId,
    marker: "abort",
  });
  const commit = (baseOffset: number, producerId: number): BatchFixture => ({
    baseOffset,
    producerId,
    marker: "commit",
  });

  test("are left out, several of one producer in one answer", () => {
    const bytes = batches(
      data(0, 2, 7),
      abort(2, 7),
      data(3, 2, 7),
      commit(5, 7),
      data(6, 2, 7),
      abort(8, 7),
      data(9, 1, 7),
    );
    const aborted = [
      { producerId: 7, firstOffset: 6 },
      { producerId: 7, firstOffset: 0 },
    ];
    expect(offsets(bytes, 0, aborted)).toEqual([3, 4, 9]);
  });

  test("of one producer leave another's records between them alone", () => {
    const bytes = batches(
      data(0, 1, 1),
      data(1, 1, 2),
      data(2, 1),
      data(3, 1, 1),
      abort(4, 1),
      data(5, 1, 1),
      commit(6, 2),
      commit(7, 1),
    );
    expect(offsets(bytes, 0, [{ producerId: 1, firstOffset: 0 }])).toEqual([1, 2, 5]);
  });

  test("that began before the offset asked for are left out", () => {
    const bytes = batches(data(10, 4, 3), data(14, 1), abort(15, 3), data(16, 1, 3), commit(17, 3));
    expect(offsets(bytes, 12, [{ producerId: 3, firstOffset: 2 }])).toEqual([14, 16]);
  });

  test("and markers move the position without a record", () => {
    const bytes = batches(data(0, 2, 1), abort(2, 1));
    expect(offsets(bytes, 0, [{ producerId: 1, firstOffset: 0 }])).toEqual([]);
    expect(checkBatches(bytes, 0).nextOffset).toBe(3);
  });
});
