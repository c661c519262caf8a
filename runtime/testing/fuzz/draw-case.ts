/** A random case: a job, what comes in and what is done to it meanwhile, and how its work is cut. All from one seed. */
import { Random } from "../random.ts";
import { drawEdit } from "./draw-edit.ts";
import { drawJob } from "./draw-job.ts";
import { MISTAKES, type Mistake } from "./mistakes.ts";
import type { JobSpec } from "./spec.ts";
import { drawValue, type Temper, type V } from "./value.ts";

export type Action =
  | {
      readonly do: "send";
      readonly topic: string;
      readonly key: string;
      readonly value: V | "rubbish" | null;
    }
  /** Until nothing is left to do, or so many turns of all tasks. */
  | { readonly do: "run"; readonly turns?: number }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "restart" }
  /** The next version of the job. @see drawEdit */
  | { readonly do: "edit"; readonly spec: JobSpec; readonly evolved: boolean };

/** How the work is cut: what a job means must not depend on it. */
export interface Cut {
  readonly partitions: number;
  readonly parallelism: number;
  /** 0: all there are. */
  readonly batchMax: number;
  readonly turnsAnEpoch: number;
  /** Epochs at whose end the task dies, before or after its commit: of each hundred. */
  readonly crashes: number;
  readonly crashSeed: number;
}

export interface Case {
  readonly seed: number;
  /** The job is one that must be refused; nothing is run. */
  readonly mistake?: Mistake;
  readonly spec: JobSpec;
  readonly script: readonly Action[];
  readonly cut: Cut;
}

const RECORDS_MAX = 60;
const MISTAKEN = 0.03;
/** So that everything falls silent, and all timers and windows are due. */
const SETTLE: readonly Action[] = [100, 900, 6_000, 6_000, 60_000].map((ms) => ({ do: "advance", ms }));

export function drawCase(seed: number): Case {
  const random = new Random(seed);
  const mistake = random.chance(MISTAKEN) ? random.pick(Object.keys(MISTAKES)) : undefined;
  const spec = drawJob(random.fork(1));
  const script = drawScript(random.fork(2), spec);
  return { seed, ...(mistake !== undefined && { mistake }), spec, script, cut: drawCut(random.fork(3)) };
}

function drawCut(random: Random): Cut {
  const partitions = random.pick([1, 1, 2, 3]);
  return {
    partitions,
    parallelism: random.between(1, partitions),
    batchMax: random.pick([0, 1, 2, 5]),
    turnsAnEpoch: random.pick([1, 1, 2, 5]),
    crashes: random.pick([0, 0, 5, 20]),
    crashSeed: random.between(0, 1_000_000),
  };
}

function drawScript(random: Random, spec: JobSpec): Action[] {
  const temper: Temper = {
    hostile: random.pick([0, 0.02, 0.1]),
    stepMs: random.pick([1, 7, 40]),
    disorderMs: random.pick([0, 5, 60, 600]),
  };
  const topics = topicsOf(spec);
  // Where the job says that each key is in one partition, nobody checks it.
  const placed = spec.some(({ op }) => op === "key-by-sub");
  const oneByOne = random.chance(0.3);
  const edits = random.chance(0.35);
  const restarts = random.chance(0.4) ? 0.04 : 0;
  const script: Action[] = [];
  const records = random.between(1, RECORDS_MAX);
  let now = spec;
  for (let index = 0; index < records; index++) {
    script.push(drawSend(random, topics, index, temper, placed));
    if (oneByOne || random.chance(0.1)) script.push({ do: "run" });
    if (random.chance(0.06)) script.push({ do: "advance", ms: random.pick([1, 30, 700, 1_500, 7_000]) });
    if (random.chance(restarts)) script.push(drawRun(random), { do: "restart" });
    if (edits && random.chance(0.05)) {
      const edit = drawEdit(random, now);
      now = edit.spec;
      script.push(drawRun(random), edit);
    }
  }
  script.push({ do: "run" }, ...SETTLE);
  if (random.chance(0.5)) {
    // What is kept shows in what comes of one record more.
    script.push({ do: "restart" });
    for (let more = 0; more < 8; more++)
      script.push(drawSend(random, topics, records + more, { ...temper, hostile: 0 }, placed));
    script.push({ do: "run" }, ...SETTLE);
  }
  return script;
}

/** To its end, or until something is left on its way between stages. */
const drawRun = (random: Random): Action =>
  random.chance(0.5) ? { do: "run" } : { do: "run", turns: random.between(1, 3) };

/** @param placed whether every record has to stand where its key is */
function drawSend(
  random: Random,
  topics: readonly string[],
  index: number,
  temper: Temper,
  placed: boolean,
): Action {
  const topic = random.pick(topics);
  const value = drawValue(random, index, temper);
  if (random.chance(temper.hostile / 4)) return { do: "send", topic, key: value.k, value: "rubbish" };
  switch (topic) {
    case "table":
      // A row's Kafka key may be another than its name, and two may give one name.
      return {
        do: "send",
        topic,
        key: random.chance(0.3) ? `tenant/${value.sub}` : value.sub,
        value: random.chance(0.2) ? null : value,
      };
    case "rows":
    case "rules":
    case "rules-from":
      return { do: "send", topic, key: value.k, value: random.chance(0.15) ? null : value };
    default: {
      const misplaced = !placed && random.chance(temper.hostile / 4);
      return { do: "send", topic, key: misplaced ? "elsewhere" : value.k, value };
    }
  }
}

/** What the job reads; its inputs more often than what it looks into. */
function topicsOf(spec: JobSpec): string[] {
  const sources = spec.flatMap(({ op, params }) => (op === "source" ? [String(params.topic)] : []));
  const topics = [...sources, ...sources, ...sources, ...sources];
  for (const { op, params } of spec) {
    if (op === "join") topics.push("rows");
    if (op === "looking-up") topics.push("table");
    if (op === "ruled") topics.push(params.from === true ? "rules-from" : "rules");
  }
  return topics;
}
