/** A small topic and its table, for the tests of the sink: who they belong to, how they are made, filled and sunk. */
import { randomUUID } from "node:crypto";
import { createClient } from "@clickhouse/client";
import { codecOf } from "../../../../schemas/index.ts";
import type { ClickHouseConnection, KafkaConnection } from "../../../config.ts";
import { ensureTopics } from "../../../kafka/admin.ts";
import { FrameWriter } from "../../../kafka/frames.ts";
import { createTransactionalWriter } from "../../../kafka/transactional-writer.ts";
import type { SinkTable } from "../batch.ts";

export interface Sample {
  readonly id: string;
  readonly kind: "a" | "b";
  readonly netS: number | null;
}

export const Sample = codecOf<Sample>("sample", {
  type: "record",
  name: "Sample",
  fields: [
    { name: "id", type: "string" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["a", "b"] } },
    { name: "netS", type: ["null", "double"] },
  ],
});

export const PARTITIONS = 3;

/** What one test owns. Plain data, so that it can be handed to another process. */
export interface Place {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  /** Of the sink. */
  readonly name: string;
  readonly topic: string;
  readonly deadLetterTopic: string;
}

export function tableOf({ topic }: Pick<Place, "topic">): SinkTable {
  return { topic, table: "samples", codec: Sample };
}

/** Topics and a database of its own. */
export async function makePlace(kafka: KafkaConnection, clickHouse: ClickHouseConnection): Promise<Place> {
  const id = randomUUID().slice(0, 8);
  const database = `sink_${id}`;
  const place = {
    kafka,
    clickHouse: { ...clickHouse, database },
    name: `sink-${id}`,
    topic: `samples-${id}`,
    deadLetterTopic: `dead-${id}`,
  };
  await ensureTopics(kafka, [
    { topic: place.topic, partitions: PARTITIONS },
    { topic: place.deadLetterTopic, partitions: 1 },
  ]);
  const { url, username, password } = clickHouse;
  await using client = createClient({ url, username, password });
  await client.command({ query: `CREATE DATABASE ${database}` });
  await makeTable(place);
  return place;
}

/** `net_ms` has no value for a time that is no number, or that is too large. */
export async function makeTable({ clickHouse, topic }: Pick<Place, "clickHouse" | "topic">): Promise<void> {
  const { url, username, password, database } = clickHouse;
  await using client = createClient({ url, username, password, database });
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS samples
      (
        id String, kind LowCardinality(String), net_s Nullable(Float64),
        net_ms Nullable(Int64) MATERIALIZED accurateCast(round(net_s * 1000), 'Nullable(Int64)'),
        kafka_topic LowCardinality(String) DEFAULT '${topic}', kafka_partition UInt32, kafka_offset UInt64
      )
      ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 10000`,
  });
}

export interface SampleWriter {
  /**
   * One transaction; the first `bad` of the records are no samples, and ClickHouse refuses those for which `refused` holds.
   * Ends with a control record in each partition, as every one does.
   */
  write(count: number, bad?: number, refused?: (i: number) => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function sampleWriter({ kafka, topic }: Place): Promise<SampleWriter> {
  const writer = createTransactionalWriter(kafka, { transactionalId: `writer-of-${topic}` });
  await writer.init();
  let id = 0;
  return {
    async write(count, bad = 0, refused = () => false) {
      const frames = new FrameWriter();
      for (let i = 0; i < count; i++, id++) {
        const netS = refused(i) ? (id % 2 ? Number.NaN : 1e300) : id % 2 ? null : id / 8;
        const good = Sample.encode({ id: `${id}`, kind: id % 3 ? "a" : "b", netS });
        const value = i < bad ? good.subarray(0, good.length - 1) : good;
        frames.write(0, id % PARTITIONS, Date.now(), `${id}`, value);
      }
      const outcome = await writer.commit([topic], frames.take());
      if (outcome.kind !== "committed") throw new Error(`${outcome.kind}: ${outcome.reason}`);
    },
    close: () => writer.close(),
  };
}
