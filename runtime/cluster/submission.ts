/**
 * From what somebody submits to the record by which every node runs it. Whatever stands against it is found here, before
 * anything that runs is touched.
 */
import { PacestreamError } from "../errors.ts";
import type { PlanDescription } from "../graph/describe.ts";
import { candidateNames, type Placement, UNPLACED } from "../graph/placement.ts";
import { changelogTopic } from "../graph/topics.ts";
import { type Allowed, judgeUpgrade, upgradeWords } from "../graph/upgrade.ts";
import type { TopicAdmin } from "../kafka/admin.ts";
import { type JobCode, packCode, unpackCode } from "../worker/job-code.ts";
import type { JobRecord } from "./job-store.ts";
import { prepareTopics, slotCount } from "./job-topology.ts";
import { loadJob } from "./load-job.ts";

export interface Submission extends Allowed {
  /** Path from the project's folder. */
  readonly module: string;
  /** `undefined`: as many slots as it has, or two. */
  readonly parallelism?: number;
  /** Whether it may take the place, and the state, of a job of its name from another file. */
  readonly replace?: boolean;
}

export interface Deployment {
  readonly plan: PlanDescription;
  readonly code: JobCode;
}

export const PARALLELISM_DEFAULT = 2;
const PARALLELISM_MAX = 1024;

/**
 * @param records what is wanted of each job now.
 * @throws PacestreamError with what is wrong and what would allow it; nothing was changed then.
 */
export async function prepareSubmission(
  root: string,
  submission: Submission,
  records: ReadonlyMap<string, JobRecord>,
  topics: TopicAdmin,
): Promise<JobRecord> {
  const { module, parallelism, replace } = submission;
  if (
    parallelism !== undefined &&
    (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > PARALLELISM_MAX)
  ) {
    throw new PacestreamError(
      "BAD_PARALLELISM",
      `parallelism ${parallelism}: give a whole number from 1 to ${PARALLELISM_MAX}`,
    );
  }
  const { plan: loaded, code } = await load(root, module, records, topics);
  const name = loaded.job;
  const before = records.get(name);
  if (before && before.module !== code.module && !replace) {
    throw new PacestreamError(
      "JOB_NAME_TAKEN",
      `${module}: there is a job "${name}" already, from ${before.module}: give this one another name, or let it take the place and the state of that one with --replace`,
    );
  }
  // What was not there before, or left no plan, is judged by itself: names to drop are still checked.
  const plan = judged(before?.plan ?? loaded, loaded, submission);
  const wanted = parallelism ?? (await slotCount(topics, name)) ?? before?.parallelism ?? PARALLELISM_DEFAULT;
  await prepareTopics(topics, plan, wanted);
  return {
    name,
    module: code.module,
    parallelism: wanted,
    state: "running",
    submittedMs: Date.now(),
    plan,
    code: packCode(code),
    codeHash: code.hash,
  };
}

/** What a node runs for a record. Those of older versions hold no code: then it is the file on this node's disk. */
export async function deploymentOf(root: string, record: JobRecord, topics: TopicAdmin): Promise<Deployment> {
  if (record.plan && record.code) return { plan: record.plan, code: unpackCode(record.code) };
  return load(root, record.module, new Map([[record.name, record]]), topics);
}

async function load(
  root: string,
  module: string,
  records: ReadonlyMap<string, JobRecord>,
  topics: TopicAdmin,
): Promise<Deployment> {
  const placements = Object.fromEntries(
    [...records].flatMap(([name, { plan }]) => (plan ? [[name, plan.placement]] : [])),
  );
  const { code, ...plan } = await loadJob(root, module, { placements });
  if (plan.job in placements) return { code, plan };
  const found = await foundPlacement(plan, topics);
  if (found.stages.every(({ name }) => plan.stages.some((stage) => stage.name === name)))
    return { code, plan };
  const { code: again, ...placed } = await loadJob(root, module, { placements: { [plan.job]: found } });
  return { code: again, plan: placed };
}

/**
 * How a job was placed of which no plan is kept, by the changelogs that it left: a stage was named after one of its steps or
 * outputs, whichever came first then.
 */
async function foundPlacement(plan: PlanDescription, topics: TopicAdmin): Promise<Placement> {
  const owners = new Map<string, Placement["stages"][number]>();
  for (const placed of plan.placement.stages) {
    const { exchangesOut } = plan.stages.find(({ name }) => name === placed.name)!;
    for (const name of candidateNames(placed, exchangesOut))
      if (!owners.has(name)) owners.set(name, { ...placed, name });
  }
  const left = await topics.describeTopics([...owners.keys()].map((name) => changelogTopic(plan.job, name)));
  return {
    ...UNPLACED,
    stages: [...owners.values()].filter(({ name }) => left.has(changelogTopic(plan.job, name))),
  };
}

function judged(before: PlanDescription, next: PlanDescription, allowed: Allowed): PlanDescription {
  const upgrade = judgeUpgrade(before, next, allowed);
  if (upgrade.findings.length === 0 && upgrade.unknown.length === 0) return upgrade.next;
  throw new UpgradeError(upgradeWords(upgrade));
}

/** The next version of a job would lose or misread what the present one keeps. */
export class UpgradeError extends PacestreamError {
  constructor(message: string) {
    super("UPGRADE", message);
  }
}
