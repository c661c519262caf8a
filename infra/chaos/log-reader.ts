/**
 * Kafka as somebody else reads it: librdkafka with `isolation.level=read_committed`, none of the product's own reading code.
 *
 * LR1  Partitions are assigned, no group is joined: the harness changes nothing in the cluster.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import kafka, { type LibrdKafkaError, type Message } from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../../runtime/config.ts";
import { librdkafkaSettings } from "../../runtime/kafka/librdkafka.ts";

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Unix milliseconds. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface LogTail {
  close(): Promise<void>;
}

type Consumer = InstanceType<typeof kafka.KafkaConsumer>;

const CONNECT_MAX_MS = 30_000;
const READ_MAX_MS = 120_000;
const POLL_RECORDS = 1_000;
const POLL_MS = 20;
const POLL_PAUSE_MS = 20;

/** Follows topics from their beginning. @param onRecord called in the order of each partition. */
export async function tailLog(
  connection: KafkaConnection,
  topics: readonly string[],
  onRecord: (record: LogRecord) => void,
): Promise<LogTail> {
  const consumer = await openConsumer(connection);
  consumer.assign(await partitionsOf(consumer, topics));
  let closed = false;
  const following = (async () => {
    while (!closed) for (const message of await poll(consumer)) onRecord(recordOf(message));
  })();
  return {
    async close() {
      closed = true;
      await following;
      await disconnect(consumer);
    },
  };
}

/** Every committed record of a topic, partition by partition, up to the end as it is now. */
export async function readLog(connection: KafkaConnection, topic: string): Promise<LogRecord[]> {
  const consumer = await openConsumer(connection);
  try {
    const partitions = await partitionsOf(consumer, [topic]);
    const open = new Set(partitions.map(({ partition }) => partition));
    const records: LogRecord[] = [];
    consumer.on("partition.eof", ({ partition }: { partition: number }) => open.delete(partition));
    consumer.assign(partitions);
    const deadlineMs = performance.now() + READ_MAX_MS;
    while (open.size > 0) {
      for (const message of await poll(consumer)) records.push(recordOf(message));
      if (performance.now() > deadlineMs)
        throw new Error(`${topic} was not read to its end within ${READ_MAX_MS / 1000} s`);
    }
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  } finally {
    await disconnect(consumer);
  }
}

/** What has come within a moment; nothing while a broker is away. */
async function poll(consumer: Consumer): Promise<Message[]> {
  const messages = await new Promise<Message[]>((resolve) => {
    consumer.consume(POLL_RECORDS, (error, found) => resolve(error ? [] : found));
  });
  // Asked without a pause, it would take a thread of libuv's for good.
  if (messages.length === 0) await sleep(POLL_PAUSE_MS);
  return messages;
}

/** The broker that leads each partition of a topic. */
export async function leadersOf(connection: KafkaConnection, topic: string): Promise<number[]> {
  const consumer = await openConsumer(connection);
  try {
    const { topics } = await metadataOf(consumer, topic);
    return topics.find(({ name }) => name === topic)?.partitions.map(({ leader }) => leader) ?? [];
  } finally {
    await disconnect(consumer);
  }
}

interface Metadata {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly leader: number }[];
  }[];
}

function metadataOf(consumer: Consumer, topic: string): Promise<Metadata> {
  return new Promise((resolve, reject) =>
    consumer.getMetadata({ topic, timeout: CONNECT_MAX_MS }, (error, found) =>
      error ? reject(new Error(error.message)) : resolve(found),
    ),
  );
}

async function openConsumer(connection: KafkaConnection): Promise<Consumer> {
  const consumer = new kafka.KafkaConsumer(
    {
      ...librdkafkaSettings(connection, "chaos-verdict"),
      "group.id": `chaos-verdict-${randomUUID()}`, // LR1: named because librdkafka wants one, never joined
      "isolation.level": "read_committed",
      "enable.auto.commit": false,
      "enable.partition.eof": true,
      "fetch.wait.max.ms": 50,
    },
    { "auto.offset.reset": "earliest" },
  );
  consumer.on("event.error", () => undefined); // a broker that is away; it comes back
  consumer.setDefaultConsumeTimeout(POLL_MS);
  await new Promise<void>((resolve, reject) => {
    consumer.connect({ timeout: CONNECT_MAX_MS }, (error: LibrdKafkaError | null | undefined) =>
      error ? reject(new Error(error.message)) : resolve(),
    );
  });
  return consumer;
}

async function partitionsOf(consumer: Consumer, topics: readonly string[]) {
  const partitions: { topic: string; partition: number; offset: number }[] = [];
  for (const topic of topics) {
    const metadata = await metadataOf(consumer, topic);
    const count = metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
    for (let partition = 0; partition < count; partition++) partitions.push({ topic, partition, offset: 0 });
  }
  return partitions;
}

function disconnect(consumer: Consumer): Promise<void> {
  return new Promise((resolve) => consumer.disconnect(() => resolve()));
}

function recordOf({ topic, partition, offset, timestamp, key, value }: Message): LogRecord {
  const bytes = key === null || key === undefined ? null : Buffer.isBuffer(key) ? key : Buffer.from(key);
  return { topic, partition, offset, timestampMs: timestamp ?? 0, key: bytes, value };
}
