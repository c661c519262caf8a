/**
 * Proves that tables hold exactly the committed records of their topics: each good record once, but for rows that ClickHouse
 * refused, which are dead letters, and nothing else.
 *
 * Reads the topics from their beginning and compares offset by offset; it changes nothing. 8 bytes a record in memory.
 * Run it when the sink has caught up: what is on its way counts as missing.
 */
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import type { ClickHouseConnection, KafkaConnection } from "../../config.ts";
import { deadLetterTopic } from "../../graph/topics.ts";
import { describeTopics } from "../../kafka/admin.ts";
import type { PartitionReader } from "../../kafka/log.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import { RecordSorter, type SinkTable } from "./batch.ts";
import { letteredOffsets } from "./letters.ts";

export interface PartitionReconciliation {
  readonly table: string;
  readonly topic: string;
  readonly partition: number;
  /** Records Kafka holds, committed, that are values of the schema. */
  readonly committed: number;
  /** Records Kafka holds, committed, that are not: set apart by the sink. */
  readonly malformed: number;
  /** Records that are values of the schema, and dead letters of the sink: ClickHouse refused their rows. */
  readonly refused: number;
  /** Rows of the table at offsets that Kafka still keeps. */
  readonly rows: number;
  /** Rows below the first offset that Kafka keeps: no longer comparable. */
  readonly rowsBeforeRetention: number;
  readonly missing: number;
  readonly doubled: number;
  /** Rows at offsets that hold no good committed record. */
  readonly foreign: number;
  /** The lowest offset with a difference. */
  readonly firstDifference: number | undefined;
}

export interface Reconciliation {
  readonly exact: boolean;
  readonly partitions: readonly PartitionReconciliation[];
}

export async function reconcile(
  kafka: KafkaConnection,
  clickHouse: ClickHouseConnection,
  tables: readonly SinkTable[],
  letters: string = deadLetterTopic("clickhouse-sink"),
): Promise<Reconciliation> {
  const { url, username, password, database } = clickHouse;
  await using client = createClient({ url, username, password, database });
  const haveLetters = (await describeTopics(kafka, [letters])).has(letters);
  const partitions: PartitionReconciliation[] = [];
  for (const table of tables) {
    const reader = createPartitionReader(kafka, { clientId: "clickhouse-reconcile" });
    try {
      const count = await reader.partitionCount(table.topic);
      const lettered = haveLetters ? await letteredOffsets(reader, letters, table) : new Map();
      for (let partition = 0; partition < count; partition++) {
        const apart = lettered.get(partition) ?? new Set();
        partitions.push(await reconcilePartition(reader, client, table, partition, apart));
      }
    } finally {
      await reader.close();
    }
  }
  return { exact: partitions.every(isExact), partitions };
}

function isExact({ missing, doubled, foreign }: PartitionReconciliation): boolean {
  return missing === 0 && doubled === 0 && foreign === 0;
}

async function reconcilePartition(
  reader: PartitionReader,
  client: ClickHouseClient,
  table: SinkTable,
  partition: number,
  apart: ReadonlySet<number>,
): Promise<PartitionReconciliation> {
  const place = { topic: table.topic, partition };
  const { first, end } = (await reader.offsets([place]))[0]!;
  const kept = await keptOffsets(reader, table, partition, first, end);
  const all = await rowOffsets(client, table, partition);
  const from = lowerBound(all, first);
  // One that was set apart may have a row all the same: the table was changed since, and filled again.
  const rows = new Set(apart.size > 0 ? all.subarray(from) : []);
  const expected = kept.good.filter((offset) => !apart.has(offset) || rows.has(offset));
  const compared = compareOffsets(expected, all.subarray(from));
  return {
    table: table.table,
    ...place,
    committed: expected.length,
    malformed: kept.malformed,
    refused: kept.good.length - expected.length,
    rows: all.length - from,
    rowsBeforeRetention: from,
    ...compared,
  };
}

/** Compares ascending offsets: `committed` each once, `rows` as the table has them. */
export function compareOffsets(
  committed: Float64Array,
  rows: Float64Array,
): Pick<PartitionReconciliation, "missing" | "doubled" | "foreign" | "firstDifference"> {
  let missing = 0;
  let doubled = 0;
  let foreign = 0;
  let firstDifference: number | undefined;
  let at = 0;
  const differ = (offset: number) => {
    firstDifference = Math.min(firstDifference ?? offset, offset);
  };
  for (let i = 0; i < rows.length; i++) {
    const offset = rows[i]!;
    if (i > 0 && rows[i - 1] === offset) {
      doubled++;
      differ(offset);
      continue;
    }
    for (; at < committed.length && committed[at]! < offset; at++) {
      missing++;
      differ(committed[at]!);
    }
    if (committed[at] === offset) {
      at++;
    } else {
      foreign++;
      differ(offset);
    }
  }
  if (at < committed.length) differ(committed[at]!);
  missing += committed.length - at;
  return { missing, doubled, foreign, firstDifference };
}

async function keptOffsets(
  reader: PartitionReader,
  table: SinkTable,
  partition: number,
  first: number,
  end: number,
) {
  const sorter = new RecordSorter(table.codec);
  let good = new Float64Array(1024);
  let count = 0;
  let malformed = 0;
  reader.assign([{ topic: table.topic, partition, offset: first }]);
  let next = first;
  while (next < end) {
    for (const polled of await reader.poll(1_000)) {
      if (polled.partition !== partition) continue;
      while (polled.records.next() && polled.records.offset < end) {
        if (!sorter.isGood(polled.records)) {
          malformed++;
          continue;
        }
        if (count === good.length) {
          const grown = new Float64Array(count * 2);
          grown.set(good);
          good = grown;
        }
        good[count++] = polled.records.offset;
      }
      next = polled.nextOffset;
    }
  }
  reader.pause([{ topic: table.topic, partition }]);
  return { good: good.subarray(0, count), malformed };
}

/** Offsets of the partition's rows, ascending. */
async function rowOffsets(
  client: ClickHouseClient,
  table: SinkTable,
  partition: number,
): Promise<Float64Array> {
  const { stream } = await client.exec({
    query: `SELECT kafka_offset FROM ${table.table}
      WHERE kafka_topic = {topic: String} AND kafka_partition = {partition: UInt32} ORDER BY kafka_offset FORMAT RowBinary`,
    query_params: { topic: table.topic, partition },
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const offsets = new Float64Array(bytes.length / 8);
  for (let i = 0; i < offsets.length; i++) offsets[i] = Number(bytes.readBigUInt64LE(i * 8));
  return offsets;
}

function lowerBound(sorted: Float64Array, value: number): number {
  const index = sorted.findIndex((one) => one >= value);
  return index < 0 ? sorted.length : index;
}
