/**
 * One partition of a simulated topic, with what its leader knows of the producers that write to it.
 *
 * P1  A transaction's records are in the log at once and become readable when its marker is: nobody who reads committed data
 *     gets past the first offset of an open transaction (the last stable offset).
 * P2  Markers take offsets. An aborted transaction is told to readers by producer and first offset, once a transaction.
 * P3  A batch that was written already is acknowledged and not written again; one of an old producer epoch is refused.
 * P4  Compaction keeps the last committed record of each key, and never touches what is not stable, nor the tail.
 */
import { encodeBatch, type LogRecord } from "./batch-bytes.ts";

export interface LogBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly producerId: number;
  readonly marker: "abort" | "commit" | undefined;
  readonly records: readonly LogRecord[];
  readonly writtenMs: number;
  bytes: Buffer | undefined;
  /** Set by the marker that ends its transaction; a batch without one is committed. */
  fate: "open" | "committed" | "aborted";
}

export interface AbortedRange {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

interface ProducerState {
  epoch: number;
  /** First sequence number of the last batches → its length. */
  readonly written: Map<number, number>;
  nextSequence: number;
}

export type ProduceError = "INVALID_PRODUCER_EPOCH" | "OUT_OF_ORDER_SEQUENCE" | "INVALID_TXN_STATE";

const REMEMBERED_BATCHES = 5;

export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** As readers get it: compaction changes it. */
  batches: LogBatch[] = [];
  /** All that was ever written, for the checks. */
  readonly history: LogBatch[] = [];
  readonly aborted: AbortedRange[] = [];
  end = 0;
  /** When it was last written to, on the virtual clock. */
  grownMs = 0;
  /** First offset of each producer's open transaction. */
  readonly #now: () => number;
  readonly #open = new Map<number, number>();
  readonly #producers = new Map<number, ProducerState>();
  readonly #waiting = new Set<() => void>();

  constructor(topic: string, partition: number, now: () => number) {
    this.#now = now;
    this.topic = topic;
    this.partition = partition;
  }

  /** Last stable offset (P1). */
  get stable(): number {
    let stable = this.end;
    for (const first of this.#open.values()) if (first < stable) stable = first;
    return stable;
  }

  isOpen(producerId: number): boolean {
    return this.#open.has(producerId);
  }

  /** Calls whenever more of the log is there, until it is called off: by what this returns. */
  onGrown(call: () => void): () => void {
    this.#waiting.add(call);
    return () => this.#waiting.delete(call);
  }

  /** Of a producer without transactions. */
  append(records: readonly Omit<LogRecord, "offset">[], nowMs: number): void {
    this.#write(-1, records, nowMs, "committed");
  }

  /** P3. @param mayBegin whether the coordinator says that this partition is part of an open transaction of the producer. */
  produce(
    producerId: number,
    epoch: number,
    sequence: number,
    records: readonly Omit<LogRecord, "offset">[],
    nowMs: number,
    mayBegin: () => boolean,
  ): ProduceError | "duplicate" | undefined {
    const producer = this.#producer(producerId, epoch);
    if (epoch < producer.epoch) return "INVALID_PRODUCER_EPOCH";
    if (epoch > producer.epoch) {
      producer.epoch = epoch;
      producer.nextSequence = 0;
      producer.written.clear();
    }
    if (producer.written.has(sequence)) return "duplicate";
    if (sequence !== producer.nextSequence) return "OUT_OF_ORDER_SEQUENCE";
    if (!this.#open.has(producerId)) {
      if (!mayBegin()) return "INVALID_TXN_STATE";
      this.#open.set(producerId, this.end);
    }
    producer.written.set(sequence, records.length);
    if (producer.written.size > REMEMBERED_BATCHES)
      producer.written.delete(producer.written.keys().next().value!);
    producer.nextSequence = sequence + records.length;
    this.#write(producerId, records, nowMs, "open");
    return undefined;
  }

  /** Of a producer that keeps its own transactions: the input's. */
  appendOpen(producerId: number, records: readonly Omit<LogRecord, "offset">[], nowMs: number): void {
    if (!this.#open.has(producerId)) this.#open.set(producerId, this.end);
    this.#write(producerId, records, nowMs, "open");
  }

  /** Ends the producer's transaction here; also where it wrote nothing (P2). */
  mark(producerId: number, epoch: number, marker: "abort" | "commit", nowMs: number): void {
    const producer = this.#producer(producerId, epoch);
    if (epoch > producer.epoch) {
      producer.epoch = epoch;
      producer.nextSequence = 0;
      producer.written.clear();
    }
    const firstOffset = this.#open.get(producerId);
    const offset = this.end++;
    if (firstOffset !== undefined) {
      this.#open.delete(producerId);
      for (let i = this.history.length - 1; i >= 0; i--) {
        const batch = this.history[i]!;
        if (batch.lastOffset < firstOffset) break;
        if (batch.producerId === producerId) batch.fate = marker === "commit" ? "committed" : "aborted";
      }
      if (marker === "abort") this.aborted.push({ producerId, firstOffset, lastOffset: offset });
    }
    this.#add({
      baseOffset: offset,
      lastOffset: offset,
      producerId,
      marker,
      records: [],
      writtenMs: nowMs,
      bytes: undefined,
      fate: "committed",
    });
    this.#wake();
  }

