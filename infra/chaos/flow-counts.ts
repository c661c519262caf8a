/**
 * The counting behind flow.ts: which read has an outcome, which outcome a row, and since when something is missing. Pure: records
 * and what ClickHouse holds come in, in whatever order a reader of several topics meets them.
 *
 * FC1  Order holds within a partition, and nowhere else. An outcome may be met before the read it belongs to, for it became visible
 *      a moment after it, and another fetch brought it: it is kept until its read comes.
 * FC2  What is counted follows from the set of records, not from when they were met: at the end of two runs that met the same
 *      records the same is missing.
 * FC3  A read that is there twice has one outcome: the second takes the first one's. (That it is twice there is the verdict's to say.)
 */
import { PassingOutcome, Standing, TimingMessage } from "../../schemas/index.ts";
import type { LogRecord } from "./log-reader.ts";

export const PASSINGS = "passings";
export const OUTCOMES = "passing-outcomes";
export const STANDINGS = "standings";

/** Said of a partition in which no read was sent since the moment asked about. */
export const NO_READ = "a new read";

/** Where the first outcome of a read stands. */
interface Place {
  readonly partition: number;
  readonly offset: number;
}

interface Read {
  readonly id: string;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** How far a partition of reads has come: all before these have an outcome, have a row. */
interface Done {
  outcomes: number;
  rows: number;
}

/** Ages of the oldest read that has no outcome, and that has no row, as of a moment; 0: none. */
export interface Lags {
  readonly lagMs: number;
  readonly rowLagMs: number;
}

export class FlowCounts {
  /** In the order of each partition of the reads. */
  readonly #reads: Read[][] = [];
  readonly #done: Done[] = [];
  readonly #ids = new Set<string>();
  /** The first outcome of each read, also of those that were not met yet (FC1). */
  readonly #places = new Map<string, Place>();
  /** By partition of the outcomes: the highest offset in ClickHouse. */
  #rowOffsets: ReadonlyMap<number, number> = new Map();
  #sent = 0;
  #outcomes = 0;
  #boardClockMs = -1;

  get sent(): number {
    return this.#sent;
  }

  /** Different reads that were met and have an outcome. */
  get outcomes(): number {
    return this.#outcomes;
  }

  /** @throws where the record cannot be decoded */
  take({ topic, partition, offset, timestampMs, value }: LogRecord): void {
    if (value === null) return;
    switch (topic) {
      case PASSINGS: {
        const { read, receivedMs } = TimingMessage.decode(value, 0, value.length);
        if (read === null) return;
        this.#sent++;
        while (this.#reads.length <= partition) {
          this.#reads.push([]);
          this.#done.push({ outcomes: 0, rows: 0 });
        }
        this.#reads[partition]!.push({ id: read.id, sentMs: timestampMs, receivedMs });
        if (this.#ids.has(read.id)) return; // FC3
        this.#ids.add(read.id);
        if (this.#places.has(read.id)) this.#outcomes++; // FC1
        return;
      }
      case OUTCOMES: {
        const { id } = PassingOutcome.decode(value, 0, value.length);
        if (this.#places.has(id)) return;
        this.#places.set(id, { partition, offset });
        if (this.#ids.has(id)) this.#outcomes++;
        return;
      }
      case STANDINGS: {
        const asOfMs = Standing.decode(value, 0, value.length).asOfS * 1000;
        if (asOfMs > this.#boardClockMs) this.#boardClockMs = asOfMs;
      }
    }
  }

  /** @param offsets the highest offset of outcomes in ClickHouse, by partition */
  tookRows(offsets: ReadonlyMap<number, number>): void {
    this.#rowOffsets = offsets;
  }

  /**
   * What has not come of the first read sent since a moment, in any partition; undefined: all of it has.
   * @param told the race's clock as each spectator knows it, milliseconds
   */
  missingSince(
    sinceMs: number,
    told: Iterable<{ readonly name: string; readonly clockMs: number }>,
  ): string | undefined {
    if (this.#reads.length === 0) return NO_READ;
    let clockMs = -1;
    for (const [partition, reads] of this.#reads.entries()) {
      const read = firstSince(reads, sinceMs);
      if (read === undefined) return NO_READ;
      if (!this.#places.has(read.id)) return `outcomes of ${PASSINGS} partition ${partition}`;
      if (!this.#hasRow(read)) return `rows of ${PASSINGS} partition ${partition} in ClickHouse`;
      clockMs = Math.max(clockMs, read.receivedMs);
    }
    if (this.#boardClockMs < clockMs) return "standings";
    for (const { name, clockMs: known } of told) if (known < clockMs) return `what ${name} is told`;
    return undefined;
  }

  lags(nowMs: number): Lags {
    let oldest = nowMs;
    let oldestRow = nowMs;
    for (const [partition, reads] of this.#reads.entries()) {
      const done = this.#done[partition]!;
      while (done.outcomes < reads.length && this.#places.has(reads[done.outcomes]!.id)) done.outcomes++;
      while (done.rows < done.outcomes && this.#hasRow(reads[done.rows]!)) done.rows++;
      if (done.outcomes < reads.length) oldest = Math.min(oldest, reads[done.outcomes]!.sentMs);
      if (done.rows < reads.length) oldestRow = Math.min(oldestRow, reads[done.rows]!.sentMs);
    }
    return { lagMs: nowMs - oldest, rowLagMs: nowMs - oldestRow };
  }

  /** Rows come in the order of each partition of the outcomes, which need not be the partition of the read. */
  #hasRow({ id }: Read): boolean {
    const place = this.#places.get(id);
    return place !== undefined && place.offset <= (this.#rowOffsets.get(place.partition) ?? -1);
  }
}

/** The first read sent at or after a moment; `reads` are in the order they were sent. */
function firstSince(reads: readonly Read[], sinceMs: number): Read | undefined {
  let [low, high] = [0, reads.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reads[middle]!.sentMs < sinceMs) low = middle + 1;
    else high = middle;
  }
  return reads[low];
}
