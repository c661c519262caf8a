/**
 * Records on their way from a worker to the writer on the main thread: one growing buffer an epoch, transferred, not copied.
 *
 * Frame: topic u16 (index into a list both sides hold) · partition i32 · timestampMs f64 · key length i32 (-1: null) · key ·
 * value length i32 (-1: null) · value. Little endian.
 *
 * F1  `truncate` takes back everything written since a mark: a record that the job throws on leaves no output behind.
 * F2  A record that Kafka would refuse for its size is refused here, where it is known whose fault it is: in the transaction
 *     it would fail everything beside it, again and again.
 */
import type { Codec } from "../../schemas/codec.ts";
import { assert } from "../errors.ts";

const HEADER = 2 + 4 + 8;
/** Bytes reserved for a value of unknown length before it is encoded; a longer one is encoded twice. */
const VALUE_GUESS = 512;
/** Longer texts are written by the engine. */
const ASCII_MAX = 96;

/** The largest buffer that the next epoch starts with. */
const KEPT_MAX = 1 << 25;

/** What a client may send in one record, key and value together (`message.max.bytes`), less what the batch adds. */
export const RECORD_BYTES_MAX = 1_000_000 - 1_024;

export class FrameWriter {
  #buffer: Buffer;
  #view: DataView;
  #length = 0;
  #count = 0;
  /** Key and value of the frame written last, or refused. */
  #recordBytes = 0;
  readonly #capacityBytes: number;

  constructor(capacityBytes = 1 << 16) {
    this.#capacityBytes = capacityBytes;
    this.#buffer = Buffer.from(new ArrayBuffer(capacityBytes));
    this.#view = viewOf(this.#buffer);
  }

  get bytes(): number {
    return this.#length;
  }

  /** Frames written. */
  get count(): number {
    return this.#count;
  }

