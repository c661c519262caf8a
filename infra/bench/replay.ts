/**
 * `npm run bench -- leaderboard`: a race at top speed through everything, from the first read sent to the last row in ClickHouse,
 * and which part took how much of the CPU.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../acceptance/program.ts";
import type { Summary } from "../cli/once.ts";
import { cpuByThread, cpuSeconds, machineCpuSeconds, peakMemoryMb } from "./processes.ts";

export interface ReplayBench extends Pick<Summary, "race" | "passings" | "seconds" | "passingsPerSecond"> {
  /** From the first read sent to the last one acknowledged. */
  readonly sentAfterS: number;
  readonly cpuS: {
    readonly program: number;
    /** Of the program, by thread: main, workers, the Kafka client's. */
    readonly programThreads: Readonly<Record<string, number>>;
    readonly kafka: number;
    readonly clickHouse: number;
    /** The rest of the machine: other people's work makes a run noisy. */
    readonly others: number;
  };
  readonly peakMemoryMb: { readonly program: number; readonly kafka: number; readonly clickHouse: number };
}

export async function benchReplay(folder: string): Promise<ReplayBench> {
  const dataDir = mkdtempSync(join(tmpdir(), "pacestream-bench-"));
  const program = new Program(["--race", folder, "--speed", "max", "--once", "--keep", "--data", dataDir]);
  try {
    await program.line((line) => line.startsWith("Replaying"));
    const { kafka, clickHouse } = program.services();
    if (!kafka || !clickHouse)
      throw new Error("the benchmark measures embedded services: unset KAFKA_BROKERS and CLICKHOUSE_URL");
    const pids = { program: program.pid, kafka, clickHouse };
    const threads = cpuByThread(pids.program);
    const before = {
      program: cpuSeconds(pids.program),
      kafka: cpuSeconds(kafka),
      clickHouse: cpuSeconds(clickHouse),
      machine: machineCpuSeconds(),
    };
    const began = performance.now();
    await program.line((line) => line.includes("is replayed"));
    const sentAfterS = (performance.now() - began) / 1000;
    const { race, passings, seconds, passingsPerSecond } = await program.summary();
    const spent = (pid: number, from: number) => round(cpuSeconds(pid) - from);
    const cpuS = {
      program: spent(pids.program, before.program),
      kafka: spent(kafka, before.kafka),
      clickHouse: spent(clickHouse, before.clickHouse),
    };
    const machine = machineCpuSeconds() - before.machine;
    return {
      race,
      passings,
      seconds,
      passingsPerSecond,
      sentAfterS: round(sentAfterS),
      cpuS: {
        ...cpuS,
        programThreads: Object.fromEntries(
          [...cpuByThread(pids.program)]
            .map(([name, total]): [string, number] => [name, round(total - (threads.get(name) ?? 0))])
            .filter(([, spentS]) => spentS >= 0.1)
            .sort(([, a], [, b]) => b - a),
        ),
        others: round(machine - cpuS.program - cpuS.kafka - cpuS.clickHouse),
      },
      peakMemoryMb: {
        program: peakMemoryMb(pids.program),
        kafka: peakMemoryMb(kafka),
        clickHouse: peakMemoryMb(clickHouse),
      },
    };
  } finally {
    if (!program.ended) await program.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function describeReplay(bench: ReplayBench): string {
  const { cpuS } = bench;
  const all = cpuS.program + cpuS.kafka + cpuS.clickHouse;
  const share = (seconds: number) =>
    `${seconds.toFixed(1).padStart(7)} s ${String(Math.round((100 * seconds) / all)).padStart(4)} %`;
  return [
    `${bench.race}: ${bench.passings} passings in ${bench.seconds.toFixed(1)} s, ${bench.passingsPerSecond}/s; all sent after ${bench.sentAfterS.toFixed(1)} s`,
    `  CPU, ${((1e6 * all) / bench.passings).toFixed(0)} µs a passing     peak memory`,
    `  program    ${share(cpuS.program)}   ${bench.peakMemoryMb.program} MB`,
    ...Object.entries(cpuS.programThreads).map(
      ([name, seconds]) => `    ${name.padEnd(16)} ${seconds.toFixed(1).padStart(5)} s`,
    ),
    `  Kafka      ${share(cpuS.kafka)}   ${bench.peakMemoryMb.kafka} MB`,
    `  ClickHouse ${share(cpuS.clickHouse)}   ${bench.peakMemoryMb.clickHouse} MB`,
    `  others     ${cpuS.others.toFixed(1).padStart(7)} s  (not ours)`,
  ].join("\n");
}

const round = (seconds: number): number => Math.round(seconds * 100) / 100;
