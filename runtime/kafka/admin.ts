/** Topics and offsets of a cluster, for start-up, tools and tests. Any thread. */
import type { KafkaConnection } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { answerOf, ClusterMetadata, clientOptions, throwIfFinal } from "./cluster-metadata.ts";
import { KafkaUnavailableError } from "./errors.ts";
import { Admin, ConfigResourceTypes, describeConfigsV4, findErrorBy } from "./library.ts";
import { listOffsets } from "./list-offsets.ts";
import type { Position, TopicPartition } from "./log.ts";

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** Kafka topic settings, such as `cleanup.policy`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Copies of each partition; three, or as many as there are brokers. */
  readonly replication?: number;
}

/** What `job-topology.ts` needs of a cluster. */
export interface TopicAdmin {
  describeTopics(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
}

export const topicAdmin = (connection: KafkaConnection): TopicAdmin => ({
  describeTopics: (topics) => describeTopics(connection, topics),
  ensureTopics: (topics) => ensureTopics(connection, topics),
});

const BUDGET_MS = 60_000;
const PAUSE_MS = 250;
/** A new topic is there within some 20 ms. */
const LOOK_AGAIN_MS = 20;

/** Event time is what a record says, however far from the broker's clock: without this, one more than an hour ahead is refused. */
const DEFAULT_CONFIG = { "message.timestamp.after.max.ms": "9223372036854775807" };

/**
 * Creates the topics that do not exist yet and waits until they can be used. Calling it again changes nothing.
 * Throws `ConfigError` when one exists with another number of partitions.
 */
export async function ensureTopics(connection: KafkaConnection, topics: readonly TopicSpec[]): Promise<void> {
  if (topics.length === 0) return;
  await withCluster(connection, async (cluster, admin) => {
    const names = topics.map(({ topic }) => topic);
    await cluster.refresh(names);
    const replicas = Math.min(3, cluster.brokerIds.length);
    await Promise.all(
      topics
        .filter((spec) => !isReady(cluster, spec))
        .map((spec) => createTopic(admin, spec, spec.replication ?? replicas)),
    );
    while (!topics.every((spec) => isReady(cluster, spec))) {
      await pause(LOOK_AGAIN_MS);
      await cluster.refresh(names);
    }
  });
}

/** Deletes topics, those that do not exist too, and waits until they are gone. */
export async function deleteTopics(connection: KafkaConnection, topics: readonly string[]): Promise<void> {
  await withCluster(connection, async (cluster, admin) => {
    for (const topic of topics) {
      await admin.deleteTopics({ topics: [topic] }).catch((error: Error) => {
        if (!findErrorBy(error, "apiId", "UNKNOWN_TOPIC_OR_PARTITION")) throw error;
      });
    }
    const gone = (topic: string) => cluster.topic(topic)?.errorCode !== 0;
    await cluster.refresh(topics);
    while (!topics.every(gone)) {
      await pause(LOOK_AGAIN_MS);
      await cluster.refresh(topics);
    }
  });
}

/** What the group has committed of each partition, in the order asked for; -1 where nothing. */
export async function committedOffsets(
  connection: KafkaConnection,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<readonly Position[]> {
  return withCluster(connection, async (_cluster, admin) => {
    const topics = [...new Set(partitions.map(({ topic }) => topic))].map((name) => ({
      name,
      partitionIndexes: partitions.filter(({ topic }) => topic === name).map(({ partition }) => partition),
    }));
    const [answer] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics }] });
    const offsets = new Map<string, number>();
    for (const topic of answer?.topics ?? []) {
      for (const { partitionIndex, committedOffset } of topic.partitions) {
        offsets.set(`${topic.name}/${partitionIndex}`, Number(committedOffset));
      }
    }
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: offsets.get(`${topic}/${partition}`) ?? -1,
    }));
  });
}