  /** What a fetch from `offset` to `upTo` gives: whole batches of up to `maxBytes`, at least one. */
  read(offset: number, upTo: number, maxBytes: number): Buffer {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.batches.length; i++) {
      const batch = this.batches[i]!;
      if (batch.lastOffset >= upTo) break;
      const encoded = bytesOf(batch);
      if (chunks.length > 0 && bytes + encoded.length > maxBytes) break;
      chunks.push(encoded);
      bytes += encoded.length;
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /** Whether a fetch from `offset` to `upTo` would give anything. */
  holds(offset: number, upTo: number): boolean {
    const batch = this.batches[this.#indexOf(offset)];
    return batch !== undefined && batch.lastOffset < upTo;
  }

  abortedFrom(offset: number, upTo: number): AbortedRange[] {
    return this.aborted.filter((range) => range.lastOffset >= offset && range.firstOffset < upTo);
  }

  /** P4. @param keepMs tombstones older than this go, the last record of a key or not. @returns records that went. */
  compact(tailBatches: number, nowMs: number, keepMs: number): { removed: number; tombstones: number } {
    const { stable } = this;
    const cleanable = this.batches.length - tailBatches;
    const last = new Map<string, number>();
    for (const batch of this.batches) {
      if (batch.lastOffset >= stable) break;
      if (batch.fate !== "committed") continue;
      for (const { key, offset } of batch.records) if (key) last.set(key.toString("latin1"), offset);
    }
    let removed = 0;
    let tombstones = 0;
    this.batches = this.batches.flatMap((batch, index): LogBatch[] => {
      if (index >= cleanable || batch.lastOffset >= stable || batch.marker) return [batch];
      const records =
        batch.fate === "aborted"
          ? []
          : batch.records.filter(({ key, value, offset }) => {
              if (key && last.get(key.toString("latin1")) !== offset) return false;
              if (value !== null || nowMs - batch.writtenMs < keepMs) return true;
              tombstones++;
              return false;
            });
      if (records.length === batch.records.length) return [batch];
      removed += batch.records.length - records.length;
      // As Kafka, the last batch stays as an empty one, so that the log does not end earlier.
      if (records.length === 0) return [];
      return [{ ...batch, records, bytes: undefined }];
    });
    return { removed, tombstones };
  }

  #producer(producerId: number, epoch: number): ProducerState {
    const known = this.#producers.get(producerId);
    if (known) return known;
    const fresh: ProducerState = { epoch, written: new Map(), nextSequence: 0 };
    this.#producers.set(producerId, fresh);
    return fresh;
  }

  #write(
    producerId: number,
    records: readonly Omit<LogRecord, "offset">[],
    nowMs: number,
    fate: LogBatch["fate"],
  ): void {
    const baseOffset = this.end;
    this.end += records.length;
    this.#add({
      baseOffset,
      lastOffset: this.end - 1,
      producerId,
      marker: undefined,
      records: records.map((record, index) => ({ ...record, offset: baseOffset + index })),
      writtenMs: nowMs,
      bytes: undefined,
      fate,
    });
    this.#wake();
  }

  #add(batch: LogBatch): void {
    this.batches.push(batch);
    this.history.push(batch);
  }

  #wake(): void {
    this.grownMs = this.#now();
    for (const call of [...this.#waiting]) call();
  }

  /** The first batch that ends at or after `offset`. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function bytesOf(batch: LogBatch): Buffer {
  const { baseOffset, lastOffset, producerId, marker, records } = batch;
  const transactional = producerId >= 0;
  batch.bytes ??= encodeBatch(
    { baseOffset, lastOffset, producerId, transactional, ...(marker && { marker }) },
    records,
  );
  return batch.bytes;
}
