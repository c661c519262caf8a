/**
 * State outlives the schema it was written with. Each value in a changelog starts with one byte, the id of its schema; the
 * schemas stand in the changelog too, once a partition. A value of an older one is read by Avro's schema resolution.
 *
 * V1  No value is written before its schema is in the same or an earlier epoch of its partition.
 * V2  An id counts the schemas of its partition: partitions that were upgraded apart may call two schemas by one id, and lie in one
 *     task later.
 * V3  A value with a deadline says so in the first byte's highest bit, and has the deadline (f64) between it and the value: so a
 *     state may get a time to live, or lose it, and still reads what was written before.
 * V4  What could not be written, or not be read again as it was, is refused by `check`: when a record puts it, whose fault it is.
 */
import type { Codec } from "../../schemas/codec.ts";
import { assert } from "../errors.ts";
import { schemaKey } from "./changelog-key.ts";
import type { ChangelogWriter } from "./state-store.ts";

const HAS_DEADLINE = 0x80;
const DEADLINE_BYTES = 8;
/** Stands in place of a schema's id before a value that is cut (changelog.ts). */
export const CUT = 0x7f;

/** The most that one value of state may have, encoded: it is written whole whenever it changes. */
export const VALUE_BYTES_MAX = 64 << 20;

/** The schemas that one partition's changelog holds. */
class PartitionSchemas<T> {
  readonly readers = new Map<number, Codec<T>>();
  /** Id of the present schema, once it is there. */
  present: number | undefined;
}

export class SchemaLedger<T> {
  readonly #state: string;
  readonly #codec: Codec<T>;
  readonly #partitions = new Map<number, PartitionSchemas<T>>();
  /** By schema. */
  readonly #readers = new Map<string, Codec<T>>();
  /** What stands before a value that needs no more than its schema's id. */
  readonly #prefix = new Uint8Array(1);
  readonly #untilHead = Buffer.alloc(1 + DEADLINE_BYTES);

  constructor(state: string, codec: Codec<T>) {
    this.#state = state;
    this.#codec = codec;
    this.#readers.set(codec.schema, codec);
  }

  /** @throws Error when `value` is not one of the state's (V4). */
  check(value: T): void {
    let bytesMax: number;
    try {
      bytesMax = this.#codec.check(value);
    } catch (error) {
      throw new Error(`state "${this.#state}" cannot hold it: ${(error as Error).message}`);
    }
    if (bytesMax > VALUE_BYTES_MAX) this.#checkSize(value);
  }

  #checkSize(value: T): void {
    const bytes = this.#codec.encode(value).length;
    if (bytes > VALUE_BYTES_MAX)
      throw new Error(
        `state "${this.#state}" cannot hold it: a value of ${bytes} bytes, more than ${VALUE_BYTES_MAX}`,
      );
  }

  /** @throws Error when the present schema cannot read values of the one found: the job's schema changed incompatibly. */
  learn(id: number, schema: string, partition: number): void {
    let reader = this.#readers.get(schema);
    if (!reader) {
      try {
        reader = this.#codec.reading(schema);
      } catch (error) {
        throw new Error(
          `state "${this.#state}" was kept with a schema that the job's cannot read: ${(error as Error).message}`,
        );
      }
      this.#readers.set(schema, reader);
    }
    const schemas = this.#of(partition);
    schemas.readers.set(id, reader);
    if (schema === this.#codec.schema) schemas.present = id;
  }

  #of(partition: number): PartitionSchemas<T> {
    let schemas = this.#partitions.get(partition);
    if (!schemas) {
      schemas = new PartitionSchemas();
      this.#partitions.set(partition, schemas);
    }
    return schemas;
  }

  /** Writes the present schema into the partition's changelog where it is not there yet (V1). @returns its id */
  #announce(partition: number, writer: ChangelogWriter): number {
    const schemas = this.#of(partition);
    if (schemas.present !== undefined) return schemas.present;
    const id = Math.max(-1, ...schemas.readers.keys()) + 1;
    assert(id < CUT, `state ${this.#state} has had ${id} schemas, the most there can be`);
    schemas.present = id;
    schemas.readers.set(id, this.#codec);
    writer.putBytes(partition, schemaKey(this.#state, id), Buffer.from(this.#codec.schema, "utf8"));
    return id;
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
    head[0] = this.#announce(partition, writer);
    this.#put(writer, partition, key, head, value);
  }

  /** As `write`, with a deadline (V3). */
  writeUntil(writer: ChangelogWriter, partition: number, key: string, value: T, deadlineMs: number): void {
    this.#untilHead[0] = this.#announce(partition, writer) | HAS_DEADLINE;
    this.#untilHead.writeDoubleLE(deadlineMs, 1);
    this.#put(writer, partition, key, this.#untilHead, value);
  }

  #put(writer: ChangelogWriter, partition: number, key: string, head: Uint8Array, value: T): void {
    try {
      writer.put(partition, key, head, this.#codec, value);
    } catch (error) {
      // It fitted when it was put (V4).
      throw new Error(
        `state "${this.#state}", changelog key ${JSON.stringify(key)}: ${(error as Error).message}. It was changed in place after it was put: put a new value instead`,
      );
    }
  }

  /** The deadline that a value was written with. */
  deadlineOf(bytes: Buffer): number | undefined {
    return (bytes[0]! & HAS_DEADLINE) === 0 ? undefined : bytes.readDoubleLE(1);
  }

  /** @param start where the value stands, after its head. */
  decode(
    bytes: Buffer,
    partition: number,
    start = (bytes[0]! & HAS_DEADLINE) === 0 ? 1 : 1 + DEADLINE_BYTES,
  ): T {
    const id = bytes[0]! & ~HAS_DEADLINE;
    const reader = this.#partitions.get(partition)?.readers.get(id);
    if (!reader)
      throw new Error(`state ${this.#state}: a value of schema ${id}, which the changelog does not hold`);
    return reader.decode(bytes, start);
  }
}
