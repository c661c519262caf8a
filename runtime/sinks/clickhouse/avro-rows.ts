/**
 * The rows of one insert as an Avro object container file, made without decoding a record.
 *
 * An Avro record is its fields' encodings in order, so a row is the record's bytes followed by those of `kafka_partition`
 * and `kafka_offset`. The file is a header with the schema, one block of rows, a sync marker (Avro 1.12 specification,
 * "Object Container Files"). Field names stand in the header only: there they become column names, `netS` → `net_s`.
 *
 * R1  A record goes in only when it was checked to be exactly one value of the schema: one byte more or less would shift
 *     all rows after it.
 */
import type { Codec } from "../../../schemas/index.ts";
import { assert } from "../../errors.ts";

const SYNC = Buffer.from("pacestream-rows!", "latin1");

export interface RowFormat {
  /** Column names, in order; the last two are `kafka_partition` and `kafka_offset`. */
  readonly columns: readonly string[];
  /** Everything before the first block. */
  readonly header: Buffer;
}

export function rowFormat(codec: Codec<unknown>): RowFormat {
  const schema: unknown = JSON.parse(codec.schema);
  assert(isRecordSchema(schema), `${codec.name}: rows are records`);
  const fields = [
    ...schema.fields.map((field) => ({ ...field, name: columnName(field.name) })),
    { name: "kafka_partition", type: "int" },
    { name: "kafka_offset", type: "long" },
  ];
  const header = Buffer.concat([
    Buffer.from("Obj\x01", "latin1"),
    avroLong(2),
    avroString("avro.schema"),
    avroString(JSON.stringify({ ...schema, fields })),
    avroString("avro.codec"),
    avroString("null"),
    avroLong(0),
    SYNC,
  ]);
  return { columns: fields.map((field) => field.name), header };
}

/** `netS` → `net_s`, `paceSPerKm` → `pace_s_per_km`. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Grows as rows come; copies them, so the reader may reuse its buffer. */
export class AvroRows {
  #bytes: Buffer;
  #length = 0;
  #count = 0;

  constructor(capacityBytes = 1 << 16) {
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length;
  }

  /** Adds the value `buffer[start, end)`, checked by the caller (R1). */
  append(buffer: Buffer, start: number, end: number, partition: number, offset: number): void {
    const needed = this.#length + (end - start) + 20;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    let at = this.#length + buffer.copy(this.#bytes, this.#length, start, end);
    at = writeLong(this.#bytes, at, partition);
    this.#length = writeLong(this.#bytes, at, offset);
    this.#count++;
  }

  /** The file in pieces, views of this object's memory: not to be changed until they are sent. */
  file(format: RowFormat): readonly Buffer[] {
    const block = Buffer.concat([avroLong(this.#count), avroLong(this.#length)]);
    return [format.header, block, this.#bytes.subarray(0, this.#length), SYNC];
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
  }
}

/** Zigzag and base 128; `value` from 0 to 2^53 - 1. Returns the position after it. */
function writeLong(bytes: Buffer, at: number, value: number): number {
  let rest = value * 2;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

function avroLong(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeLong(bytes, 0, value));
}

function avroString(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([avroLong(bytes.length), bytes]);
}

interface RecordSchema {
  readonly type: "record";
  readonly fields: readonly { readonly name: string; readonly type: unknown }[];
}

function isRecordSchema(schema: unknown): schema is RecordSchema {
  return typeof schema === "object" && schema !== null && (schema as RecordSchema).type === "record";
}
