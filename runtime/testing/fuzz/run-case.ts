/** Runs a case, has the reference follow the schedule of the run, and says where they differ. */
import type { JobDefinition } from "../../dsl/job.ts";
import { JobError } from "../../errors.ts";
import { planJob } from "../../graph/plan.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import { JobHarness } from "../job-harness.ts";
import { Random } from "../random.ts";
import { type InputRecord, Reference } from "../reference/index.ts";
import type { Scheduled } from "../reference/schedule.ts";
import { compare } from "./compare.ts";
import type { Action, Case, Cut } from "./draw-case.ts";
import { jobOf } from "./spec.ts";
import { BEGIN_MS, V } from "./value.ts";

export interface CaseResult {
  /** What came that should not have, or did not come; none: all is as the reference says. */
  readonly differences: readonly string[];
  /** Why it could not be held against the reference to its end. */
  readonly undetermined: string | undefined;
  readonly records: number;
  readonly outputs: number;
  /** Whether the planner does not take the job. */
  readonly refused: boolean;
}

const RUBBISH = Buffer.from([0xff, 0xff, 0xff]);
const CRASHES_MAX = 40;

export function runCase(one: Case): CaseResult {
  const { spec, script, cut } = one;
  const inputs = new SentInputs(cut.partitions);
  const schedule: Scheduled[] = [];
  const first = jobOf(spec);
  if (isRefused(first)) return { ...NOTHING, refused: true };
  const job = new JobHarness(first, {
    partitions: cut.partitions,
    parallelism: cut.parallelism,
    nowMs: BEGIN_MS,
    ...(cut.batchMax > 0 && { batchMax: cut.batchMax }),
    turnsAnEpoch: cut.turnsAnEpoch,
    crash: crashesOf(cut),
    onSchedule: (step) => schedule.push(step),
  });
  const reference = new Reference(first, inputs, { ...cut, nowMs: BEGIN_MS });
  let stopped: string | undefined;
  for (const action of script) {
    try {
      perform(job, action, inputs);
    } catch (error) {
      // A next version that is refused leaves the job as it was.
      if (!(action.do === "edit" && error instanceof JobError))
        stopped = `the job stops: ${(error as Error).message}`;
    }
    try {
      reference.follow(schedule.splice(0));
    } catch (error) {
      stopped = `the reference cannot follow: ${(error as Error).message}`;
    }
    if (stopped !== undefined) break;
  }
  const differences = stopped === undefined ? compare(job, reference, one) : [stopped];
  return {
    differences: reference.undetermined === undefined ? differences : [],
    undetermined: reference.undetermined,
    refused: false,
    records: script.filter((action) => action.do === "send").length,
    outputs: [...reference.outputs.values()].reduce((sum, { length }) => sum + length, 0),
  };
}

const NOTHING = { differences: [], undetermined: undefined, records: 0, outputs: 0 };

/** Operators that fit two by two need not make a job: a union may lead back through an exchange. */
function isRefused(definition: JobDefinition): boolean {
  try {
    planJob(definition);
    return false;
  } catch (error) {
    if (error instanceof JobError) return true;
    throw error;
  }
}

function perform(job: JobHarness, action: Action, inputs: SentInputs): void {
  switch (action.do) {
    case "send": {
      const { topic, key } = action;
      const bytes =
        action.value === "rubbish" ? RUBBISH : action.value === null ? null : V.encode(action.value);
      job.sendBytes(topic, key, bytes);
      inputs.add(topic, { key, value: bytes, timestampMs: job.nowMs });
      break;
    }
    case "run":
      job.run(action.turns);
      break;
    case "advance":
      job.advance(action.ms);
      break;
    case "restart":
      job.restart();
      break;
    case "edit":
      job.restart(jobOf(action.spec, action.evolved));
  }
}

/** As they lie in the topics: the harness puts them where Kafka's partitioner would; broadcasts have one partition. */
class SentInputs {
  readonly #partitions: number;
  readonly #records = new Map<string, InputRecord[]>();

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  add(topic: string, record: InputRecord): void {
    const partition = topic.startsWith("rules") ? 0 : partitionOf(record.key!, this.#partitions);
    const id = `${topic}/${partition}`;
    const known = this.#records.get(id);
    if (known) known.push(record);
    else this.#records.set(id, [record]);
  }

  records(topic: string, partition: number): readonly InputRecord[] {
    return this.#records.get(`${topic}/${partition}`) ?? [];
  }
}

function crashesOf({
  crashes,
  crashSeed,
}: Cut): (epoch: number) => "before-commit" | "after-commit" | undefined {
  const random = new Random(crashSeed);
  let left = CRASHES_MAX;
  return () => {
    if (left === 0 || !random.chance(crashes / 100)) return undefined;
    left--;
    return random.chance(0.6) ? "before-commit" : "after-commit";
  };
}
