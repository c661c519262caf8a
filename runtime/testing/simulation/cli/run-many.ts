/** Many seeds, in several processes: one process is one thread, and the Kafka client's addon loads once in each. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { BugName } from "../bugs.ts";
import type { Mark } from "../marks.ts";
import type { Done, Work } from "./messages.ts";

export interface Totals {
  seeds: number;
  events: number;
  virtualMs: number;
  readonly byJob: Map<string, number>;
  readonly marks: Map<Mark, number>;
  readonly failures: {
    readonly job: string;
    readonly seed: number;
    readonly violations: readonly string[];
  }[];
}

export interface ManyOptions {
  readonly jobs: readonly string[];
  readonly from: number;
  readonly seeds: number;
  readonly processes: number;
  readonly bug: BugName | undefined;
  /** Ends early once so many seeds have failed. */
  readonly failuresMax: number;
  readonly onProgress: (totals: Totals) => void;
}

const SEEDS_AT_ONCE = 20;

/** Seeds go round the jobs: each seed is run with one of them. */
export async function runMany(options: ManyOptions): Promise<Totals> {
  const totals: Totals = {
    seeds: 0,
    events: 0,
    virtualMs: 0,
    byJob: new Map(),
    marks: new Map(),
    failures: [],
  };
  const work = workOf(options);
  await Promise.all(Array.from({ length: options.processes }, () => runProcess(work, totals, options)));
  totals.failures.sort((a, b) => a.seed - b.seed);
  return totals;
}

function workOf({ jobs, from, seeds, bug }: ManyOptions): Work[] {
  const byJob = jobs.map((): number[] => []);
  for (let seed = from; seed < from + seeds; seed++) byJob[seed % jobs.length]!.push(seed);
  const chunks = byJob.flatMap((all, index) => {
    const chunked: Work[] = [];
    for (let at = 0; at < all.length; at += SEEDS_AT_ONCE)
      chunked.push({ job: jobs[index]!, seeds: all.slice(at, at + SEEDS_AT_ONCE), bug });
    return chunked;
  });
  return chunks.sort((a, b) => a.seeds[0]! - b.seeds[0]!);
}

function runProcess(work: Work[], totals: Totals, options: ManyOptions): Promise<void> {
  const child = fork(join(import.meta.dirname, "process.ts"), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  return new Promise((resolve, reject) => {
    const next = () => {
      const one = totals.failures.length >= options.failuresMax ? undefined : work.shift();
      if (one) child.send(one);
      else child.disconnect();
    };
    child.on("message", (done: Done) => {
      add(totals, done);
      options.onProgress(totals);
      next();
    });
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`a process of the simulation ended with code ${code}`)),
    );
    next();
  });
}

function add(totals: Totals, { job, seeds, events, virtualMs, marks, failures }: Done): void {
  totals.seeds += seeds;
  totals.events += events;
  totals.virtualMs += virtualMs;
  totals.byJob.set(job, (totals.byJob.get(job) ?? 0) + seeds);
  for (const [mark, times] of marks) totals.marks.set(mark, (totals.marks.get(mark) ?? 0) + times);
  for (const failure of failures) totals.failures.push({ job, ...failure });
}
