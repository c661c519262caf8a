/** What operators watch of the runtime: Prometheus metrics by job, stage and slot. Times are seconds, as Prometheus has it. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { TaskStatus } from "../worker/messages.ts";

const LABELS = ["job", "stage", "slot"] as const;

export interface TaskLabels {
  readonly job: string;
  readonly stage: string;
  readonly slot: number;
}

export class RuntimeMetrics {
  readonly #recordsIn: Counter<"job" | "stage" | "slot">;
  readonly #recordsOut: Counter<"job" | "stage" | "slot">;
  readonly #deadLetters: Counter<"job" | "stage" | "slot">;
  readonly #late: Counter<"job" | "stage" | "slot">;
  readonly #restarts: Counter<"job" | "stage" | "slot">;
  readonly #isolated: Counter<"job" | "stage" | "slot">;
  readonly #lag: Gauge<"job" | "stage" | "slot">;
  readonly #watermarkDelay: Gauge<"job" | "stage" | "slot">;
  readonly #epochDuration: Histogram<"job" | "stage" | "slot">;
  readonly #epochBytes: Histogram<"job" | "stage" | "slot">;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = LABELS;
    this.#recordsIn = new Counter({
      name: "pacestream_records_in_total",
      help: "records read from inputs",
      labelNames,
      registers,
    });
    this.#recordsOut = new Counter({
      name: "pacestream_records_out_total",
      help: "records written to exchanges and sinks",
      labelNames,
      registers,
    });
    this.#deadLetters = new Counter({
      name: "pacestream_dead_letters_total",
      help: "records that went to the dead-letter topic",
      labelNames,
      registers,
    });
    this.#late = new Counter({
      name: "pacestream_late_records_total",
      help: "records that came too late for their window",
      labelNames,
      registers,
    });
    this.#restarts = new Counter({
      name: "pacestream_task_restarts_total",
      help: "times a task was started again after a failure",
      labelNames,
      registers,
    });
    this.#isolated = new Counter({
      name: "pacestream_isolated_total",
      help: "records and timers set apart because they took their task down",
      labelNames,
      registers,
    });
    this.#lag = new Gauge({
      name: "pacestream_lag_records",
      help: "records in the inputs not processed yet",
      labelNames,
      registers,
    });
    this.#watermarkDelay = new Gauge({
      name: "pacestream_watermark_delay_seconds",
      help: "how far the watermark is behind the highest event time seen; 0 where it is ahead",
      labelNames,
      registers,
    });
    this.#epochDuration = new Histogram({
      name: "pacestream_epoch_commit_seconds",
      help: "from the end of an epoch in the worker to its commit in Kafka",
      labelNames,
      registers,
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    });
    this.#epochBytes = new Histogram({
      name: "pacestream_epoch_bytes",
      help: "what an epoch writes, state and outputs",
      labelNames,
      registers,
      buckets: [1e3, 1e4, 1e5, 1e6, 4e6, 1.6e7],
    });
  }

  restarted(labels: TaskLabels): void {
    this.#restarts.inc({ ...labels });
  }

  isolated(labels: TaskLabels): void {
    this.#isolated.inc({ ...labels });
  }

  epoch(labels: TaskLabels, durationMs: number, bytes: number): void {
    this.#epochDuration.observe({ ...labels }, durationMs / 1000);
    this.#epochBytes.observe({ ...labels }, bytes);
  }

  /** A reporter for one run of one task: its counters start at 0 and only grow. */
  task(labels: TaskLabels): (status: TaskStatus) => void {
    const seen = { recordsIn: 0, recordsOut: 0, deadLetters: 0, late: 0 };
    const by = { ...labels };
    return ({ counters, lag, watermarkDelayMs }) => {
      this.#recordsIn.inc(by, counters.recordsIn - seen.recordsIn);
      this.#recordsOut.inc(by, counters.recordsOut - seen.recordsOut);
      this.#deadLetters.inc(by, counters.deadLetters - seen.deadLetters);
      this.#late.inc(by, counters.late - seen.late);
      Object.assign(seen, counters);
      this.#lag.set(by, lag);
      if (watermarkDelayMs !== undefined) this.#watermarkDelay.set(by, watermarkDelayMs / 1000);
    };
  }

  /** The task has left this node: its gauges would stand still. */
  gone(labels: TaskLabels): void {
    this.#lag.remove({ ...labels });
    this.#watermarkDelay.remove({ ...labels });
  }
}
