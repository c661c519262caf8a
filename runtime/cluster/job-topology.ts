/**
 * The topics of a job: makes sure they are there, and finds out how many partitions each has, before any task starts.
 *
 * An existing topic keeps its partitions. What the runtime makes for a stage follows from its inputs: state of partition p
 * lies in partition p of the changelog, so a slot can move, and slots can be regrouped, without touching the state.
 */
import { JobError, PacestreamError } from "../errors.ts";
import type { PlanDescription, StageDescription, TopicDescription } from "../graph/describe.ts";
import { changelogTopic, deadLetterTopic, exchangeTopic, slotsTopic } from "../graph/topics.ts";
import type { TopicAdmin, TopicSpec } from "../kafka/admin.ts";

export const PARTITIONS_DEFAULT = 4;

export interface JobTopology {
  /** Partitions of each topic of the job. */
  readonly partitions: Readonly<Record<string, number>>;
  /** Partitions of a stage's inputs and changelog. */
  inputPartitions(stage: StageDescription): number;
}

/** Changelog segments roll early so that compaction, which leaves the active one alone, has something to do. */
const CHANGELOG_CONFIG = {
  "cleanup.policy": "compact",
  "segment.bytes": String(64 << 20),
  "min.cleanable.dirty.ratio": "0.3",
};
const EXCHANGE_CONFIG = { "retention.ms": String(7 * 24 * 3_600_000) };
const KEPT_CONFIG = { "retention.ms": "-1" };

/** How many slots a job has that has run before. */
export async function slotCount(admin: TopicAdmin, job: string): Promise<number | undefined> {
  const topic = slotsTopic(job);
  return (await admin.describeTopics([topic])).get(topic);
}

/**
 * @throws JobError when inputs of a stage do not fit each other or the parallelism.
 * @throws PacestreamError `RESCALE`: it has run with another parallelism.
 */
export async function prepareTopics(
  admin: TopicAdmin,
  plan: PlanDescription,
  parallelism: number,
): Promise<JobTopology> {
  const slots = await slotCount(admin, plan.job);
  if (slots !== undefined && slots !== parallelism) {
    throw new PacestreamError(
      "RESCALE",
      `job "${plan.job}" has ${slots} slots, a number that is fixed once it has run: leave --parallelism out, or give ${slots}`,
    );
  }
  const partitions = await prepareOuterTopics(admin, plan);
  const inner: TopicSpec[] = [{ topic: slotsTopic(plan.job), partitions: parallelism }];
  for (const stage of plan.stages) {
    const count = agreedPartitions(plan.job, stage, partitions);
    if (parallelism > count) {
      throw new JobError(
        `job "${plan.job}": parallelism ${parallelism} is more than the ${count} partitions that stage "${stage.name}" reads: give at most ${count}`,
      );
    }
    inner.push({ topic: changelogTopic(plan.job, stage.name), partitions: count, config: CHANGELOG_CONFIG });
    for (const exchange of stage.exchangesOut) {
      const topic = exchangeTopic(plan.job, exchange);
      inner.push({ topic, partitions: count, config: EXCHANGE_CONFIG });
      partitions[topic] = count;
    }
  }
  await admin.ensureTopics(inner);
  for (const { topic, partitions: count } of inner) partitions[topic] = count;
  return { partitions, inputPartitions: (stage) => partitions[stage.inputs[0]!.topic]! };
}

/**
 * Makes those topics of a job that others use, too: what it reads and writes, and its dead letters.
 * @returns how many partitions each has.
 */
export async function prepareOuterTopics(
  admin: TopicAdmin,
  plan: PlanDescription,
): Promise<Record<string, number>> {
  const outer = outerTopics(plan);
  const existing = await admin.describeTopics([...outer.keys()]);
  const partitions: Record<string, number> = {};
  const missing: TopicSpec[] = [];
  for (const [name, { kind, partitions: wanted, config: given }] of outer) {
    const count =
      existing.get(name) ?? wanted ?? (kind === "stream" || kind === "versions" ? PARTITIONS_DEFAULT : 1);
    if (kind === "broadcast" && count !== 1) {
      throw new JobError(
        `job "${plan.job}": broadcast "${name}" has ${count} partitions: it needs one, so that its versions have one order`,
      );
    }
    partitions[name] = count;
    if (!existing.has(name)) {
      const compacted = kind === "table" || kind === "versions";
      const config = given ?? (compacted ? { "cleanup.policy": "compact" } : KEPT_CONFIG);
      missing.push({ topic: name, partitions: count, config });
    }
  }
  const letters = deadLetterTopic(plan.job);
  await admin.ensureTopics([...missing, { topic: letters, partitions: 1, config: KEPT_CONFIG }]);
  return { ...partitions, [letters]: 1 };
}

const outerTopics = (plan: PlanDescription): Map<string, TopicDescription> =>
  new Map(plan.stages.flatMap((stage) => stage.topics.map((topic) => [topic.name, topic])));

function agreedPartitions(
  job: string,
  stage: StageDescription,
  partitions: Readonly<Record<string, number>>,
): number {
  const [first, ...others] = stage.inputs;
  const count = partitions[first!.topic]!;
  const odd = others.find(({ topic }) => partitions[topic] !== count);
  if (odd) {
    throw new JobError(
      `job "${job}": stage "${stage.name}" reads "${first!.topic}" with ${count} partitions and "${odd.topic}" with ${partitions[odd.topic]}: ` +
        "a key must lie in the same partition of both; make them alike, or bring one in through .keyBy(keyOf, { exchange })",
    );
  }
  return count;
}
