/** The cluster as a reader sees it: `kafkaCluster` is the real one, the simulation brings its own. */
import type { KafkaConnection } from "../config.ts";
import { ClusterMetadata, type TopicMetadata } from "./cluster-metadata.ts";
import { type FetchAnswer, fetchRaw } from "./fetch-api.ts";
import { listOffsets, partitionCountOf } from "./list-offsets.ts";
import type { TopicPartition } from "./log.ts";

export interface FetchRequest {
  readonly waitMs: number;
  readonly maxBytes: number;
  readonly committedOnly: boolean;
  readonly topics: readonly FetchRequestTopic[];
}

export interface FetchRequestTopic {
  readonly topicId: string;
  readonly partitions: readonly FetchRequestPartition[];
}

export interface FetchRequestPartition {
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: bigint;
  readonly lastFetchedEpoch: number;
  readonly partitionMaxBytes: number;
}

export interface ReaderCluster {
  /** What is known of the topic; `undefined` before a refresh that covered it. */
  topic(name: string): TopicMetadata | undefined;
  /** Asks the cluster about these topics. Throws when no broker answers. */
  refresh(topics: readonly string[]): Promise<void>;
  /** Asks one broker. Throws when it is not there. */
  fetch(leader: number, request: FetchRequest): Promise<FetchAnswer>;
  /** `[first, end)` of each partition, retried while the cluster may yet answer. */
  offsets(
    partitions: readonly TopicPartition[],
    committedOnly: boolean,
  ): Promise<{ first: number; end: number }[]>;
  partitionCount(topic: string): Promise<number>;
  close(): Promise<void>;
}

const MIN_BYTES = 1;
const NO_SESSION = 0;

export function kafkaCluster(connection: KafkaConnection, clientId: string): ReaderCluster {
  const cluster = new ClusterMetadata(connection, clientId);
  return {
    topic: (name) => cluster.topic(name),
    refresh: (topics) => cluster.refresh(topics),
    async fetch(leader, { waitMs, maxBytes, committedOnly, topics }) {
      const isolation = committedOnly ? 1 : 0;
      return fetchRaw.async(
        await cluster.connectionTo(leader),
        waitMs,
        MIN_BYTES,
        maxBytes,
        isolation,
        NO_SESSION,
        -1,
        topics as Parameters<typeof fetchRaw.async>[7],
        [],
        "",
      );
    },
    offsets: (partitions, committedOnly) => listOffsets(cluster, partitions, committedOnly),
    partitionCount: (topic) => partitionCountOf(cluster, topic),
    close: () => cluster.close(),
  };
}
