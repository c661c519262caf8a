/** Many jobs, in several processes. A job that does not end is a failure like any other: its process is ended, and another begun. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { BugName } from "../planted.ts";
import type { Subset } from "../subset.ts";
import type { Order, Ran, Report } from "./messages.ts";

export interface Totals {
  jobs: number;
  records: number;
  outputs: number;
  undetermined: number;
  refused: number;
  readonly failures: { readonly seed: number; readonly differences: readonly string[] }[];
}

export interface ManyOptions {
  readonly from: number;
  readonly jobs: number;
  readonly processes: number;
  readonly bug: BugName | undefined;
  /** Ends early once so many jobs have failed. */
  readonly failuresMax: number;
  readonly onProgress?: (totals: Totals) => void;
}

const SEEDS_AT_ONCE = 20;
/** No job takes a hundredth of that, be the machine ever so busy. */
const ENDLESS_AFTER_MS = 30_000;
export const ENDLESS = `it does not end: stopped after ${ENDLESS_AFTER_MS / 1000} s`;

export async function runMany(options: ManyOptions): Promise<Totals> {
  const totals: Totals = { jobs: 0, records: 0, outputs: 0, undetermined: 0, refused: 0, failures: [] };
  const work: number[][] = [];
  const end = options.from + options.jobs;
  for (let seed = options.from; seed < end; seed += SEEDS_AT_ONCE)
    work.push(range(seed, Math.min(seed + SEEDS_AT_ONCE, end)));
  await Promise.all(range(0, options.processes).map(() => runAll(work, totals, options)));
  totals.failures.sort((a, b) => a.seed - b.seed);
  return totals;
}

/** What is to be said of a job. @param subset absent: it is shrunk */
export function tell(
  seed: number,
  subset: Subset | undefined,
  bug: BugName | undefined,
): Promise<{ readonly text: string; readonly fails: boolean }> {
  const child = start(bug);
  return new Promise((resolve, reject) => {
    child.once("message", (told: Extract<Report, { kind: "told" }>) => {
      child.disconnect();
      resolve(told);
    });
    child.once(
      "exit",
      (code) => code !== 0 && reject(new Error(`telling seed ${seed} ended with code ${code}`)),
    );
    child.send({ kind: "tell", seed, subset } satisfies Order);
  });
}

const start = (bug: BugName | undefined): ChildProcess =>
  fork(join(import.meta.dirname, "process.ts"), bug ? [bug] : [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });

/** One process after the other, as long as there is work. */
async function runAll(work: number[][], totals: Totals, options: ManyOptions): Promise<void> {
  const next = () => (totals.failures.length >= options.failuresMax ? undefined : work.shift());
  for (let seeds = next(); seeds; seeds = next()) {
    const endless = await runUntilEnd(seeds, next, totals, options);
    if (!endless) return;
    totals.jobs++;
    totals.failures.push({ seed: endless.seed, differences: [ENDLESS] });
    work.unshift(endless.left);
  }
}

/** @returns the job that did not end, and those that it kept from running; `undefined`: there is nothing left. */
function runUntilEnd(
  first: readonly number[],
  next: () => number[] | undefined,
  totals: Totals,
  { bug, onProgress }: ManyOptions,
): Promise<{ readonly seed: number; readonly left: number[] } | undefined> {
  const child = start(bug);
  return new Promise((resolve, reject) => {
    let running: readonly number[] = [];
    let watch: NodeJS.Timeout;
    const wait = () => {
      clearTimeout(watch);
      watch = setTimeout(() => {
        const [seed, ...left] = running;
        resolve({ seed: seed!, left });
        child.kill("SIGKILL");
      }, ENDLESS_AFTER_MS);
    };
    const give = (seeds: readonly number[]) => {
      running = seeds;
      child.send({ kind: "run", seeds } satisfies Order);
      wait();
    };
    child.on("message", (ran: Extract<Report, { kind: "ran" }>) => {
      wait();
      add(totals, ran);
      onProgress?.(totals);
      running = running.filter((seed) => seed !== ran.seed);
      if (!ran.last) return;
      const seeds = next();
      if (seeds) give(seeds);
      else child.disconnect();
    });
    child.once("exit", (code, signal) => {
      clearTimeout(watch);
      if (code === 0) resolve(undefined);
      else if (signal !== "SIGKILL")
        reject(new Error(`a process of the random jobs ended with code ${code} at seed ${running[0]}`));
    });
    give(first);
  });
}

function add(totals: Totals, { seed, records, outputs, undetermined, refused, differences }: Ran): void {
  totals.jobs++;
  totals.records += records;
  totals.outputs += outputs;
  if (undetermined) totals.undetermined++;
  if (refused) totals.refused++;
  if (differences.length > 0) totals.failures.push({ seed, differences });
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
