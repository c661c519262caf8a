/** For tests with a real Kafka: topics of their own, everything a partition holds, a producer that can abort. Main thread. */
import { randomUUID } from "node:crypto";
import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../config.ts";
import { endOffsets, ensureTopics } from "./admin.ts";
import { FrameWriter } from "./frames.ts";
import { librdkafkaSettings, outcome } from "./librdkafka.ts";
import { createPartitionReader, type PartitionReaderOptions } from "./reader.ts";

export async function newTopic(
  connection: KafkaConnection,
  partitions = 1,
  config: Record<string, string> = {},
): Promise<string> {
  const topic = `test-${randomUUID()}`;
  await ensureTopics(connection, [{ topic, partitions, config }]);
  return topic;
}

export interface ReadRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
}

/**
 * All of a partition from `offset` to its end. No transaction may be open; one that was committed just now is waited for:
 * the coordinator answers a commit before it has written the markers.
 */
export async function readAll(
  connection: KafkaConnection,
  topic: string,
  {
    partition = 0,
    offset = 0,
    ...options
  }: { partition?: number; offset?: number } & PartitionReaderOptions = {},
): Promise<ReadRecord[]> {
  const reader = createPartitionReader(connection, options);
  const records: ReadRecord[] = [];
  try {
    const [latest] = await endOffsets(connection, [{ topic, partition }], "latest");
    reader.assign([{ topic, partition, offset }]);
    for (let next = offset; next < latest!.offset; ) {
      for (const polled of await reader.poll(100)) {
        const cursor = polled.records;
        while (cursor.next()) {
          const { buffer, keyStart, keyEnd, valueStart, valueEnd } = cursor;
          records.push({
            offset: cursor.offset,
            timestampMs: cursor.timestampMs,
            key: keyStart < 0 ? null : buffer.toString("utf8", keyStart, keyEnd),
            value: valueStart < 0 ? null : buffer.toString("utf8", valueStart, valueEnd),
          });
        }
        next = polled.nextOffset;
      }
    }
  } finally {
    await reader.close();
  }
  return records;
}

export const valuesOf = (records: readonly ReadRecord[]) => records.map((record) => record.value);

/** Frames of topic 0, partition 0. */
export function framesOf(...values: readonly string[]): Uint8Array {
  const writer = new FrameWriter();
  for (const value of values) writer.write(0, 0, Date.now(), "k", Buffer.from(value));
  return writer.take();
}

/** librdkafka's own producer, for what the runtime's never do: aborting on purpose, packing, leaving a transaction open. */
export async function rawProducer(
  connection: KafkaConnection,
  settings: Record<string, string | number | boolean>,
) {
  const producer = new kafka.Producer({ ...librdkafkaSettings(connection, "test"), ...settings });
  const must = async (call: Parameters<typeof outcome>[0]) => {
    const error = await outcome(call);
    if (error) throw new Error(`${error.message} (${error.code})`);
  };
  await must((done) => producer.connect({ timeout: 10_000 }, done));
  producer.setPollInBackground(true);
  if (settings["transactional.id"]) await must((done) => producer.initTransactions(30_000, done));
  return {
    begin: () => must((done) => producer.beginTransaction(done)),
    send: (topic: string, value: string | null, key: string | null = "k", timestampMs = Date.now()) => {
      producer.produce(topic, 0, value === null ? null : Buffer.from(value), key, timestampMs);
    },
    flush: () => must((done) => producer.flush(10_000, done)),
    commit: () => must((done) => producer.commitTransaction(10_000, done)),
    abort: () => must((done) => producer.abortTransaction(10_000, done)),
    close: () => outcome((done) => producer.disconnect(0, done)),
  };
}
