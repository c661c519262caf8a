/**
 * What must hold of the log of every job after every run, whatever the job: the oracle of a job looks at its results, this at
 * the runtime's own records.
 */
import { decodeProgress } from "../../checkpoint/progress.ts";
import { decodeWatermark, WATERMARK } from "../../exchange/exchange-record.ts";
import type { JobPlan } from "../../graph/plan.ts";
import { changelogTopic, exchangeTopic } from "../../graph/topics.ts";
import { PROGRESS_KEY } from "../../state/changelog-key.ts";
import type { Cluster } from "./cluster.ts";
import type { CommittedRecord } from "./outcome.ts";

/** Committed records of a topic, from all that was ever written to it. */
export function readCommitted(cluster: Cluster, topic: string): CommittedRecord[] {
  const records: CommittedRecord[] = [];
  for (const log of cluster.topics.get(topic)?.partitions ?? []) {
    for (const batch of log.history) {
      if (batch.fate !== "committed") continue;
      for (const { offset, key, value } of batch.records)
        records.push({ partition: log.partition, offset, key: key?.toString("utf8") ?? null, value });
    }
  }
  return records;
}

/** Input offsets that are committed, by `stage topic/partition`. */
export function committedProgress(cluster: Cluster, plan: JobPlan): Map<string, number> {
  const progress = new Map<string, number>();
  for (const stage of plan.stages) {
    for (const log of cluster.topics.get(changelogTopic(plan.job, stage.name))!.partitions) {
      const last = log.history.findLast(
        (batch) =>
          batch.fate === "committed" &&
          batch.records.some(({ key }) => key?.toString("utf8") === PROGRESS_KEY),
      );
      const record = last?.records.findLast(({ key }) => key?.toString("utf8") === PROGRESS_KEY);
      if (!record) continue;
      for (const { topic, next } of decodeProgress(record.value!).inputs)
        progress.set(`${stage.name} ${topic}/${log.partition}`, next);
    }
  }
  return progress;
}

/** Input partitions that a stage has not committed to their end, in words. */
export function unread(cluster: Cluster, plan: JobPlan): string[] {
  const progress = committedProgress(cluster, plan);
  return plan.stages.flatMap((stage) =>
    stage.inputs.flatMap(({ topic }) =>
      cluster.topics.get(topic)!.partitions.flatMap(({ partition, end }) => {
        const next = progress.get(`${stage.name} ${topic}/${partition}`) ?? 0;
        return next < end ? [`stage ${stage.name} is at ${next} of ${end} in ${topic}/${partition}`] : [];
      }),
    ),
  );
}

/** Invariants of the log at the end of a run, each broken one in words. */
export function brokenInvariants(cluster: Cluster, plan: JobPlan): string[] {
  return [
    ...cluster.coordinator.unfinished().map((id) => `transaction of ${id} has not ended`),
    ...[...cluster.logs]
      .filter((log) => log.stable < log.end)
      .map(
        ({ topic, partition, stable, end }) =>
          `${topic}/${partition}: last stable offset ${stable} of ${end}`,
      ),
    ...watermarksThatWentBack(cluster, plan),
    ...progressThatWentBack(cluster, plan),
  ];
}

/** The last watermark that each task told each partition downstream. */
export function toldWatermarks(cluster: Cluster, plan: JobPlan): Map<string, number> {
  const told = new Map<string, number>();
  for (const { exchange } of plan.stages.flatMap((stage) => stage.exchangesOut)) {
    const topic = exchangeTopic(plan.job, exchange.name);
    for (const { partition, value } of readCommitted(cluster, topic)) {
      if (value?.[0] !== WATERMARK) continue;
      const { task, watermark } = decodeWatermark(value, 0);
      told.set(`${topic}/${partition} of task ${task}`, watermark);
    }
  }
  return told;
}

function watermarksThatWentBack(cluster: Cluster, plan: JobPlan): string[] {
  const broken: string[] = [];
  for (const { exchange } of plan.stages.flatMap((stage) => stage.exchangesOut)) {
    const topic = exchangeTopic(plan.job, exchange.name);
    const highest = new Map<string, number>();
    for (const { partition, offset, value } of readCommitted(cluster, topic)) {
      if (value?.[0] !== WATERMARK) continue;
      const { task, watermark } = decodeWatermark(value, 0);
      const channel = `${partition} of task ${task}`;
      const before = highest.get(channel) ?? Number.NEGATIVE_INFINITY;
      if (watermark < before)
        broken.push(
          `${topic}/${channel}: the watermark went back from ${before} to ${watermark} at ${offset}`,
        );
      else highest.set(channel, watermark);
    }
  }
  return broken;
}

function progressThatWentBack(cluster: Cluster, plan: JobPlan): string[] {
  const broken: string[] = [];
  for (const stage of plan.stages) {
    const changelog = changelogTopic(plan.job, stage.name);
    const highest = new Map<string, number>();
    for (const { partition, key, value, offset } of readCommitted(cluster, changelog)) {
      if (key !== PROGRESS_KEY) continue;
      for (const { topic, next } of decodeProgress(value!).inputs) {
        const id = `${topic}/${partition}`;
        const before = highest.get(id) ?? 0;
        if (next < before) broken.push(`${changelog} ${offset}: ${id} went back from ${before} to ${next}`);
        else highest.set(id, next);
      }
    }
  }
  return broken;
}
