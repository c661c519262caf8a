/**
 * The Kafka side of the protocol: announcements in a compacted topic, written in transactions of one id.
 *
 * A topic belongs to one sink, so whoever has initialised the id knows that no transaction is open on it: reading it to its
 * end shows every announcement that was ever committed.
 *
 * E1  What tables announce while a transaction is under way goes into the next one, together: a table waits for two at most,
 *     however many there are. After one that was aborted they go one by one, so that a table that Kafka refuses delays no other.
 */
import { DeadLetter } from "../../../schemas/index.ts";
import type { KafkaConnection } from "../../config.ts";
import { describeTopics, ensureTopics, type TopicSpec } from "../../kafka/admin.ts";
import { FrameWriter } from "../../kafka/frames.ts";
import type { CommitOutcome, PartitionReader, TransactionalWriter } from "../../kafka/log.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import { createTransactionalWriter } from "../../kafka/transactional-writer.ts";
import { type Announcement, fromText, toText } from "./announcement.ts";
import type { BadRecord, SinkTable } from "./batch.ts";

export interface AnnouncementsOptions {
  readonly kafka: KafkaConnection;
  /** Name of the sink: its topic is `NAME-ranges`, its transactional id `NAME`. */
  readonly name: string;
  readonly deadLetterTopic: string;
  readonly log: (line: string) => void;
}

export interface Announced {
  readonly outcome: CommitOutcome;
  /** When the transaction began, by performance.now(): the id was ours then, if it was committed. */
  readonly startedMs: number;
}

/** Announcements of one transaction. */
interface Group {
  readonly frames: FrameWriter;
  readonly announcements: Map<string, Announcement>;
  readonly done: Promise<Announced>;
}

/** Longer than Kafka's default: a machine that is busy takes its time, and who takes over aborts what is open at once. */
const TRANSACTION_TIMEOUT_MS = 60_000;
/** Readers of the topic read a segment at each start: what is compacted is not in the last one. */
const SEGMENT_BYTES = 16 * 1024 * 1024;
const DEAD_LETTER_STAGE = "clickhouse";
/** Dead letters are kept for good. */
const KEPT_CONFIG = { "cleanup.policy": "delete", "retention.ms": "-1" };

export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #topics: readonly [string, string];
  readonly #writer: TransactionalWriter;
  #deadLetterPartitions = 1;
  /** Transactions go one by one. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Of the next transaction (E1). */
  #waiting: Group | undefined;
  #oneByOne = false;
  #latest = new Map<string, Announcement>();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    this.#topics = [rangesTopic(options.name), options.deadLetterTopic];
    this.#writer = createTransactionalWriter(options.kafka, {
      transactionalId: options.name,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      log: options.log,
    });
  }

  /** Fences every earlier owner, then reads the latest announcement of each table. @param reader is closed by the caller. */
  async open(reader: PartitionReader): Promise<void> {
    const [topic, deadLetters] = this.#topics;
    const { kafka, name } = this.#options;
    const known = await describeTopics(kafka, [deadLetters]);
    const missing = known.has(deadLetters)
      ? []
      : [{ topic: deadLetters, partitions: 1, config: KEPT_CONFIG }];
    await ensureTopics(kafka, [rangesTopicSpec(name), ...missing]);
    this.#deadLetterPartitions = await reader.partitionCount(deadLetters);
    await this.#writer.init();
    this.#latest = await readAnnouncements(reader, topic);
  }

  /** What Kafka holds of the table. */
  latest(table: SinkTable): Announcement | undefined {
    return this.#latest.get(keyOf(table));
  }

  /** In one transaction: the announcement, and the dead letters of its ranges (X7). */
  write(table: SinkTable, announcement: Announcement, bad: readonly BadRecord[]): Promise<Announced> {
    if (this.#waiting === undefined || this.#oneByOne) this.#waiting = this.#nextGroup();
    const { frames, announcements, done } = this.#waiting;
    const nowMs = Date.now();
    announcements.set(keyOf(table), announcement);
    frames.write(0, 0, nowMs, keyOf(table), Buffer.from(toText(announcement)));
    for (const record of bad) {
      const letterKey = `${table.topic}/${record.partition}`;
      const partition = partitionOf(letterKey, this.#deadLetterPartitions);
      frames.write(1, partition, nowMs, letterKey, DeadLetter.encode(this.#letterOf(table, record)));
    }
    return done;
  }

  #letterOf({ table, topic }: SinkTable, record: BadRecord): DeadLetter {
    const { partition, offset, timestampMs, reason, key, value } = record;
    const { name: job } = this.#options;
    const stage = DEAD_LETTER_STAGE;
    return { job, stage, step: stepOf(table), topic, partition, offset, timestampMs, reason, key, value };
  }

  #nextGroup(): Group {
    const frames = new FrameWriter();
    const announcements = new Map<string, Announcement>();
    const done = this.#queue.then(async () => {
      if (this.#waiting?.frames === frames) this.#waiting = undefined;
      const startedMs = performance.now();
      const outcome = await this.#writer.commit(this.#topics, frames.take());
      this.#oneByOne = outcome.kind === "aborted";
      if (outcome.kind === "committed") {
        for (const [key, announcement] of announcements) this.#latest.set(key, announcement);
      }
      return { outcome, startedMs };
    });
    this.#queue = done;
    return { frames, announcements, done };
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
  const config = { "cleanup.policy": "compact", "segment.bytes": `${SEGMENT_BYTES}` };
  return { topic: rangesTopic(sink), partitions: 1, config };
}

/** The step that dead letters of a table name. */
export function stepOf(table: string): string {
  return `sink ${table}`;
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
