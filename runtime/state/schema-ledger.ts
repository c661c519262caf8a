/**
 * State outlives the schema it was written with. Each value in a changelog starts with one byte, the id of its schema; the
 * schemas stand in the changelog too, once a partition. A value of an older one is read by Avro's schema resolution.
 *
 * V1  No value is written before its schema is in the same or an earlier epoch of its partition.
 * V2  An id is a fingerprint-free counter: two partitions that were upgraded apart could give one id to two schemas. That
 *     is found at restore and stops the task with an error; it never decodes a value wrongly.
 * V3  A value with a deadline says so in the first byte's highest bit, and has the deadline (f64) between it and the value: so a
 *     state may get a time to live, or lose it, and still reads what was written before.
 */
import type { Codec } from "../../schemas/codec.ts";
import { assert } from "../errors.ts";
import { schemaKey } from "./changelog-key.ts";
import type { ChangelogWriter } from "./state-store.ts";

const HAS_DEADLINE = 0x80;
const DEADLINE_BYTES = 8;

export class SchemaLedger<T> {
  readonly #state: string;
  readonly #codec: Codec<T>;
  /** Schemas met in any partition; the index is the id. One ledger for all partitions of a task keeps ids few. */
  readonly #schemas = new Map<number, string>();
  readonly #readers = new Map<number, Codec<T>>();
  /** Partitions whose changelog holds the present schema. */
  readonly #announced = new Set<number>();
  #id = 0;
  /** What stands before a value that needs no more than its schema's id. */
  readonly #prefix = new Uint8Array(1);
  readonly #untilHead = Buffer.alloc(1 + DEADLINE_BYTES);

  constructor(state: string, codec: Codec<T>) {
    this.#state = state;
    this.#codec = codec;
  }

  /** @throws Error when the present schema cannot read values of the one found: the job's schema changed incompatibly. */
  learn(id: number, schema: string, partition: number): void {
    const known = this.#schemas.get(id);
    if (known !== undefined && known !== schema) {
      throw new Error(`state ${this.#state}: schema ${id} differs between partitions of the changelog`);
    }
    this.#schemas.set(id, schema);
    this.#readers.set(id, schema === this.#codec.schema ? this.#codec : this.#codec.reading(schema));
    if (schema === this.#codec.schema) this.#announced.add(partition);
  }

  seal(): void {
    const present = [...this.#schemas].find(([, schema]) => schema === this.#codec.schema);
    this.#id = present ? present[0] : this.#schemas.size === 0 ? 0 : Math.max(...this.#schemas.keys()) + 1;
    assert(
      this.#id < HAS_DEADLINE,
      `state ${this.#state} has had ${this.#id} schemas, the most there can be`,
    );
    this.#readers.set(this.#id, this.#codec);
  }

  /** Writes the present schema into the partition's changelog where it is not there yet (V1). */
  #announce(partition: number, writer: ChangelogWriter): void {
    if (this.#announced.has(partition)) return;
    this.#announced.add(partition);
    writer.putBytes(partition, schemaKey(this.#state, this.#id), Buffer.from(this.#codec.schema, "utf8"));
  }

  /**
   * Writes a value, its schema first where the partition does not hold it yet.
   * @param head what stands before the value; its first byte becomes the schema's id.
   */
  write(
    writer: ChangelogWriter,
    partition: number,
    key: string,
    value: T,
    head: Uint8Array = this.#prefix,
  ): void {
    this.#announce(partition, writer);
    head[0] = this.#id;
    writer.put(partition, key, head, this.#codec, value);
  }

  /** As `write`, with a deadline (V3). */
  writeUntil(writer: ChangelogWriter, partition: number, key: string, value: T, deadlineMs: number): void {
    this.#announce(partition, writer);
    this.#untilHead[0] = this.#id | HAS_DEADLINE;
    this.#untilHead.writeDoubleLE(deadlineMs, 1);
    writer.put(partition, key, this.#untilHead, this.#codec, value);
  }

  /** The deadline that a value was written with. */
  deadlineOf(bytes: Buffer): number | undefined {
    return (bytes[0]! & HAS_DEADLINE) === 0 ? undefined : bytes.readDoubleLE(1);
  }

  /** @param start where the value stands, after its head. */
  decode(bytes: Buffer, start = (bytes[0]! & HAS_DEADLINE) === 0 ? 1 : 1 + DEADLINE_BYTES): T {
    const id = bytes[0]! & ~HAS_DEADLINE;
    const reader = this.#readers.get(id);
    if (!reader)
      throw new Error(`state ${this.#state}: a value of schema ${id}, which the changelog does not hold`);
    return reader.decode(bytes, start);
  }
}
