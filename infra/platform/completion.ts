/**
 * When everything that was sent has become a row in ClickHouse.
 *
 * D1  Stage by stage, upstream first: a stage has done its part when its group has committed every record of its inputs;
 *     what came of them was committed with them, so only then is the end of what it writes final.
 * D2  The sink comes last. Where it works here, it says itself how far it is; where it works on another node, its
 *     announcements in Kafka do.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaConnection } from "../../runtime/config.ts";
import type { PlanDescription } from "../../runtime/graph/describe.ts";
import { committedOffsets, describeTopics, endOffsets } from "../../runtime/kafka/admin.ts";
import type { PartitionReader, Position, TopicPartition } from "../../runtime/kafka/log.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { keyOf, rangesTopic, readAnnouncements } from "../../runtime/sinks/clickhouse/announcements.ts";
import type { ClickHouseSink, SinkTable } from "../../runtime/sinks/clickhouse/index.ts";

export interface CompletionOptions {
  readonly kafka: KafkaConnection;
  readonly plan: PlanDescription;
  readonly sink: Pick<ClickHouseSink, "progress" | "state">;
  readonly sinkName: string;
  readonly tables: readonly SinkTable[];
  /** Called between looks; throws when waiting is in vain. */
  readonly check: () => Promise<void>;
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 50;
/** Reading announcements costs more than a look at what is known here. */
const READ_EVERY_MS = 250;

/** Resolves when all of it is in ClickHouse, or after `signal`. */
export async function allInClickHouse(options: CompletionOptions): Promise<void> {
  const { kafka, plan, signal } = options;
  for (const stage of plan.stages) {
    const partitions = await partitionsOf(
      kafka,
      stage.inputs.map(({ topic }) => topic),
    );
    const ends = await endOffsets(kafka, partitions); // D1: final, for the stages above are done
    for (;;) {
      const committed = await committedOffsets(kafka, plan.job, partitions);
      if (ends.every(({ offset }, i) => offset === 0 || committed[i]!.offset >= offset)) break;
      await options.check();
      if (signal.aborted) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
  await sinkDone(options);
}

/** D2 */
async function sinkDone(options: CompletionOptions): Promise<void> {
  const { kafka, sink, tables, check, signal } = options;
  const partitions = await partitionsOf(
    kafka,
    tables.map(({ topic }) => topic),
  );
  const ends = await endOffsets(kafka, partitions);
  const reader = createPartitionReader(kafka, { clientId: "completion" });
  try {
    for (;;) {
      const here = sink.state === "working";
      if (here ? isPast(sink.progress(), ends) : await isAnnounced(reader, options, ends)) return;
      await check();
      if (signal.aborted) return;
      await sleep(here ? LOOK_EVERY_MS : READ_EVERY_MS);
    }
  } finally {
    await reader.close();
  }
}

function isPast(progress: ReadonlyMap<string, number>, ends: readonly Position[]): boolean {
  return ends.every(
    ({ topic, partition, offset }) => offset === 0 || (progress.get(`${topic}/${partition}`) ?? 0) >= offset,
  );
}

/** Whether what another node's sink has announced, and knows to be in ClickHouse, reaches the last result. */
async function isAnnounced(
  reader: PartitionReader,
  { sinkName, tables }: CompletionOptions,
  ends: readonly Position[],
): Promise<boolean> {
  const announcements = await readAnnouncements(reader, rangesTopic(sinkName));
  for (const end of ends.filter(({ offset }) => offset > 0)) {
    const table = tables.find(({ topic }) => topic === end.topic)!;
    const { done, ranges } = announcements.get(keyOf(table)) ?? { done: true, ranges: [] };
    const known = ranges.find(({ partition }) => partition === end.partition)?.end ?? 0;
    if (!done || (await holdsRecords(reader, { ...end, offset: known }, end.offset))) return false;
  }
  return true;
}

/** Whether a record lies in `[from.offset, end)`: what ends a transaction takes an offset too, and is none. */
async function holdsRecords(reader: PartitionReader, from: Position, end: number): Promise<boolean> {
  let next = from.offset;
  let found = false;
  reader.assign([from]);
  while (next < end && !found) {
    for (const { topic, partition, records, nextOffset } of await reader.poll(LOOK_EVERY_MS)) {
      if (topic !== from.topic || partition !== from.partition) continue;
      found ||= records.next() && records.offset < end;
      next = nextOffset;
    }
  }
  reader.pause([from]);
  return found;
}

async function partitionsOf(kafka: KafkaConnection, topics: readonly string[]): Promise<TopicPartition[]> {
  const counts = await describeTopics(kafka, topics);
  return topics.flatMap((topic) =>
    Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  );
}
