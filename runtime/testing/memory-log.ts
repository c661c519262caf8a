/** Records in memory as a reader would hand them over: for tests of a task, and for authors of jobs. */
import type { PolledPartition, RecordCursor } from "../kafka/log.ts";

export interface MemoryRecord {
  readonly key?: string | null;
  readonly value: Uint8Array | null;
  /** Kafka timestamp, Unix milliseconds. */
  readonly timestampMs?: number;
}

/** One poll of one partition: `records` stand at `firstOffset` and after. @param endOffset default: they are its end. */
export function polled(
  topic: string,
  partition: number,
  firstOffset: number,
  records: readonly MemoryRecord[],
  endOffset = firstOffset + records.length,
): PolledPartition {
  return {
    topic,
    partition,
    records: new MemoryCursor(firstOffset, records),
    nextOffset: firstOffset + records.length,
    endOffset,
    writtenTo: endOffset,
  };
}

class MemoryCursor implements RecordCursor {
  offset: number;
  timestampMs = 0;
  buffer: Buffer = Buffer.alloc(0);
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;
  readonly #records: readonly MemoryRecord[];
  #index = -1;

  constructor(firstOffset: number, records: readonly MemoryRecord[]) {
    this.offset = firstOffset - 1;
    this.#records = records;
  }

  next(): boolean {
    const record = this.#records[++this.#index];
    if (!record) return false;
    this.offset++;
    this.timestampMs = record.timestampMs ?? 0;
    const key = record.key === undefined || record.key === null ? null : Buffer.from(record.key, "utf8");
    this.buffer = Buffer.concat([key ?? Buffer.alloc(0), record.value ?? Buffer.alloc(0)]);
    this.keyStart = key ? 0 : -1;
    this.keyEnd = key?.length ?? -1;
    this.valueStart = record.value ? (key?.length ?? 0) : -1;
    this.valueEnd = record.value ? this.buffer.length : -1;
    return true;
  }
}
