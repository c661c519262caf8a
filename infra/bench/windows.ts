/**
 * `npm run bench -- windows`: readings of a topic in windows of ten seconds, exactly once, as fast as it goes; our engine, the
 * peers and the raw loop take turns on the same topics.
 */
import { type Engine, orderOfRound } from "./engines.ts";
import type { PeersBench, Row } from "./peers-bench.ts";
import { measureRawLoop } from "./raw-loop.ts";
import type { Column, Comparison, Measured } from "./report.ts";

export interface WindowsOptions {
  readonly engines: readonly Engine[];
  readonly rounds: number;
  readonly parallelism: number;
  readonly commitMs: number;
  /** Readings a record. */
  readonly batch: number;
  readonly readings: number;
  readonly progress: (line: string) => void;
}

export const WINDOWS_COLUMNS: readonly Column[] = [
  { key: "readingsPerS", title: "readings/s", digits: 0, compared: true },
  { key: "cpuSPerM", title: "CPU s/M", digits: 2, compared: true },
  { key: "wholeCpuSPerM", title: "with start", digits: 2 },
  { key: "brokerCpuSPerM", title: "broker CPU s/M", digits: 2 },
  { key: "peakMb", title: "peak MB", digits: 0, compared: true },
  { key: "firstOutputS", title: "first output s", digits: 1 },
  { key: "strangersCores", title: "strangers' cores", digits: 2 },
];

export async function benchWindows(bench: PeersBench, options: WindowsOptions): Promise<Comparison> {
  const { engines, rounds, parallelism, commitMs, batch, readings, progress } = options;
  const topic = `bench.readings.k${batch}.${readings}`;
  const expected = await bench.topic(topic, batch, readings);
  const measured: Measured[] = [];
  const done = (one: Measured) => {
    measured.push(one);
    const { engine, round, values, wrong } = one;
    progress(
      `${engine}, round ${round + 1} of ${rounds}: ${Math.round(values.readingsPerS ?? 0)} readings/s, ` +
        `${values.cpuSPerM?.toFixed(2) ?? "-"} CPU s/M${wrong.map((reason) => `, WRONG: ${reason}`).join("")}`,
    );
  };
  for (let round = 0; round < rounds; round++) {
    done(
      await measureRawLoop(round, {
        bootstrap: bench.bootstrap,
        topic,
        parallelism,
        brokerPid: bench.brokerPid,
        expected: { readings: Number(expected.readings), sumHr: Number(expected.sumHr) },
        flushMs: Number(expected.flushTs),
      }),
    );
    for (const engine of orderOfRound(engines, round)) {
      const env = {
        BENCH_P: String(parallelism),
        BENCH_COMMIT_MS: String(commitMs),
        BENCH_GUARANTEE: "eo",
      };
      done(windowsMeasured(engine.name, round, await bench.windows(engine, topic, env)));
    }
  }
  return {
    work: "windows",
    input: `${batch === 1 ? "one reading" : `${batch} readings`} a record, ${expected.readings} readings, exactly once`,
    columns: WINDOWS_COLUMNS,
    measured,
  };
}

/** From a row of the runner (`peers/README.md`). */
export function windowsMeasured(engine: string, round: number, row: Row): Measured {
  const wrong = [
    ...(row.died === "true" ? ["the engine ended by itself, see its log"] : []),
    ...["windows_missing", "duplicates", "late_dropped"]
      .filter((what) => row[what] !== "0")
      .map((what) => `${what} ${row[what]}`),
  ];
  if (wrong.length === 0 && row.ok !== "true") wrong.push("sums differ from the input's");
  return {
    engine,
    round,
    values: numbers({
      readingsPerS: row.steady_rps,
      cpuSPerM: row.cpu_s_per_M_steady,
      wholeCpuSPerM: row.cpu_s_per_M_total,
      brokerCpuSPerM: row.broker_cpu_s_per_M,
      peakMb: row.peak_rss_mb,
      firstOutputS: row.first_output_s,
      strangersCores: row.other_cores,
    }),
    wrong,
  };
}

/** Those that are numbers: the runner writes `NaN` and `-` for what it could not measure. */
export function numbers(values: Readonly<Record<string, string | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values)
      .map(([key, text]): [string, number] => [key, Number(text)])
      .filter(([, value]) => Number.isFinite(value)),
  );
}
