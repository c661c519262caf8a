/** What operators watch of the sink, by table. Times are seconds, as Prometheus has it. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export class SinkMetrics {
  readonly #rows: Counter<"table">;
  readonly #seconds: Histogram<"table">;
  readonly #failures: Counter<"table">;
  readonly #deadLetters: Counter<"table">;
  readonly #away: Gauge<"table">;

  constructor(registry: Registry = new Registry()) {
    const registers = [registry];
    const labelNames = ["table"] as const;
    this.#rows = new Counter({
      name: "pacestream_clickhouse_rows_total",
      help: "rows inserted into ClickHouse",
      labelNames,
      registers,
    });
    this.#seconds = new Histogram({
      name: "pacestream_clickhouse_insert_seconds",
      help: "duration of one insert",
      labelNames,
      registers,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    });
    this.#failures = new Counter({
      name: "pacestream_clickhouse_failures_total",
      help: "requests to ClickHouse that failed and are made again",
      labelNames,
      registers,
    });
    this.#deadLetters = new Counter({
      name: "pacestream_clickhouse_dead_letters_total",
      help: "result records that are no value of their schema and were set apart",
      labelNames,
      registers,
    });
    this.#away = new Gauge({
      name: "pacestream_clickhouse_away",
      help: "1 while ClickHouse does not take rows",
      labelNames,
      registers,
    });
  }

  inserted(table: string, rows: number, seconds: number): void {
    this.#rows.inc({ table }, rows);
    this.#seconds.observe({ table }, seconds);
  }

  failed(table: string): void {
    this.#failures.inc({ table });
  }

  deadLetters(table: string, count: number): void {
    this.#deadLetters.inc({ table }, count);
  }

  away(table: string, away: boolean): void {
    this.#away.set({ table }, away ? 1 : 0);
  }
}
