/**
 * Watches results flow from end to end: what the replay committed, what the job made of it, what is in ClickHouse, what
 * spectators were told. From it come throughput, lag, and how long after a fault everything flowed again.
 *
 * FL1  Recovered is: a read committed after the moment asked about has, in every partition, become an outcome and a row, has
 *      reached the board, and every spectator knows the time of it. The slowest counts.
 *
 * What is assumed of the order between topics: nothing (flow-counts.ts).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { FlowCounts, type Lags, NO_READ, OUTCOMES, PASSINGS, STANDINGS } from "./flow-counts.ts";
import type { Follower } from "./follower.ts";
import { type LogRecord, type LogTail, tailLog } from "./log-reader.ts";

export interface Sample extends Lags {
  /** Since the run began. */
  readonly atMs: number;
  /** Within the last second. */
  readonly sent: number;
  readonly outcomes: number;
  readonly rows: number;
}

const LOOK_EVERY_MS = 100;
const ROWS_EVERY_MS = 500;
const QUERY_MAX_MS = 5_000;

export class Flow {
  readonly samples: Sample[] = [];
  readonly #clickHouse: ClickHouseConnection;
  readonly #followers: readonly Follower[];
  readonly #counts = new FlowCounts();
  #rows = 0;
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
    return this.#counts.sent;
  }

  /** Reads that have an outcome. */
  get outcomes(): number {
    return this.#counts.outcomes;
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
      const missing = this.#counts.missingSince(sinceMs, this.#followers);
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

  #take(record: LogRecord): void {
    try {
      this.#counts.take(record);
    } catch {
      // A record that is bad on purpose: the verdict looks for its dead letter.
    }
  }

  async #watchRows(): Promise<void> {
    const { url, username, password, database } = this.#clickHouse;
    const query = `SELECT kafka_partition, max(kafka_offset), count() FROM ${database}.${RESULT_TABLES[0]!.table} GROUP BY kafka_partition FORMAT TSV`;
    while (!this.#closed) {
      try {
        const answer = await fetch(url, {
          method: "POST",
          headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
          body: query,
          signal: AbortSignal.timeout(QUERY_MAX_MS),
        });
        if (answer.ok) {
          const lines = (await answer.text()).trim().split("\n").filter(Boolean);
          const rows = lines.map((line) => line.split("\t").map(Number) as [number, number, number]);
          this.#counts.tookRows(new Map(rows.map(([partition, offset]) => [partition, offset])));
          this.#rows = rows.reduce((sum, [, , count]) => sum + count, 0);
        }
      } catch {
        // It is away: that is what lag shows.
      }
      await sleep(ROWS_EVERY_MS);
    }
  }

  #sample(): void {
    const { sent, outcomes } = this.#counts;
    this.samples.push({
      atMs: this.nowMs,
      sent: sent - this.#last.sent,
      outcomes: outcomes - this.#last.outcomes,
      rows: this.#rows - this.#last.rows,
      ...this.#counts.lags(Date.now()),
    });
    this.#last = { sent, outcomes, rows: this.#rows };
  }
}
