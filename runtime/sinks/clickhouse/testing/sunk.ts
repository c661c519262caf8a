/** What tests of the whole sink share: one on a place of its own, what is in its table, and what it set apart. */
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { expect, inject } from "vitest";
import { DeadLetter } from "../../../../schemas/index.ts";
import type { ClickHouseConnection } from "../../../config.ts";
import { createPartitionReader } from "../../../kafka/reader.ts";
import { type ClickHouseSink, type ClickHouseSinkOptions, reconcile, startClickHouseSink } from "../index.ts";
import { makePlace, type Place, type SampleWriter, sampleWriter, tableOf } from "./samples.ts";

export function sinkOf(place: Place, more: Partial<ClickHouseSinkOptions> = {}): Promise<ClickHouseSink> {
  return startClickHouseSink({ ...place, tables: [tableOf(place)], log: () => {}, ...more });
}

export async function expectExact(place: Place, rows: number): Promise<void> {
  const { exact, partitions } = await reconcile(
    place.kafka,
    place.clickHouse,
    [tableOf(place)],
    place.deadLetterTopic,
  );
  expect(partitions.filter(({ missing, doubled, foreign }) => missing + doubled + foreign > 0)).toEqual([]);
  expect(exact).toBe(true);
  expect(partitions.reduce((sum, partition) => sum + partition.rows, 0)).toBe(rows);
}

export async function select(clickHouse: ClickHouseConnection, query: string): Promise<unknown[]> {
  const { url, username, password, database } = clickHouse;
  await using client = createClient({
    url,
    username,
    password,
    database,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const result = await client.query({ query, format: "JSONEachRow" });
  return await result.json();
}

export async function command(clickHouse: ClickHouseConnection, query: string): Promise<void> {
  const { url, username, password, database } = clickHouse;
  await using client = createClient({ url, username, password, database });
  await client.command({ query });
}

export async function withSamples(
  work: (place: Place, writer: SampleWriter) => Promise<void>,
  clickHouse = inject("clickHouse"),
) {
  const place = await makePlace(inject("kafka"), clickHouse);
  const writer = await sampleWriter(place);
  try {
    await work(place, writer);
  } finally {
    await writer.close();
  }
}

export async function deadLetters(place: Place): Promise<DeadLetter[]> {
  const reader = createPartitionReader(place.kafka);
  const partition = { topic: place.deadLetterTopic, partition: 0 };
  const { end } = (await reader.offsets([partition]))[0]!;
  reader.assign([{ ...partition, offset: 0 }]);
  const letters: DeadLetter[] = [];
  for (let next = 0; next < end; ) {
    for (const { records, nextOffset } of await reader.poll(500)) {
      while (records.next())
        letters.push(DeadLetter.decode(records.buffer, records.valueStart, records.valueEnd));
      next = nextOffset;
    }
  }
  await reader.close();
  return letters.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}
