/**
 * Watches results flow from end to end: what the replay committed, what the job made of it, what is in ClickHouse, what
 * spectators were told. From it come throughput, lag, and how long after a fault everything flowed again.
 *
 * FL1  Recovered is: a read committed after the moment asked about has, in every partition, become an outcome and a row, has
 *      reached the board, and every spectator knows the time of it. The slowest counts.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { PassingOutcome, Standing, TimingMessage } from "../../schemas/index.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import type { Follower } from "./follower.ts";
import { type LogRecord, type LogTail, tailLog } from "./log-reader.ts";

export interface Sample {
  /** Since the run began. */
  readonly atMs: number;
  /** Within the last second. */
  readonly sent: number;
  readonly outcomes: number;
  readonly rows: number;
  /** Age of the oldest read that has no outcome yet; 0: none. */
  readonly lagMs: number;
  /** The same for rows in ClickHouse. */
  readonly rowLagMs: number;
}

interface Read {
  readonly partition: number;
  readonly sentMs: number;
  readonly receivedMs: number;
  /** Offset of its first outcome; -1: none yet. */
  outcome: number;
}

const PASSINGS = "passings";
const OUTCOMES = "passing-outcomes";
const STANDINGS = "standings";
const LOOK_EVERY_MS = 100;
const ROWS_EVERY_MS = 500;
const QUERY_MAX_MS = 5_000;

export class Flow {
  readonly samples: Sample[] = [];
  readonly #clickHouse: ClickHouseConnection;
  readonly #followers: readonly Follower[];
  readonly #byId = new Map<string, Read>();
  /** In the order of each partition of `passings`. */
  readonly #reads: Read[][] = [];
  /** Of each partition: reads before this have an outcome; have a row. */
  readonly #outcomesTo: number[] = [];
  readonly #rowsTo: number[] = [];
  /** By partition of the outcomes: the highest offset in ClickHouse. */
  #rowOffsets = new Map<number, number>();
  #outcomes = 0;
  #rows = 0;
  #sent = 0;
  #boardClockMs = -1;
  #last = { sent: 0, outcomes: 0, rows: 0 };
  #tail: LogTail | undefined;
  #closed = false;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #startedMs = Date.now();

  constructor(clickHouse: ClickHouseConnection, followers: readonly Follower[]) {
    this.#clickHouse = clickHouse;
    this.#followers = followers;
  }

  async open(kafka: KafkaConnection): Promise<void> {
    this.#tail = await tailLog(kafka, [PASSINGS, OUTCOMES, STANDINGS], (record) => this.#take(record));
    this.#timers.push(setInterval(() => this.#sample(), 1_000));
    void this.#watchRows();
  }

  get sent(): number {
    return this.#sent;
  }

  /** Reads that have an outcome. */
  get outcomes(): number {
    return this.#outcomes;
  }

  get rows(): number {
    return this.#rows;
  }

  get nowMs(): number {
    return Date.now() - this.#startedMs;
  }

