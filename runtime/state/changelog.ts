/**
 * A task's changelog: takes what changed as frames of the epoch, and puts what a restore reads together again.
 *
 * A value that is larger than a Kafka record is cut: the parts stand under keys of their own (kind `c`), and the value's record holds
 * CUT, how many parts there are (u32) and their bytes together (f64).
 *
 * CL1  Parts and the record that names them are in one epoch, so in one transaction; each is the newest of its key there is.
 * CL2  A value that has fewer parts than before, or none, deletes those it no longer has.
 * CL3  Parts are put together when all is read: compaction may have taken some of an older value, and left its record.
 */
import type { Codec } from "../../schemas/codec.ts";
import { assert } from "../errors.ts";
import { type FrameWriter, RECORD_BYTES_MAX } from "../kafka/frames.ts";
import { type ChangelogKey, mapKey, partKey, valueKey } from "./changelog-key.ts";
import { CUT } from "./schema-ledger.ts";
import type { ChangelogWriter } from "./state-store.ts";

type ValueKey = Extract<ChangelogKey, { kind: "value" | "map" }>;

const CUT_BYTES = 1 + 4 + 8;
/** Of a part's record, beside its key and value. */
const PART_MARGIN = 64;

/** Values of one partition that are cut, by changelog key: how many parts they have. */
type CutValues = Map<string, number>;

export class Changelog implements ChangelogWriter {
  readonly #frames: FrameWriter;
  readonly #topic: number;
  readonly #clock: { readonly nowMs: number };
  readonly #cut = new Map<number, CutValues>();
  /** While restoring: parts by partition and key, and what names them. */
  readonly #parts = new Map<number, Map<string, Map<number, Buffer>>>();
  readonly #named = new Map<number, Map<string, { readonly key: ValueKey; readonly head: Buffer }>>();

  /** @param topic the changelog's index among the task's outputs */
  constructor(frames: FrameWriter, topic: number, clock: { readonly nowMs: number }) {
    this.#frames = frames;
    this.#topic = topic;
    this.#clock = clock;
  }

  put<T>(partition: number, key: string, prefix: Uint8Array, codec: Codec<T>, value: T): void {
    const { nowMs } = this.#clock;
    if (this.#frames.tryWriteEncoded(this.#topic, partition, nowMs, key, prefix, codec, value)) {
      if (this.#cut.size > 0) this.#shorten(partition, key, 0);
      return;
    }
    this.#putCut(partition, key, Buffer.concat([prefix, codec.encode(value)]));
  }

  #putCut(partition: number, key: string, bytes: Buffer): void {
    const size = RECORD_BYTES_MAX - 3 * key.length - PART_MARGIN;
    let count = 0;
    for (let from = 0; from < bytes.length; from += size)
      this.putBytes(partition, partKey(key, count++), bytes.subarray(from, from + size));
    const head = Buffer.alloc(CUT_BYTES);
    head[0] = CUT;
    head.writeUInt32LE(count, 1);
    head.writeDoubleLE(bytes.length, 5);
    this.putBytes(partition, key, head);
    this.#shorten(partition, key, count);
  }

  putBytes(partition: number, key: string, value: Uint8Array): void {
    this.#frames.write(this.#topic, partition, this.#clock.nowMs, key, value);
  }

  delete(partition: number, key: string): void {
    this.#frames.write(this.#topic, partition, this.#clock.nowMs, key, null);
    if (this.#cut.size > 0) this.#shorten(partition, key, 0);
  }

  /** `key` has `count` parts from here on (CL2). */
  #shorten(partition: number, key: string, count: number): void {
    const before = this.#cut.get(partition)?.get(key) ?? 0;
    for (let index = count; index < before; index++)
      this.#frames.write(this.#topic, partition, this.#clock.nowMs, partKey(key, index), null);
    this.#count(partition, key, count);
  }

  #count(partition: number, key: string, count: number): void {
    const cut = this.#cut.get(partition) ?? new Map<string, number>();
    if (count > 0) cut.set(key, count);
    else cut.delete(key);
    if (cut.size > 0) this.#cut.set(partition, cut);
    else this.#cut.delete(partition);
  }

  // --- restore -------------------------------------------------------------------------------------------------------

  restorePart(
    { of, index }: Extract<ChangelogKey, { kind: "part" }>,
    partition: number,
    value: Buffer | null,
  ): void {
    const parts = inner(inner(this.#parts, partition), of);
    // What is read lies in a buffer that is used again.
    if (value) parts.set(index, Buffer.from(value));
    else parts.delete(index);
  }

  /** @returns whether the record only names the parts of its value, which is given at the end. */
  isCut(key: ValueKey, partition: number, value: Buffer | null): boolean {
    const cut = value !== null && value[0] === CUT;
    if (!cut && this.#named.size === 0) return false;
    const text = key.kind === "value" ? valueKey(key.state, key.key) : mapKey(key.state, key.key, key.name);
    const named = inner(this.#named, partition);
    if (cut) named.set(text, { key, head: Buffer.from(value) });
    else named.delete(text);
    return cut;
  }

  /** After the last record: hands over the values that were cut (CL3). */
  seal(take: (key: ValueKey, partition: number, value: Buffer) => void): void {
    for (const [partition, named] of this.#named) {
      for (const [text, { key, head }] of named) {
        const count = head.readUInt32LE(1);
        const parts = this.#parts.get(partition)?.get(text) ?? new Map<number, Buffer>();
        const all = Array.from({ length: count }, (_, index) => parts.get(index) ?? Buffer.alloc(0));
        const value = Buffer.concat(all);
        assert(
          value.length === head.readDoubleLE(5),
          () => `changelog key ${JSON.stringify(text)}: ${value.length} of ${head.readDoubleLE(5)} bytes`,
        );
        take(key, partition, value);
        this.#count(partition, text, count);
      }
    }
    this.#parts.clear();
    this.#named.clear();
  }
}

function inner<K, I, V>(of: Map<K, Map<I, V>>, key: K): Map<I, V> {
  let found = of.get(key);
  if (!found) {
    found = new Map();
    of.set(key, found);
  }
  return found;
}
