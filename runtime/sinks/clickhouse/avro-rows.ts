/**
 * The rows of one insert as an Avro object container file, made without decoding a record.
 *
 * An Avro record is its fields' encodings in order, so a row is the record's bytes followed by those of `kafka_partition`
 * and `kafka_offset`. The file is a header with the schema, one block of rows, a sync marker (Avro 1.12 specification,
 * "Object Container Files"). Field names stand in the header only: there they become column names, `netS` → `net_s`.
 *
 * R1  A record goes in only when it was checked to be exactly one value of the schema: one byte more or less would shift
 *     all rows after it.
 * R2  Where each row lies is not noted: who has to know (a row is refused) walks over them again.
 */
import type { Codec } from "../../../schemas/index.ts";
import { assert } from "../../errors.ts";
import type { Step } from "./avro-check.ts";

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

/** Where a row lies, and of which record it is. */
export interface RowPlace {
  readonly start: number;
  readonly end: number;
  readonly partition: number;
  readonly offset: number;
}

/** Grows as rows come; copies them, so the reader may reuse its buffer. */
export class AvroRows {
  #bytes: Buffer;
  #length = 0;
  #count = 0;
  /** By partition: the offset after its last row. */
  readonly #ends = new Map<number, number>();
  /** Not yet among them, as rows of a partition come one after the other: that of the row added last. */
  #partition = -1;
  #end = 0;

  constructor(capacityBytes = 1 << 16) {
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length;
  }

  /** By partition with rows: the offset after its last. */
  ends(): Map<number, number> {
    this.#noteEnd();
    return new Map(this.#ends);
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
    if (partition !== this.#partition) this.#noteEnd();
    this.#partition = partition;
    this.#end = offset + 1;
  }

  #noteEnd(): void {
    if (this.#partition >= 0) this.#ends.set(this.#partition, this.#end);
  }

  /** Where the rows lie, in order (R2). @param walk over a value of their schema. */
  places(walk: Step): RowPlace[] {
    const places: RowPlace[] = [];
    for (let start = 0; start < this.#length; ) {
      const valueEnd = walk(this.#bytes, start, this.#length);
      assert(valueEnd >= start, "rows are values of the schema (R1)");
      const partition = readLong(this.#bytes, valueEnd);
      const offset = readLong(this.#bytes, partition.end);
      places.push({ start, end: offset.end, partition: partition.value, offset: offset.value });
      start = offset.end;
    }
    return places;
  }

  /** Takes the rows out for which `out` holds. @param places of all rows; no longer true afterwards. */
  remove(places: readonly RowPlace[], out: (row: number) => boolean): void {
    this.clear();
    for (let row = 0; row < places.length; row++) {
      if (out(row)) continue;
      const { start, end, partition, offset } = places[row]!;
      this.#bytes.copyWithin(this.#length, start, end);
      this.#length += end - start;
      this.#count++;
      this.#ends.set(partition, offset + 1);
    }
  }

  /** All rows as a file, in pieces, views of this object's memory: not to be changed until they are sent. */
  file(format: RowFormat): readonly Buffer[] {
    return this.#file(format, this.#count, 0, this.#length);
  }

  /** Rows `[from, to)` as a file. */
  part(format: RowFormat, places: readonly RowPlace[], from: number, to: number): readonly Buffer[] {
    return this.#file(format, to - from, places[from]!.start, places[to - 1]!.end);
  }

  #file(format: RowFormat, count: number, start: number, end: number): readonly Buffer[] {
    const block = Buffer.concat([avroLong(count), avroLong(end - start)]);
    return [format.header, block, this.#bytes.subarray(start, end), SYNC];
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
    this.#ends.clear();
    this.#partition = -1;
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

/** What `writeLong` wrote, and the position after it. */
function readLong(bytes: Buffer, start: number): { value: number; end: number } {
  let raw = 0;
  let scale = 1;
  let at = start;
  for (;;) {
    const byte = bytes[at++]!;
    raw += (byte & 127) * scale;
    if (byte < 128) return { value: raw / 2, end: at };
    scale *= 128;
  }
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