  /**
   * How long after `sinceMs` (Unix) everything flowed again (FL1).
   * @returns milliseconds; `load-ended` when no read was sent after it; or what does not flow after `maxMs`.
   */
  async recovery(
    sinceMs: number,
    maxMs: number,
    signal: AbortSignal,
    loadEnded: () => boolean,
  ): Promise<number | "load-ended" | { readonly missing: string }> {
    for (;;) {
      const missing = this.#missingSince(sinceMs);
      const nowMs = Date.now();
      if (missing === undefined) return nowMs - sinceMs;
      if (missing === NO_READ && loadEnded()) return "load-ended";
      if (nowMs - sinceMs > maxMs || signal.aborted) return { missing };
      await sleep(LOOK_EVERY_MS);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#tail?.close();
  }

  #missingSince(sinceMs: number): string | undefined {
    let clockMs = -1;
    for (const [partition, reads] of this.#reads.entries()) {
      const read = firstSince(reads, sinceMs);
      if (read === undefined) return NO_READ;
      if (read.outcome < 0) return `outcomes of ${PASSINGS} partition ${partition}`;
      if (read.outcome > (this.#rowOffsets.get(read.partition) ?? -1))
        return `rows of ${OUTCOMES} partition ${partition} in ClickHouse`;
      clockMs = Math.max(clockMs, read.receivedMs);
    }
    if (this.#reads.length === 0) return NO_READ;
    if (this.#boardClockMs < clockMs) return "standings";
    const behind = this.#followers.find((follower) => follower.clockMs < clockMs);
    return behind && `what the spectator ${behind.name} is told`;
  }

  #take(record: LogRecord): void {
    try {
      this.#count(record);
    } catch {
      // A record that is bad on purpose: the verdict looks for its dead letter.
    }
  }

  #count({ topic, partition, offset, timestampMs, value }: LogRecord): void {
    if (value === null) return;
    switch (topic) {
      case PASSINGS: {
        const { read, receivedMs } = TimingMessage.decode(value, 0, value.length);
        if (read === null) return;
        const entry = { partition, sentMs: timestampMs, receivedMs, outcome: -1 };
        this.#sent++;
        this.#byId.set(read.id, entry);
        while (this.#reads.length <= partition) this.#reads.push([]);
        this.#reads[partition]!.push(entry);
        return;
      }
      case OUTCOMES: {
        const entry = this.#byId.get(PassingOutcome.decode(value, 0, value.length).id);
        if (entry === undefined || entry.outcome >= 0) return;
        entry.outcome = offset;
        this.#outcomes++;
        return;
      }
      case STANDINGS: {
        const asOfMs = Standing.decode(value, 0, value.length).asOfS * 1000;
        if (asOfMs > this.#boardClockMs) this.#boardClockMs = asOfMs;
      }
    }
  }

  async #watchRows(): Promise<void> {
    const { url, database } = this.#clickHouse;
    const query = `SELECT kafka_partition, max(kafka_offset), count() FROM ${database}.${RESULT_TABLES[0]!.table} GROUP BY kafka_partition FORMAT TSV`;
    while (!this.#closed) {
      try {
        const answer = await fetch(url, {
          method: "POST",
          body: query,
          signal: AbortSignal.timeout(QUERY_MAX_MS),
        });
        if (answer.ok) {
          const lines = (await answer.text()).trim().split("\n").filter(Boolean);
          const rows = lines.map((line) => line.split("\t").map(Number) as [number, number, number]);
          this.#rowOffsets = new Map(rows.map(([partition, offset]) => [partition, offset]));
          this.#rows = rows.reduce((sum, [, , count]) => sum + count, 0);
        }
      } catch {
        // It is away: that is what lag shows.
      }
      await sleep(ROWS_EVERY_MS);
    }
  }

  #sample(): void {
    const nowMs = Date.now();
    let oldest = nowMs;
    let oldestRow = nowMs;
    for (const [partition, reads] of this.#reads.entries()) {
      let to = this.#outcomesTo[partition] ?? 0;
      while (to < reads.length && reads[to]!.outcome >= 0) to++;
      this.#outcomesTo[partition] = to;
      if (to < reads.length) oldest = Math.min(oldest, reads[to]!.sentMs);
      let rows = this.#rowsTo[partition] ?? 0;
      const inClickHouse = this.#rowOffsets.get(partition) ?? -1;
      while (rows < to && reads[rows]!.outcome <= inClickHouse) rows++;
      this.#rowsTo[partition] = rows;
      if (rows < reads.length) oldestRow = Math.min(oldestRow, reads[rows]!.sentMs);
    }
    this.samples.push({
      atMs: this.nowMs,
      sent: this.#sent - this.#last.sent,
      outcomes: this.#outcomes - this.#last.outcomes,
      rows: this.#rows - this.#last.rows,
      lagMs: nowMs - oldest,
      rowLagMs: nowMs - oldestRow,
    });
    this.#last = { sent: this.#sent, outcomes: this.#outcomes, rows: this.#rows };
  }
}

const NO_READ = "a new read";

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