  write(
    topic: number,
    partition: number,
    timestampMs: number,
    key: Uint8Array | string | null,
    value: Uint8Array | null,
  ): void {
    const at = this.#head(topic, partition, timestampMs, key, value?.length ?? 0);
    this.#view.setInt32(at, value === null ? -1 : value.length, true);
    if (value !== null) this.#buffer.set(value, at + 4);
    if (!this.#end(at + 4 + (value?.length ?? 0))) this.#refuse();
  }

  /** As `write`, with `prefix` and then `value` encoded in place: no buffer in between. @throws as F2 says */
  writeEncoded<T>(
    topic: number,
    partition: number,
    timestampMs: number,
    key: Uint8Array | string | null,
    prefix: Uint8Array,
    codec: Codec<T>,
    value: T,
  ): void {
    if (!this.tryWriteEncoded(topic, partition, timestampMs, key, prefix, codec, value)) this.#refuse();
  }

  /** As `writeEncoded`. @returns false, with nothing written, when it is larger than Kafka takes. */
  tryWriteEncoded<T>(
    topic: number,
    partition: number,
    timestampMs: number,
    key: Uint8Array | string | null,
    prefix: Uint8Array,
    codec: Codec<T>,
    value: T,
  ): boolean {
    let at = this.#head(topic, partition, timestampMs, key, prefix.length + VALUE_GUESS);
    let start = at + 4 + prefix.length;
    let end = codec.encodeInto(value, this.#buffer, start);
    while (end < 0) {
      // So many bytes are missing behind the buffer's end: fewer than the value's, some of which had room.
      const valueBytes = this.#buffer.length - start - end;
      at = this.#head(topic, partition, timestampMs, key, prefix.length + valueBytes);
      start = at + 4 + prefix.length;
      end = codec.encodeInto(value, this.#buffer, start);
    }
    this.#buffer.set(prefix, at + 4);
    this.#view.setInt32(at, end - at - 4, true);
    return this.#end(end);
  }

  /** Takes back everything written since the buffer held `bytes` bytes in `count` frames (F1). */
  truncate(bytes: number, count: number): void {
    assert(bytes <= this.#length, "a mark of an earlier buffer");
    this.#length = bytes;
    this.#count = count;
  }

  /** The frames so far, in a buffer of their own that may be transferred; this writer starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(this.#buffer.buffer as ArrayBuffer, 0, this.#length);
    this.#buffer = Buffer.from(
      // As large as this one, for the next is likely to be; what one large value needed is not kept.
      new ArrayBuffer(Math.max(this.#capacityBytes, Math.min(KEPT_MAX, nextPowerOfTwo(this.#length)))),
    );
    this.#view = viewOf(this.#buffer);
    this.#length = 0;
    this.#count = 0;
    return taken;
  }

  /** The frame at hand ends at `end`. @returns false when it is too large, and is none. */
  #end(end: number): boolean {
    this.#recordBytes = end - this.#length - HEADER - 8;
    if (this.#recordBytes > RECORD_BYTES_MAX) return false;
    this.#length = end;
    this.#count++;
    return true;
  }

  /** F2. */
  #refuse(): never {
    throw new Error(`a record of ${this.#recordBytes} bytes, more than Kafka takes (${RECORD_BYTES_MAX})`);
  }

  /** Everything up to the value's length, whose position is returned; `valueBytes` are reserved behind it. */
  #head(
    topic: number,
    partition: number,
    timestampMs: number,
    key: Uint8Array | string | null,
    valueBytes: number,
  ): number {
    const keyMax = key === null ? 0 : typeof key === "string" ? key.length * 3 : key.length;
    this.#reserve(HEADER + 8 + keyMax + valueBytes);
    const view = this.#view;
    let at = this.#length;
    view.setUint16(at, topic, true);
    view.setInt32(at + 2, partition, true);
    view.setFloat64(at + 6, timestampMs, true);
    at += HEADER;
    let keyLength = -1;
    if (typeof key === "string") {
      keyLength = writeText(this.#buffer, key, at + 4);
    } else if (key !== null) {
      keyLength = key.length;
      this.#buffer.set(key, at + 4);
    }
    view.setInt32(at, keyLength, true);
    return at + 4 + Math.max(0, keyLength);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.from(new ArrayBuffer(nextPowerOfTwo(needed)));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

export interface Frame {
  topic: number;
  partition: number;
  timestampMs: number;
  key: Buffer | null;
  value: Buffer | null;
}

/** A frame by where its key and value lie; a start of -1, with an end of -1: null. */
export interface FrameAt {
  topic: number;
  partition: number;
  timestampMs: number;
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
}

/** Calls `each` with every frame; keys and values are views into `frames`. The same object is handed over each time. */
export function forEachFrame(frames: Uint8Array, each: (frame: Frame) => void): void {
  const reader = new FrameReader(frames);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) each(frame);
}

/** The frames one by one, for whoever has to pause between them. */
export class FrameReader {
  /** What the positions of `nextAt` are positions in. */
  readonly bytes: Buffer;
  readonly #view: DataView;
  readonly #frame: Frame = { topic: 0, partition: 0, timestampMs: 0, key: null, value: null };
  readonly #frameAt: FrameAt = {
    topic: 0,
    partition: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: -1,
    valueEnd: -1,
  };
  #at = 0;

  constructor(frames: Uint8Array) {
    this.bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength);
    this.#view = viewOf(this.bytes);
  }

  /** The same object each time; its key and value are views into the frames. `undefined` at the end. */
  next(): Frame | undefined {
    const at = this.nextAt();
    if (at === undefined) return undefined;
    const frame = this.#frame;
    frame.topic = at.topic;
    frame.partition = at.partition;
    frame.timestampMs = at.timestampMs;
    frame.key = at.keyStart < 0 ? null : this.bytes.subarray(at.keyStart, at.keyEnd);
    frame.value = at.valueStart < 0 ? null : this.bytes.subarray(at.valueStart, at.valueEnd);
    return frame;
  }

  /** As `next`, without a view of either. */
  nextAt(): FrameAt | undefined {
    let at = this.#at;
    if (at >= this.bytes.length) return undefined;
    const view = this.#view;
    const frame = this.#frameAt;
    frame.topic = view.getUint16(at, true);
    frame.partition = view.getInt32(at + 2, true);
    frame.timestampMs = view.getFloat64(at + 6, true);
    at += HEADER;
    const keyLength = view.getInt32(at, true);
    at += 4;
    frame.keyStart = keyLength < 0 ? -1 : at;
    frame.keyEnd = keyLength < 0 ? -1 : at + keyLength;
    if (keyLength > 0) at += keyLength;
    const valueLength = view.getInt32(at, true);
    at += 4;
    frame.valueStart = valueLength < 0 ? -1 : at;
    frame.valueEnd = valueLength < 0 ? -1 : at + valueLength;
    this.#at = valueLength < 0 ? at : at + valueLength;
    return frame;
  }
}

/** Keys are short and nearly always ASCII: a loop takes a third of the time of a call of `write`. */
function writeText(buffer: Buffer, text: string, at: number): number {
  const { length } = text;
  if (length <= ASCII_MAX) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      buffer[at + i] = code;
    }
    if (i === length) return length;
  }
  return buffer.write(text, at, "utf8");
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function nextPowerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(bytes, 1)));
}
