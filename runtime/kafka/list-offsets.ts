/** First and end offsets of partitions, and how many a topic has: asked of the cluster, retried while it may yet answer. */

import { answerOf, type ClusterMetadata, errorName, passes, throwIfFinal } from "./cluster-metadata.ts";
import { KafkaRefusedError, KafkaUnavailableError, UnknownTopicError } from "./errors.ts";
import { listOffsetsV8 } from "./library.ts";
import type { TopicPartition } from "./log.ts";

/** A broker may be away for a minute. */
const BUDGET_MS = 120_000;
/** A topic that was just created may be unknown to a broker for a moment. */
const UNKNOWN_TOPIC_GRACE_MS = 3_000;
const PAUSE_MS = 200;

const EARLIEST = -2n;
const LATEST = -1n;
const UNKNOWN_TOPIC = 3;

/** `[first, end)` of each partition, in the order asked for; `end` is the last stable offset when `committedOnly`. */
export async function listOffsets(
  cluster: ClusterMetadata,
  partitions: readonly TopicPartition[],
  committedOnly: boolean,
): Promise<{ first: number; end: number }[]> {
  const results = partitions.map(() => ({ first: -1, end: -1 }));
  await untilAnswered(async () => {
    const open = partitions.flatMap((one, index) => (results[index]!.end < 0 ? [{ ...one, index }] : []));
    await cluster.refresh([...new Set(open.map((one) => one.topic))]);
    const byLeader = new Map<number, typeof open>();
    for (const one of open) {
      const leader = leaderOf(cluster, one);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), one]);
    }
    for (const [leader, asked] of byLeader) {
      const first = await ask(cluster, leader, asked, EARLIEST, committedOnly);
      const end = await ask(cluster, leader, asked, LATEST, committedOnly);
      asked.forEach((one, i) => {
        results[one.index] = { first: first[i]!, end: end[i]! };
      });
    }
  });
  return results;
}

/** Throws `UnknownTopicError` when the topic does not exist. */
export async function partitionCountOf(cluster: ClusterMetadata, topic: string): Promise<number> {
  return untilAnswered(async () => {
    await cluster.refresh([topic]);
    const known = cluster.topic(topic);
    if (!known) throw new UnknownTopicError(topic);
    throwTopicError(topic, known.errorCode);
    return known.leaders.length;
  });
}

/** One offset per partition asked for. Throws when any of them has an error. */
async function ask(
  cluster: ClusterMetadata,
  leader: number,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
  committedOnly: boolean,
): Promise<number[]> {
  const topics = [...new Set(partitions.map((one) => one.topic))].map((name) => ({
    name,
    partitions: partitions
      .filter((one) => one.topic === name)
      .map((one) => ({ partitionIndex: one.partition, currentLeaderEpoch: -1, timestamp })),
  }));
  const connection = await cluster.connectionTo(leader);
  const answer = await answerOf<listOffsetsV8.ListOffsetsResponse>(
    listOffsetsV8.api.async(connection, -1, committedOnly ? 1 : 0, topics),
  );
  const byKey = new Map<string, number>();
  for (const topic of answer.topics) {
    for (const partition of topic.partitions) {
      throwTopicError(`${topic.name}/${partition.partitionIndex}`, partition.errorCode);
      byKey.set(`${topic.name}/${partition.partitionIndex}`, Number(partition.offset));
    }
  }
  return partitions.map((one) => byKey.get(`${one.topic}/${one.partition}`)!);
}

function leaderOf(cluster: ClusterMetadata, { topic, partition }: TopicPartition): number {
  const known = cluster.topic(topic);
  if (!known) throw new UnknownTopicError(topic);
  throwTopicError(topic, known.errorCode);
  const leader = known.leaders[partition];
  if (leader === undefined) throw new UnknownTopicError(topic, partition);
  if (leader < 0) throw new KafkaUnavailableError(`${topic}/${partition} has no leader now`);
  return leader;
}

function throwTopicError(what: string, errorCode: number): void {
  if (errorCode === 0) return;
  if (errorCode === UNKNOWN_TOPIC) throw new UnknownTopicError(what);
  if (passes(errorCode)) throw new KafkaUnavailableError(`${what}: ${errorName(errorCode)}`);
  throw new KafkaRefusedError(`${what}: ${errorName(errorCode)}`);
}

async function untilAnswered<T>(attempt: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      throwIfFinal(error);
      const spentMs = performance.now() - startMs;
      if (spentMs > (error instanceof UnknownTopicError ? UNKNOWN_TOPIC_GRACE_MS : BUDGET_MS)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
