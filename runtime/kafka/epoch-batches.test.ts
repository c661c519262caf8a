import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BATCH_BYTES_MAX, BatchCutter, type EpochBatches } from "./epoch-batches.ts";
import { FrameWriter, RECORD_BYTES_MAX } from "./frames.ts";
import { Batch, checkBatches } from "./record-batch.ts";
import { RecordWalk } from "./record-walk.ts";

const NOW_MS = 1_700_000_000_000;
const TOPICS = ["first", "second"];

interface One {
  readonly topic: number;
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: Buffer | null;
}

const records = fc.array(
  fc.record<One>({
    topic: fc.integer({ min: 0, max: 1 }),
    partition: fc.integer({ min: 0, max: 3 }),
    timestampMs: fc.integer({ min: 1, max: 32_503_680_000_000 }),
    key: fc.option(fc.string({ unit: "grapheme", maxLength: 100 })),
    value: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
  }),
  { maxLength: 200 },
);

describe("the batches of an epoch", () => {
  test("hold its records, each partition's in order, whatever they are and however small a batch may be", () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 5_000 }), (all, bytesMax) => {
        const cut = cutAll(new BatchCutter(bytesMax), all);
        for (const [topic, name] of TOPICS.entries())
          for (let partition = 0; partition < 4; partition++) {
            const sent = all.filter((one) => one.topic === topic && one.partition === partition);
            expect(recordsOf(cut, name, partition)).toEqual(
              sent.map(({ timestampMs, key, value }) => ({ timestampMs, key, value })),
            );
          }
      }),
    );
  });

  test("are no larger than they may be, but for a record that is larger alone", () => {
    const value = Buffer.alloc(400);
    const all = [400, 400, RECORD_BYTES_MAX - 10, 400].map((bytes) => ({
      ...plain,
      value: bytes === 400 ? value : Buffer.alloc(bytes),
    }));
    const [partition] = cutAll(new BatchCutter(1_000), all).partitions;
    expect(partition!.batches.map(({ count }) => count)).toEqual([2, 1, 1]);
    const sizes = partition!.batches.map((batch) => batch.seal(1, 0, 0).length);
    expect(sizes[0]).toBeLessThanOrEqual(1_000);
    expect(sizes[1]).toBeLessThanOrEqual(1_048_588); // `message.max.bytes` of a broker
  });

  test("say whose they are, and the time of a record without one is that of the epoch", () => {
    const [partition] = cutAll(new BatchCutter(BATCH_BYTES_MAX), [{ ...plain, timestampMs: 0 }]).partitions;
    const bytes = partition!.batches[0]!.seal(2 ** 40 + 7, 32_767, 2 ** 31 - 1);
    const batch = new Batch();
    batch.readAt(bytes, 0);
    expect(batch).toMatchObject({
      producerId: 2 ** 40 + 7,
      producerEpoch: 32_767,
      baseSequence: 2 ** 31 - 1,
      transactional: true,
      control: false,
      compression: 0,
      baseTimestampMs: NOW_MS,
      maxTimestampMs: NOW_MS,
    });
  });

  test("come from buffers that are used again, with nothing left of what was in them", () => {
    const cutter = new BatchCutter(BATCH_BYTES_MAX);
    const before = cutAll(cutter, [plain, { ...plain, value: Buffer.alloc(20_000, 1) }]);
    const { buffer } = before.partitions[0]!.batches[0]!.seal(1, 0, 0);
    cutter.release(before);
    const after = cutAll(cutter, [plain]);
    expect(after.partitions[0]!.batches[0]!.seal(1, 0, 2).buffer).toBe(buffer);
    expect(recordsOf(after, "first", 0)).toEqual([
      { timestampMs: 5, key: "key", value: Buffer.from("value") },
    ]);
  });
});

const plain: One = { topic: 0, partition: 0, timestampMs: 5, key: "key", value: Buffer.from("value") };

function cutAll(cutter: BatchCutter, all: readonly One[]): EpochBatches {
  const frames = new FrameWriter();
  for (const { topic, partition, timestampMs, key, value } of all)
    frames.write(topic, partition, timestampMs, key, value);
  const epoch = cutter.begin(TOPICS, frames.take(), NOW_MS);
  while (epoch.cut(7));
  return epoch;
}

/** As a reader finds them, checksums and all. */
function recordsOf(epoch: EpochBatches, topic: string, partition: number) {
  const found: Pick<One, "timestampMs" | "key" | "value">[] = [];
  const one = epoch.partitions.find((of) => of.topic === topic && of.partition === partition);
  for (const batch of one?.batches ?? []) {
    const bytes = batch.seal(1, 0, 0);
    expect(checkBatches(bytes, 0)).toEqual({ end: bytes.length, nextOffset: batch.count });
    const walk = new RecordWalk(topic, partition, 0, bytes, []);
    while (walk.next())
      found.push({
        timestampMs: walk.timestampMs,
        key: walk.keyStart < 0 ? null : walk.buffer.toString("utf8", walk.keyStart, walk.keyEnd),
        value: walk.valueStart < 0 ? null : Buffer.from(walk.buffer.subarray(walk.valueStart, walk.valueEnd)),
      });
  }
  return found;
}
