/**
 * The records of one insert: good ones as rows, bad ones set apart, and the range of each partition they stand for.
 *
 * B1  Which records are bad depends on their bytes and the table's schema only, so a range read again splits the same way.
 * B2  Bounded: whoever fills it stops at `full`; it then holds at most one record more than the limits.
 */
import type { Codec } from "../../../schemas/index.ts";
import type { RecordCursor } from "../../kafka/log.ts";
import type { Range, RowsAtHand } from "./announcement.ts";
import { type Step, valueWalk } from "./avro-check.ts";
import { AvroRows, type RowFormat, rowFormat } from "./avro-rows.ts";

/** Where the records of a topic go. */
export interface SinkTable {
  readonly topic: string;
  /** With a column for each field of the schema (`netS` → `net_s`), `kafka_partition` and `kafka_offset`; no PARTITION BY. */
  readonly table: string;
  readonly codec: Codec<unknown>;
}

/** A record that is set apart. Key and value are copies, the value cut to `BAD_VALUE_BYTES_MAX`. */
export interface BadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly reason: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Whoever makes them may change them: the batches being filled heed it. */
export interface BatchLimits {
  rowsMax: number;
  bytesMax: number;
}

/** Below Kafka's usual limit of 1 MB a record, with room for what else a dead letter says. */
const BAD_VALUE_BYTES_MAX = 900_000;
const BAD_KEY_BYTES_MAX = 1024;
const REASON_MAX = 1000;

export class Batch {
  readonly rows = new AvroRows();
  readonly bad: BadRecord[] = [];
  readonly #ranges = new Map<number, { first: number; end: number }>();
  readonly #limits: Readonly<BatchLimits>;
  #badBytes = 0;

  constructor(limits: Readonly<BatchLimits>) {
    this.#limits = limits;
  }

  get full(): boolean {
    return this.count >= this.#limits.rowsMax || this.rows.bytes + this.#badBytes >= this.#limits.bytesMax;
  }

  /** Records, good and bad. */
  get count(): number {
    return this.rows.count + this.bad.length;
  }

  atHand(): RowsAtHand {
    return { count: this.rows.count, ends: this.rows.ends() };
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
  /** Over a value of the table's schema. */
  readonly walk: Step;
  readonly #codec: Codec<unknown>;

  constructor(codec: Codec<unknown>) {
    this.format = rowFormat(codec);
    this.walk = valueWalk(codec.schema);
    this.#codec = codec;
  }

  /** Adds the cursor's record, a row or a bad record; does not touch the batch's ranges. */
  add(batch: Batch, partition: number, record: RecordCursor): void {
    const { buffer, valueStart, valueEnd, offset } = record;
    if (this.isGood(record)) batch.rows.append(buffer, valueStart, valueEnd, partition, offset);
    else batch.addBad(badRecord(partition, record, this.#reason(record)));
  }

  isGood({ buffer, valueStart, valueEnd }: RecordCursor): boolean {
    return valueStart >= 0 && this.walk(buffer, valueStart, valueEnd) === valueEnd;
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

export function badRecord(partition: number, record: RecordCursor, reason: string): BadRecord {
  const { buffer, keyStart, keyEnd, valueStart, valueEnd, offset, timestampMs } = record;
  const valueCut = Math.min(valueEnd, valueStart + BAD_VALUE_BYTES_MAX);
  const keyCut = Math.min(keyEnd, keyStart + BAD_KEY_BYTES_MAX);
  return {
    partition,
    offset,
    timestampMs,
    reason: reason.slice(0, REASON_MAX).toWellFormed(),
    key: keyStart < 0 ? null : copyOf(buffer, keyStart, keyCut),
    value: valueStart < 0 ? null : copyOf(buffer, valueStart, valueCut),
  };
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  return Buffer.from(buffer.subarray(start, end));
}
