/** From a run that fails to one with fewer faults and fewer input records that still fails. */
import { type RunOptions, type RunResult, runSeed, type SimulatedJob } from "./run.ts";

export interface Shrunk {
  /** What to run to see it again. */
  readonly options: RunOptions & {
    readonly faults: ReadonlySet<number>;
    readonly records: ReadonlySet<number>;
  };
  readonly result: RunResult;
}

const RUNS_MAX = 150;

/** @param failed the result of the run under `options` */
export async function shrink(
  simulated: SimulatedJob,
  options: RunOptions,
  failed: RunResult,
): Promise<Shrunk> {
  let faults = [...(options.faults ?? failed.faults.keys())];
  let records = [...(options.records ?? Array(failed.records).keys())];
  let result = failed;
  let runs = 0;
  const kind = kindOf(failed.violations[0]!);
  const stillFails = async (someFaults: number[], someRecords: number[]): Promise<boolean> => {
    if (runs++ >= RUNS_MAX) return false;
    const tried = await runSeed(simulated, {
      ...options,
      faults: new Set(someFaults),
      records: new Set(someRecords),
    });
    if (!tried.violations.some((violation) => kindOf(violation) === kind)) return false;
    result = tried;
    return true;
  };
  faults = await smaller(faults, (some) => stillFails(some, records));
  records = await smaller(records, (some) => stillFails(faults, some));
  faults = await smaller(faults, (some) => stillFails(some, records));
  return { options: { ...options, faults: new Set(faults), records: new Set(records) }, result };
}

/** What is left must fail for the same reason, not for that of a smaller input. */
function kindOf(violation: string): string {
  return violation.split(":")[0]!.replace(/[-\d.]+/g, "#");
}

/** Leaves out ever smaller pieces of a list as long as what is left still fails. */
async function smaller(list: number[], fails: (some: number[]) => Promise<boolean>): Promise<number[]> {
  let kept = list;
  for (let piece = Math.ceil(kept.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < kept.length; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + piece)];
      if (await fails(without)) kept = without;
      else at += piece;
    }
  }
  return kept;
}
