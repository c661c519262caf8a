/**
 * The records of one insert: good ones as rows, bad ones set apart, and the range of each partition they stand for.
 *
 * B1  Which records are bad depends on their bytes and the table's schema only, so a range read again splits the same way.
 * B2  Bounded: whoever fills it stops at `full`; it then holds at most one record more than the limits.
 */
import type { Codec } from "../../../schemas/index.ts";
import type { RecordCursor } from "../../kafka/log.ts";
import { valueCheck } from "./avro-check.ts";
import { AvroRows, type RowFormat, rowFormat } from "./avro-rows.ts";
import type { Range } from "./protocol.ts";

/** Where the records of a topic go. */
export interface SinkTable {
  readonly topic: string;
  /** With a column for each field of the schema (`netS` → `net_s`), `kafka_partition` and `kafka_offset`; no PARTITION BY. */
  readonly table: string;
  readonly codec: Codec<unknown>;
}

/** A record that is no value of the schema. Key and value are copies, the value cut to `BAD_VALUE_BYTES_MAX`. */
export interface BadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly reason: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface BatchLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** Below Kafka's usual limit of 1 MB a record, with room for what else a dead letter says. */
const BAD_VALUE_BYTES_MAX = 900_000;

export class Batch {
  readonly rows = new AvroRows();
  readonly bad: BadRecord[] = [];
  readonly #ranges = new Map<number, { first: number; end: number }>();
  readonly #limits: BatchLimits;
  #badBytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get full(): boolean {
    return this.count >= this.#limits.rowsMax || this.rows.bytes + this.#badBytes >= this.#limits.bytesMax;
  }

  /** Records, good and bad. */
  get count(): number {
    return this.rows.count + this.bad.length;
  }

  /** One range for each partition with records, in the order of partitions. */
  ranges(): Range[] {
    const ranges = [...this.#ranges].map(([partition, range]) => ({ partition, ...range }));
    return ranges.sort((a, b) => a.partition - b.partition);
  }

  has(partition: number): boolean {
    return this.#ranges.has(partition);
  }

  /** The range of `partition` goes on to `end`; it begins at `first` when this is its first record here. */
  cover(partition: number, first: number, end: number): void {
    const range = this.#ranges.get(partition);
    if (range) range.end = end;
    else this.#ranges.set(partition, { first, end });
  }

  addBad(record: BadRecord): void {
    this.bad.push(record);
    this.#badBytes += 200 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  }

  clear(): void {
    this.rows.clear();
    this.bad.length = 0;
    this.#ranges.clear();
    this.#badBytes = 0;
  }
}

/** Sorts the records of one table into batches. */
export class RecordSorter {
  readonly format: RowFormat;
  readonly #codec: Codec<unknown>;
  readonly #isValue: ReturnType<typeof valueCheck>;

  constructor(codec: Codec<unknown>) {
    this.format = rowFormat(codec);
    this.#codec = codec;
    this.#isValue = valueCheck(codec.schema);
  }

  /** Adds the cursor's record, a row or a bad record; does not touch the batch's ranges. */
  add(batch: Batch, partition: number, record: RecordCursor): void {
    const { buffer, valueStart, valueEnd, offset } = record;
    if (this.isGood(record)) {
      batch.rows.append(buffer, valueStart, valueEnd, partition, offset);
      return;
    }
    const value =
      valueStart < 0
        ? null
        : copyOf(buffer, valueStart, Math.min(valueEnd, valueStart + BAD_VALUE_BYTES_MAX));
    const key =
      record.keyStart < 0
        ? null
        : copyOf(buffer, record.keyStart, Math.min(record.keyEnd, record.keyStart + 1024));
    batch.addBad({
      partition,
      offset,
      timestampMs: record.timestampMs,
      reason: this.#reason(record),
      key,
      value,
    });
  }

  isGood({ buffer, valueStart, valueEnd }: RecordCursor): boolean {
    return valueStart >= 0 && this.#isValue(buffer, valueStart, valueEnd);
  }

  #reason({ buffer, valueStart, valueEnd }: RecordCursor): string {
    if (valueStart < 0) return `no value; ${this.#codec.name} was expected`;
    try {
      this.#codec.decode(buffer, valueStart, valueEnd);
    } catch (error) {
      return (error as Error).message;
    }
    return `not a value of the schema ${this.#codec.name}`;
  }
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}
