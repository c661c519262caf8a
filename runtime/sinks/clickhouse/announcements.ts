/**
 * The Kafka side of the protocol: announcements in a compacted topic, written in transactions of one id.
 *
 * A topic belongs to one sink, so whoever has initialised the id knows that no transaction is open on it: reading it to its
 * end shows every announcement that was ever committed.
 */
import { DeadLetter } from "../../../schemas/index.ts";
import type { KafkaConnection } from "../../config.ts";
import { PacestreamError } from "../../errors.ts";
import { ensureTopics, type TopicSpec } from "../../kafka/admin.ts";
import { FrameWriter } from "../../kafka/frames.ts";
import type { CommitOutcome, PartitionReader, TransactionalWriter } from "../../kafka/log.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import { createTransactionalWriter } from "../../kafka/transactional-writer.ts";
import type { BadRecord, SinkTable } from "./batch.ts";
import type { Announcement, Range } from "./protocol.ts";

export interface AnnouncementsOptions {
  readonly kafka: KafkaConnection;
  /** Name of the sink: its topic is `NAME-ranges`, its transactional id `NAME`. */
  readonly name: string;
  readonly deadLetterTopic: string;
  readonly log: (line: string) => void;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #topics: readonly [string, string];
  readonly #writer: TransactionalWriter;
  #deadLetterPartitions = 1;
  /** Transactions go one by one. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    this.#topics = [rangesTopic(options.name), options.deadLetterTopic];
    this.#writer = createTransactionalWriter(options.kafka, {
      transactionalId: options.name,
      log: options.log,
    });
  }

  /** Fences every earlier owner, then reads the latest announcement of each table. @param reader is closed by the caller. */
  async open(reader: PartitionReader): Promise<Map<string, Announcement>> {
    const [topic, deadLetters] = this.#topics;
    await ensureTopics(this.#options.kafka, [rangesTopicSpec(this.#options.name)]);
    this.#deadLetterPartitions = await reader.partitionCount(deadLetters);
    await this.#writer.init();
    return readAnnouncements(reader, topic);
  }

  /** One transaction: the announcement, and the dead letters of its ranges (X7). */
  write(table: SinkTable, announcement: Announcement, bad: readonly BadRecord[]): Promise<CommitOutcome> {
    const frames = new FrameWriter();
    const nowMs = Date.now();
    frames.write(0, 0, nowMs, keyOf(table), Buffer.from(toText(announcement)));
    for (const record of bad) {
      const { partition, offset, timestampMs, reason, key, value } = record;
      const letter = {
        job: this.#options.name,
        stage: "clickhouse",
        step: table.table,
        topic: table.topic,
        partition,
        offset,
        timestampMs,
        reason,
        key,
        value,
      };
      const letterKey = `${table.topic}/${partition}`;
      frames.write(
        1,
        partitionOf(letterKey, this.#deadLetterPartitions),
        nowMs,
        letterKey,
        DeadLetter.encode(letter),
      );
    }
    const taken = frames.take();
    const committed = this.#queue.then(() => this.#writer.commit(this.#topics, taken));
    this.#queue = committed;
    return committed;
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }
}

export function rangesTopic(sink: string): string {
  return `${sink}-ranges`;
}

/** One partition, compacted: the latest announcement of each table stays. */
export function rangesTopicSpec(sink: string): TopicSpec {
  return { topic: rangesTopic(sink), partitions: 1, config: { "cleanup.policy": "compact" } };
}

/** The key under which a table's announcements stand. */
export function keyOf(table: Pick<SinkTable, "table" | "topic">): string {
  return `${table.table}/${table.topic}`;
}

/** The latest committed announcement of each key. The topic has one partition. */
export async function readAnnouncements(
  reader: PartitionReader,
  topic: string,
): Promise<Map<string, Announcement>> {
  const latest = new Map<string, Announcement>();
  const partition = { topic, partition: 0 };
  const { first, end } = (await reader.offsets([partition]))[0]!;
  reader.assign([{ ...partition, offset: first }]);
  let next = first;
  while (next < end) {
    for (const polled of await reader.poll(1_000)) {
      if (polled.topic !== topic) continue;
      const { records } = polled;
      while (records.next()) {
        const { buffer, keyStart, keyEnd, valueStart, valueEnd } = records;
        const key = buffer.toString("utf8", Math.max(0, keyStart), keyEnd);
        if (valueStart < 0) latest.delete(key);
        else
          latest.set(
            key,
            fromText(buffer.toString("utf8", valueStart, valueEnd), `${topic}, offset ${records.offset}`),
          );
      }
      next = polled.nextOffset;
    }
  }
  reader.pause([partition]);
  return latest;
}

/** JSON, so that an operator can read it with any Kafka tool: `{"v":1,"done":false,"generation":0,"ranges":[[partition,first,end],…]}`. */
function toText({ ranges, generation, done, lettersFrom }: Announcement): string {
  return JSON.stringify({
    v: 1,
    done,
    generation,
    ranges: ranges.map(({ partition, first, end }) => [partition, first, end]),
    lettersFrom,
  });
}

function fromText(text: string, where: string): Announcement {
  const value = parse(text);
  if (value?.v !== 1 || !Array.isArray(value.ranges) || !value.ranges.every(isRange)) {
    throw new PacestreamError(
      "SINK_STATE",
      `${where} is not an announcement this version can read: ${text.slice(0, 200)}`,
    );
  }
  const ranges: Range[] = value.ranges.map(([partition, first, end]) => ({ partition, first, end }));
  const announcement = { ranges, generation: Number(value.generation ?? 0), done: value.done === true };
  return Array.isArray(value.lettersFrom)
    ? { ...announcement, lettersFrom: value.lettersFrom.map(Number) }
    : announcement;
}

interface Stored {
  readonly v?: unknown;
  readonly done?: unknown;
  readonly generation?: unknown;
  readonly ranges?: unknown;
  readonly lettersFrom?: unknown;
}

function parse(text: string): Stored | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRange(value: unknown): value is [number, number, number] {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    value.every((part) => Number.isSafeInteger(part) && part >= 0)
  );
}
