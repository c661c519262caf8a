/**
 * Dead letters of the sink, read from Kafka: the records that are to become some, and those that are some already.
 * Rare, so each reads with a reader of its own.
 */
import { DeadLetter } from "../../../schemas/index.ts";
import type { PartitionReader, Position, RecordCursor } from "../../kafka/log.ts";
import { stepOf } from "./announcements.ts";
import type { Offsets } from "./apart.ts";
import { type BadRecord, badRecord, type SinkTable } from "./batch.ts";

const POLL_MS = 500;

/** The records at these offsets, each with its reason. One that Kafka no longer keeps is not among them. */
export async function recordsAt(
  reader: PartitionReader,
  topic: string,
  offsets: Offsets,
  reasonOf: (partition: number, offset: number) => string,
): Promise<BadRecord[]> {
  const wanted = new Map([...offsets].map(([partition, list]) => [partition, new Set(list)]));
  const partitions = [...offsets.keys()].map((partition) => ({ topic, partition }));
  const extents = await reader.offsets(partitions);
  const spans = partitions.map(({ partition }, i) => {
    const list = offsets.get(partition)!;
    return { topic, partition, offset: Math.max(list[0]!, extents[i]!.first), end: list.at(-1)! + 1 };
  });
  const records: BadRecord[] = [];
  await walk(reader, spans, (partition, record) => {
    if (wanted.get(partition)?.has(record.offset))
      records.push(badRecord(partition, record, reasonOf(partition, record.offset)));
  });
  return records;
}

/** By partition of the table's topic: the offsets that the table's dead letters name. */
export async function letteredOffsets(
  reader: PartitionReader,
  deadLetterTopic: string,
  { table, topic }: Pick<SinkTable, "table" | "topic">,
): Promise<Map<number, Set<number>>> {
  const count = await reader.partitionCount(deadLetterTopic);
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic: deadLetterTopic, partition }));
  const extents = await reader.offsets(partitions);
  const spans = partitions.map((place, i) => ({ ...place, offset: extents[i]!.first, end: extents[i]!.end }));
  const lettered = new Map<number, Set<number>>();
  await walk(reader, spans, (_, { buffer, valueStart, valueEnd }) => {
    if (valueStart < 0) return;
    const letter = DeadLetter.decode(buffer, valueStart, valueEnd);
    if (letter.topic !== topic || letter.step !== stepOf(table)) return;
    const offsets = lettered.get(letter.partition) ?? new Set();
    lettered.set(letter.partition, offsets.add(letter.offset));
  });
  return lettered;
}

async function walk(
  reader: PartitionReader,
  spans: readonly (Position & { readonly end: number })[],
  each: (partition: number, record: RecordCursor) => void,
): Promise<void> {
  const open = new Map(spans.filter(({ offset, end }) => offset < end).map((span) => [span.partition, span]));
  reader.assign([...open.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset })));
  while (open.size > 0) {
    for (const { partition, records, nextOffset } of await reader.poll(POLL_MS)) {
      const span = open.get(partition);
      if (span === undefined) continue;
      while (records.next() && records.offset < span.end) each(partition, records);
      if (nextOffset < span.end) continue;
      open.delete(partition);
      reader.pause([span]);
    }
  }
}