/** The end of each partition, in the order asked for: the last stable offset, or with "latest" the high watermark. */
export async function endOffsets(
  connection: KafkaConnection,
  partitions: readonly TopicPartition[],
  which: "read_committed" | "latest" = "read_committed",
): Promise<readonly Position[]> {
  return withCluster(connection, async (cluster) => {
    const offsets = await listOffsets(cluster, partitions, which === "read_committed");
    return partitions.map(({ topic, partition }, i) => ({ topic, partition, offset: offsets[i]!.end }));
  });
}

/** What a setting of a broker is, as one of them says; `undefined` where it does not tell. */
export async function brokerSetting(connection: KafkaConnection, name: string): Promise<string | undefined> {
  return withCluster(connection, async (cluster) => {
    await cluster.refresh([]);
    const id = cluster.brokerIds[0]!;
    const resource = {
      resourceType: ConfigResourceTypes.BROKER,
      resourceName: String(id),
      configurationKeys: [name],
    };
    // Who may not ask is answered with an error code, and no setting.
    const { results } = await answerOf<describeConfigsV4.DescribeConfigsResponse>(
      describeConfigsV4.api.async(await cluster.connectionTo(id), [resource], false, false),
    );
    return results[0]?.configs.find((config) => config.name === name)?.value ?? undefined;
  });
}

/** The names of all topics, without Kafka's own. */
export async function topicNames(connection: KafkaConnection): Promise<string[]> {
  return withCluster(connection, (_cluster, admin) => admin.listTopics());
}

/** Partitions of those of these topics that exist. */
export async function describeTopics(
  connection: KafkaConnection,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return withCluster(connection, async (cluster) => {
    await cluster.refresh(topics);
    const found = topics.flatMap((name): [string, number][] => {
      const known = cluster.topic(name);
      return known?.errorCode === 0 && known.leaders.length > 0 ? [[name, known.leaders.length]] : [];
    });
    return new Map(found);
  });
}

function isReady(cluster: ClusterMetadata, { topic, partitions }: TopicSpec): boolean {
  const known = cluster.topic(topic);
  if (known === undefined || known.errorCode !== 0 || known.leaders.length === 0) return false;
  if (known.leaders.length !== partitions) {
    throw new ConfigError(
      `topic ${topic} has ${known.leaders.length} partitions, ${partitions} are configured: ` +
        `configure ${known.leaders.length}, or use another topic name, or delete the topic (its records are lost)`,
    );
  }
  return known.leaders.every((leader) => leader >= 0);
}

async function createTopic(admin: Admin, spec: TopicSpec, replicas: number): Promise<void> {
  const config = { ...DEFAULT_CONFIG, ...spec.config };
  try {
    await admin.createTopics({
      topics: [spec.topic],
      partitions: spec.partitions,
      replicas,
      configs: Object.entries(config).map(([name, value]) => ({ name, value })),
    });
  } catch (error) {
    // Two nodes may start at once.
    if (findErrorBy(error as Error, "apiId", "TOPIC_ALREADY_EXISTS")) return;
    if (findErrorBy(error as Error, "apiId", "INVALID_CONFIG")) {
      throw new ConfigError(`topic ${spec.topic}: the broker refuses ${JSON.stringify(config)}`);
    }
    throw error;
  }
}

/** Does `work` with a connected cluster; again while brokers do not answer, within a budget. */
async function withCluster<T>(
  connection: KafkaConnection,
  work: (cluster: ClusterMetadata, admin: Admin) => Promise<T>,
): Promise<T> {
  const clientId = "pacestream-admin";
  const cluster = new ClusterMetadata(connection, clientId);
  const admin = new Admin({
    ...clientOptions(connection),
    clientId,
    bootstrapBrokers: [...connection.brokers],
    retries: 3,
    retryDelay: PAUSE_MS,
  });
  const startMs = performance.now();
  try {
    for (;;) {
      try {
        return await work(cluster, admin);
      } catch (error) {
        throwIfFinal(error);
        const again =
          error instanceof KafkaUnavailableError || findErrorBy(error as Error, "canRetry", true) !== null;
        if (!again || performance.now() - startMs > BUDGET_MS) throw error;
        await pause(PAUSE_MS);
      }
    }
  } finally {
    await Promise.allSettled([cluster.close(), admin.close()]);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
