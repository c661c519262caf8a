/**
 * The topics of a job: makes sure they are there, and finds out how many partitions each has, before any task starts.
 *
 * An existing topic keeps its partitions. What the runtime makes for a stage follows from its inputs: state of partition p
 * lies in partition p of the changelog, so a slot can move, and slots can be regrouped, without touching the state.
 */
import type { Topic } from "../dsl/topic.ts";
import { JobError } from "../errors.ts";
import type { JobPlan, StagePlan } from "../graph/plan.ts";
import { changelogTopic, deadLetterTopic, exchangeTopic, slotsTopic } from "../graph/topics.ts";
import type { TopicAdmin, TopicSpec } from "../kafka/admin.ts";

export const PARTITIONS_DEFAULT = 4;

export interface JobTopology {
  /** Partitions of each topic of the job. */
  readonly partitions: Readonly<Record<string, number>>;
  /** Partitions of a stage's inputs and changelog. */
  inputPartitions(stage: StagePlan): number;
}

/** Changelog segments roll early so that compaction, which leaves the active one alone, has something to do. */
const CHANGELOG_CONFIG = {
  "cleanup.policy": "compact",
  "segment.bytes": String(64 << 20),
  "min.cleanable.dirty.ratio": "0.3",
};
const EXCHANGE_CONFIG = { "retention.ms": String(7 * 24 * 3_600_000) };
const KEPT_CONFIG = { "retention.ms": "-1" };

/** @throws JobError when inputs of a stage do not fit each other or the parallelism. */
export async function prepareTopics(
  admin: TopicAdmin,
  plan: JobPlan,
  parallelism: number,
): Promise<JobTopology> {
  const outer = outerTopics(plan);
  const existing = await admin.describeTopics([...outer.keys()]);
  const partitions: Record<string, number> = {};
  const missing: TopicSpec[] = [];
  for (const [name, { topic, kind }] of outer) {
    const count =
      existing.get(name) ??
      topic.partitions ??
      (kind === "stream" || kind === "versions" ? PARTITIONS_DEFAULT : 1);
    if (kind === "broadcast" && count !== 1) {
      throw new JobError(
        `job "${plan.job}": broadcast "${name}" has ${count} partitions: it needs one, so that its versions have one order`,
      );
    }
    partitions[name] = count;
    if (!existing.has(name)) {
      const compacted = kind === "table" || kind === "versions";
      const config = topic.config ?? (compacted ? { "cleanup.policy": "compact" } : KEPT_CONFIG);
      missing.push({ topic: name, partitions: count, config });
    }
  }
  await admin.ensureTopics(missing);

  const inner: TopicSpec[] = [
    { topic: slotsTopic(plan.job), partitions: parallelism },
    { topic: deadLetterTopic(plan.job), partitions: 1, config: KEPT_CONFIG },
  ];
  for (const stage of plan.stages) {
    const count = agreedPartitions(plan.job, stage, partitions);
    if (parallelism > count) {
      throw new JobError(
        `job "${plan.job}": parallelism ${parallelism} is more than the ${count} partitions that stage "${stage.name}" reads: give at most ${count}`,
      );
    }
    inner.push({ topic: changelogTopic(plan.job, stage.name), partitions: count, config: CHANGELOG_CONFIG });
    for (const { exchange } of stage.exchangesOut) {
      inner.push({
        topic: exchangeTopic(plan.job, exchange.name),
        partitions: count,
        config: EXCHANGE_CONFIG,
      });
      partitions[exchangeTopic(plan.job, exchange.name)] = count;
    }
  }
  await admin.ensureTopics(inner);
  for (const { topic, partitions: count } of inner) partitions[topic] = count;
  return { partitions, inputPartitions: (stage) => partitions[stage.inputs[0]!.topic]! };
}

interface OuterTopic {
  readonly topic: Topic<unknown>;
  readonly kind: "stream" | "versions" | "table" | "broadcast";
}

function outerTopics(plan: JobPlan): Map<string, OuterTopic> {
  const topics = new Map<string, OuterTopic>();
  for (const stage of plan.stages) {
    for (const table of stage.tables) topics.set(table.name, { topic: table, kind: "table" });
    for (const { topic } of stage.broadcasts) topics.set(topic.name, { topic, kind: "broadcast" });
    for (const node of stage.nodes) {
      if (node.kind !== "source" && node.kind !== "sink") continue;
      const kind = node.kind === "source" && node.rows ? "versions" : "stream";
      topics.set(node.topic.name, { topic: node.topic, kind });
    }
  }
  return topics;
}

function agreedPartitions(
  job: string,
  stage: StagePlan,
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
