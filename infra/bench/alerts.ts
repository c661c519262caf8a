/**
 * `npm run bench -- alerts`: readings sent at a steady rate, and how long after each an alert can be read, committed; our
 * engine and the peers take turns.
 */
import { cpus } from "node:os";
import { type Engine, orderOfRound } from "./engines.ts";
import type { PeersBench, Row } from "./peers-bench.ts";
import type { Column, Comparison, Measured } from "./report.ts";
import { numbers } from "./windows.ts";

export type Guarantee = "eo" | "alo";

export interface AlertsOptions {
  readonly engines: readonly Engine[];
  readonly rounds: number;
  readonly parallelism: number;
  readonly commitMs: number;
  readonly guarantee: Guarantee;
  /** Readings a second. */
  readonly rate: number;
  /** Measured; ten more are sent first. */
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

export const ALERTS_COLUMNS: readonly Column[] = [
  { key: "p50Ms", title: "p50 ms", digits: 0, compared: true },
  { key: "p99Ms", title: "p99 ms", digits: 0, compared: true },
  { key: "maxMs", title: "max ms", digits: 0 },
  { key: "p50DueMs", title: "p50 due", digits: 0 },
  { key: "p99DueMs", title: "p99 due", digits: 0 },
  { key: "cpuSPerM", title: "CPU s/M", digits: 2, compared: true },
  { key: "brokerCpuSPerM", title: "broker CPU s/M", digits: 2 },
  { key: "peakMb", title: "peak MB", digits: 0, compared: true },
  { key: "firstAlertS", title: "first alert s", digits: 2, compared: true },
  { key: "strangersCores", title: "sender's and strangers' cores", digits: 2 },
];

/** Flink hands over a buffer after this time even when it is not full; its own default is made for throughput. */
const FLINK_BUFFER_MS = "5";

export async function benchAlerts(bench: PeersBench, options: AlertsOptions): Promise<Comparison> {
  const { engines, rounds, parallelism, commitMs, guarantee, rate, seconds, progress } = options;
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const engine of orderOfRound(engines, round)) {
      const row = await bench.alerts(engine, rate, seconds, {
        BENCH_P: String(parallelism),
        BENCH_COMMIT_MS: String(commitMs),
        BENCH_GUARANTEE: guarantee,
        BENCH_BUFFER_MS: FLINK_BUFFER_MS,
      });
      const one = alertsMeasured(engine.name, round, rate, guarantee, row);
      measured.push(one);
      progress(
        `${engine.name}, round ${round + 1} of ${rounds}: p50 ${one.values.p50Ms ?? "-"}, p99 ${one.values.p99Ms ?? "-"} ms` +
          one.wrong.map((reason) => `, WRONG: ${reason}`).join(""),
      );
    }
  }
  const how = guarantee === "eo" ? "exactly once" : "at least once";
  return {
    work: "alerts",
    input: `${rate} readings/s for ${seconds} s, ${how}, commits ${commitMs} ms apart at most`,
    columns: ALERTS_COLUMNS,
    measured,
  };
}

/** From a row of the runner (`peers/README.md`). */
export function alertsMeasured(
  engine: string,
  round: number,
  rate: number,
  guarantee: Guarantee,
  row: Row,
): Measured {
  const wrong: string[] = [];
  if (row.died === "true") wrong.push("the engine ended by itself, see its log");
  if (!(Number(row.samples) > 0)) wrong.push("no alert in the measured time");
  if (row.alerts_missing !== "0") wrong.push(`alerts_missing ${row.alerts_missing}`);
  if (guarantee === "eo" && row.duplicates !== "0") wrong.push(`duplicates ${row.duplicates}`);
  const cores = numbers({ engine: row.engine_cores, broker: row.broker_cores, idle: row.idle_cores });
  const perM = (busy: number | undefined) => (busy === undefined ? undefined : String((busy * 1e6) / rate));
  const { engine: ours, broker, idle } = cores;
  const measurable = Number(row.samples) > 0;
  return {
    engine,
    round,
    values: measurable
      ? numbers({
          p50Ms: row.p50_ms,
          p99Ms: row.p99_ms,
          maxMs: row.max_ms,
          p50DueMs: row.p50_due_ms,
          p99DueMs: row.p99_due_ms,
          cpuSPerM: perM(ours),
          brokerCpuSPerM: perM(broker),
          peakMb: row.peak_rss_mb,
          firstAlertS: row.start_to_first_alert_s,
          strangersCores: String(cpus().length - (ours ?? NaN) - (broker ?? NaN) - (idle ?? NaN)),
        })
      : {},
    wrong,
  };
}
