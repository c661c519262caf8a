import fc from "fast-check";
import { expect, test } from "vitest";
import type { Codec } from "../../schemas/codec.ts";
import { type Frame, FrameReader, FrameWriter, forEachFrame, RECORD_BYTES_MAX } from "./frames.ts";

const field = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const frame = fc.record({
  topic: fc.integer({ min: 0, max: 65_535 }),
  partition: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  timestampMs: fc.integer({ min: 0, max: 2 ** 52 }),
  key: fc.oneof(field, fc.string({ unit: "binary" })),
  value: field,
});

function read(frames: Uint8Array): Frame[] {
  const all: Frame[] = [];
  forEachFrame(frames, (one) => {
    all.push({ ...one, key: one.key && Buffer.from(one.key), value: one.value && Buffer.from(one.value) });
  });
  return all;
}

test("what is written is read back, in order", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 50 }), (frames) => {
      const writer = new FrameWriter(64);
      for (const { topic, partition, timestampMs, key, value } of frames) {
        writer.write(topic, partition, timestampMs, key, value);
      }
      expect(writer.count).toBe(frames.length);
      expect(read(writer.take())).toEqual(
        frames.map(({ key, value, ...rest }) => ({
          ...rest,
          key: key === null ? null : Buffer.from(key as string),
          value: value === null ? null : Buffer.from(value),
        })),
      );
      expect([writer.bytes, writer.count]).toEqual([0, 0]);
    }),
  );
});

test("what was written since a mark is taken back", () => {
  const writer = new FrameWriter();
  writer.write(1, 0, 5, "kept", null);
  const { bytes, count } = writer;
  writer.write(2, 0, 5, "dropped", Buffer.alloc(100_000));
  writer.truncate(bytes, count);
  writer.write(3, 0, 5, "next", null);
  expect(read(writer.take()).map(({ topic, key }) => [topic, key?.toString()])).toEqual([
    [1, "kept"],
    [3, "next"],
  ]);
});

test("a buffer that was taken is not written to again", () => {
  const writer = new FrameWriter();
  writer.write(0, 0, 0, "first", null);
  const taken = writer.take();
  writer.write(0, 0, 0, "other", null);
  expect(read(taken)[0]?.key?.toString()).toBe("first");
  expect(new FrameReader(new Uint8Array(0)).next()).toBeUndefined();
});

test("a record that Kafka would refuse for its size is refused when it is written, and leaves nothing", () => {
  const writer = new FrameWriter(64);
  const value = new Uint8Array(RECORD_BYTES_MAX - 3);
  writer.write(0, 0, 0, "key", value);
  const { bytes, count } = writer;
  expect(() => writer.write(0, 0, 0, "keys", value)).toThrow(/more than Kafka takes/);
  expect([writer.bytes, writer.count]).toEqual([bytes, count]);
});

test("a value is encoded wherever in the buffer it begins, in few tries", () => {
  const value = Buffer.alloc(700, 7);
  const capacity = 4096;
  for (let filled = 0; filled < capacity; filled++) {
    let tries = 0;
    const encoder = {
      encodeInto(bytes: Buffer, buffer: Buffer, position: number): number {
        if (++tries > 2) throw new Error(`behind ${filled} bytes the room did not grow`);
        const end = position + bytes.length;
        if (end > buffer.length) return buffer.length - end;
        bytes.copy(buffer, position);
        return end;
      },
    } as Codec<Buffer>;
    const writer = new FrameWriter(capacity);
    writer.write(0, 0, 0, null, new Uint8Array(filled));
    writer.writeEncoded(0, 0, 0, "key", Buffer.from([1]), encoder, value);
    const [, written] = read(writer.take());
    expect(written!.value!.equals(Buffer.concat([Buffer.from([1]), value]))).toBe(true);
  }
});
