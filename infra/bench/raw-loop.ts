/** Measures the raw loop (`raw-loop/`), as the peers' runner measures an engine: CPU from /proc, the middle of the run. */
import { join } from "node:path";
import { startCommand } from "./process-tree.ts";
import { cpuSeconds, machineCpuSeconds, peakMemoryMb } from "./processes.ts";
import type { Counts } from "./raw-loop/counts.ts";
import type { Measured } from "./report.ts";

export const RAW_LOOP = "raw loop";

export interface RawLoopOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly parallelism: number;
  readonly brokerPid: number;
  /** Totals that it has to find. */
  readonly expected: Counts;
  readonly flushMs: number;
}

interface Sample {
  readonly atS: number;
  readonly readings: number;
  readonly cpuS: number;
  readonly brokerS: number;
  readonly machineS: number;
}

export async function measureRawLoop(round: number, options: RawLoopOptions): Promise<Measured> {
  const { bootstrap, topic, parallelism, brokerPid, expected, flushMs } = options;
  const samples: Sample[] = [];
  let peakMb = 0;
  let counts: Counts = { readings: 0, sumHr: 0 };
  const loop = startCommand([process.execPath, join(import.meta.dirname, "raw-loop/index.ts")], {
    cwd: import.meta.dirname,
    env: {
      BENCH_BOOTSTRAP: bootstrap,
      BENCH_IN: topic,
      BENCH_P: String(parallelism),
      BENCH_FLUSH_MS: String(flushMs),
    },
    onLine: (line) => {
      counts = JSON.parse(line) as Counts;
      try {
        samples.push({
          atS: performance.now() / 1000,
          readings: counts.readings,
          cpuS: cpuSeconds(loop.pid),
          brokerS: cpuSeconds(brokerPid),
          machineS: machineCpuSeconds(),
        });
        peakMb = Math.max(peakMb, peakMemoryMb(loop.pid));
      } catch {
        // It has ended since it wrote the line.
      }
    },
  });
  await loop.ended;
  const wrong = (["readings", "sumHr"] as const)
    .filter((what) => counts[what] !== expected[what])
    .map((what) => `${what} ${counts[what]}, expected ${expected[what]}`);
  const at = (share: number) => samples.find(({ readings }) => readings >= share * expected.readings);
  const [from, to] = [at(0.1), at(0.9)];
  if (!from || !to || from === to)
    return { engine: RAW_LOOP, round, values: {}, wrong: [...wrong, "too few readings to measure"] };
  const seconds = to.atS - from.atS;
  const millions = (to.readings - from.readings) / 1e6;
  const cpuS = to.cpuS - from.cpuS;
  const brokerS = to.brokerS - from.brokerS;
  return {
    engine: RAW_LOOP,
    round,
    values: {
      readingsPerS: (millions * 1e6) / seconds,
      cpuSPerM: cpuS / millions,
      brokerCpuSPerM: brokerS / millions,
      peakMb,
      strangersCores: (to.machineS - from.machineS - cpuS - brokerS) / seconds,
    },
    wrong,
  };
}
