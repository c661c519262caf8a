/**
 * Reads partitions of a Kafka topic, in any worker thread: raw record batches, walked in place (record-walk.ts).
 *
 * Owns where each partition stands and what was fetched ahead of the caller. Finding brokers is cluster-metadata.ts's.
 *
 * R1  One fetch in flight per broker, and one answer held per partition: memory is bounded by `maxBytes` per broker in
 *     flight plus `partitionMaxBytes` per partition held, however slow the caller is.
 * R2  The next fetch leaves when an answer is handed over, so the broker works while the caller does.
 * R3  An answer that belongs to an earlier `assign` of its partition is dropped.
 * R4  Errors that pass are retried for ever, with growing pauses up to two seconds: a broker may be away for long.
 * R5  Partitions take turns at the head of a request: a broker fills an answer from its head.
 * R6  A broker without news is asked to hold the next request longer, up to `fetchWaitMaxMs`: what is quiet costs little. News come at
 *     once all the same; only a partition that is assigned meanwhile waits for the answer.
 */
import type { KafkaConnection } from "../config.ts";
import { systemTime, type Time } from "../time.ts";
import { errorName, passes, throwIfFinal } from "./cluster-metadata.ts";
import {
  CorruptBatchError,
  KafkaRefusedError,
  OffsetOutOfRangeError,
  TopicRecreatedError,
  UnknownTopicError,
} from "./errors.ts";
import type { FetchedPartition } from "./fetch-api.ts";
import type { PartitionReader, PolledPartition, Position, TopicPartition } from "./log.ts";
import { type FetchRequestPartition, kafkaCluster, type ReaderCluster } from "./reader-cluster.ts";
import { BadBatch, checkBatches } from "./record-batch.ts";
import { RecordWalk } from "./record-walk.ts";
import { Signal } from "./signal.ts";

export interface PartitionReaderOptions {
  readonly clientId?: string;
  /** Of one fetch answer. */
  readonly maxBytes?: number;
  /** Of one partition in an answer; a single larger batch still comes through. */
  readonly partitionMaxBytes?: number;
  /** How long a broker may be asked to hold a request without news (R6). Default: as at first, 50 ms. */
  readonly fetchWaitMaxMs?: number;
  readonly isolation?: "read_committed" | "read_uncommitted";
  /** Told when the cluster goes away and when it is back. */
  readonly log?: (message: string) => void;
  /** The simulation's; the real ones where absent. */
  readonly time?: Time;
  readonly cluster?: ReaderCluster;
}

/** How long the broker holds a request without data, at first: a newly assigned partition waits for its first fetch so long at most. */
const FETCH_WAIT_MS = 50;
/** Between looks at whether a pause is over. */
const TICK_MS = 100;
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 2_000;
/** A topic that was just created may be unknown to a broker for a moment. */
const UNKNOWN_TOPIC_GRACE_MS = 15_000;
const CORRUPT_TRIES = 3;

const OFFSET_OUT_OF_RANGE = 1;
const CORRUPT_MESSAGE = 2;
const UNKNOWN_TOPIC = 3;

interface Assigned extends TopicPartition {
  /** The next offset to fetch; what is held or handed over lies before it. */
  position: number;
  /** The high watermark that was told last. */
  writtenTo: number;
  paused: boolean;
  fetching: boolean;
  held: PolledPartition | undefined;
  /** Of the topic that the position belongs to; "" before the first answer. */
  topicId: string;
  failures: number;
  retryAtMs: number;
  unknownSinceMs: number | undefined;
}

/** Makes a reader; nothing is connected before the first `poll`. */
export function createPartitionReader(
  connection: KafkaConnection,
  options: PartitionReaderOptions = {},
): PartitionReader {
  const cluster = options.cluster ?? kafkaCluster(connection, options.clientId ?? "pacestream-reader");
  return new KafkaPartitionReader(cluster, options);
}

class KafkaPartitionReader implements PartitionReader {
  readonly #cluster: ReaderCluster;
  readonly #time: Time;
  readonly #maxBytes: number;
  readonly #fetchWaitMaxMs: number;
  readonly #partitionMaxBytes: number;
  readonly #committedOnly: boolean;
  readonly #log: (message: string) => void;

  readonly #partitions = new Map<string, Assigned>();
  readonly #brokers = new Map<
    number,
    { busy: boolean; failures: number; retryAtMs: number; waitMs: number }
  >();
  readonly #arrived: Signal;
  #turn = 0;
  #failure: unknown;
  #metadataStale = false;
  #refreshing = false;
  #refreshFailures = 0;
  #refreshAtMs = 0;
  #closed = false;

  constructor(cluster: ReaderCluster, options: PartitionReaderOptions) {
    this.#cluster = cluster;
    this.#time = options.time ?? systemTime;
    this.#arrived = new Signal(this.#time);
    this.#maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
    this.#fetchWaitMaxMs = options.fetchWaitMaxMs ?? FETCH_WAIT_MS;
    this.#partitionMaxBytes = options.partitionMaxBytes ?? 1024 * 1024;
    this.#committedOnly = options.isolation !== "read_uncommitted";
    this.#log = options.log ?? (() => {});
  }

  assign(positions: readonly Position[]): void {
    for (const broker of this.#brokers.values()) broker.waitMs = FETCH_WAIT_MS;
    for (const { topic, partition, offset } of positions) {
      this.#partitions.set(keyOf(topic, partition), {
        topic,
        partition,
        position: offset,
        writtenTo: offset,
        paused: false,
        fetching: false,
        held: undefined,
        topicId: "",
        failures: 0,
        retryAtMs: 0,
        unknownSinceMs: undefined,
      });
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.#arrived.notify(); // what was held while paused is there at once
  }

  async poll(waitMs: number): Promise<readonly PolledPartition[]> {
    const deadlineMs = this.#time.elapsed() + waitMs;
    for (;;) {
      // Before anything is taken: what was taken must be handed over.
      this.#throwFailure();
      const arrived = this.#arrived.next();
      const polled = this.#takeHeld();
      this.#fetchAll(); // R2
      const leftMs = deadlineMs - this.#time.elapsed();
      if (polled.length > 0 || leftMs <= 0 || this.#closed) return polled;
      await arrived.orAfter(Math.min(leftMs, TICK_MS));
    }
  }

  async offsets(partitions: readonly TopicPartition[]): Promise<readonly { first: number; end: number }[]> {
    return this.#cluster.offsets(partitions, this.#committedOnly);
  }

  async partitionCount(topic: string): Promise<number> {
    return this.#cluster.partitionCount(topic);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#partitions.clear();
    this.#arrived.notify();
    await this.#cluster.close();
  }

  #setPaused(partitions: readonly TopicPartition[], paused: boolean): void {
    for (const { topic, partition } of partitions) {
      const assigned = this.#partitions.get(keyOf(topic, partition));
      if (assigned) assigned.paused = paused;
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #takeHeld(): PolledPartition[] {
    const polled: PolledPartition[] = [];
    for (const assigned of this.#partitions.values()) {
      if (assigned.held === undefined || assigned.paused) continue;
      polled.push(assigned.held);
      assigned.held = undefined;
    }
    return polled;
  }

  /** Sends a fetch to every broker that is idle and leads something to read. */
  #fetchAll(): void {
    const nowMs = this.#time.elapsed();
    const byLeader = new Map<number, Assigned[]>();
    for (const assigned of this.#partitions.values()) {
      if (assigned.paused || assigned.fetching || assigned.held || assigned.retryAtMs > nowMs) continue;
      const leader = this.#leaderOf(assigned, nowMs);
      if (leader < 0) continue;
      const broker = this.#brokers.get(leader);
      if (broker && (broker.busy || broker.retryAtMs > nowMs)) continue;
      const partitions = byLeader.get(leader);
      if (partitions) partitions.push(assigned);
      else byLeader.set(leader, [assigned]);
    }
    for (const [leader, partitions] of byLeader) void this.#fetch(leader, partitions);
    if (this.#metadataStale) this.#refresh(nowMs);
  }

  /** The node id, or -1 while it is not known (and a refresh is asked for). */
  #leaderOf(assigned: Assigned, nowMs: number): number {
    const topic = this.#cluster.topic(assigned.topic);
    const leader = topic?.leaders[assigned.partition];
    if (topic !== undefined && topic.errorCode === 0 && leader !== undefined) {
      assigned.unknownSinceMs = undefined;
      if (assigned.topicId === "") assigned.topicId = topic.id;
      else if (assigned.topicId !== topic.id) this.#failure = new TopicRecreatedError(assigned.topic);
      if (leader < 0) this.#metadataStale = true;
      return leader;
    }
    this.#metadataStale = true;
    if (topic === undefined) return -1;
    if (topic.errorCode !== 0 && topic.errorCode !== UNKNOWN_TOPIC && !passes(topic.errorCode)) {
      this.#failure = new KafkaRefusedError(`${assigned.topic}: ${errorName(topic.errorCode)}`);
    }
    assigned.unknownSinceMs ??= nowMs;
    if (nowMs - assigned.unknownSinceMs > UNKNOWN_TOPIC_GRACE_MS) {
      this.#failure = new UnknownTopicError(assigned.topic, assigned.partition);
    }
    return -1;
  }

  #refresh(nowMs: number): void {
    if (this.#refreshing || this.#refreshAtMs > nowMs || this.#closed) return;
    this.#refreshing = true;
    const topics = new Set<string>();
    for (const assigned of this.#partitions.values()) topics.add(assigned.topic);
    this.#cluster
      .refresh([...topics])
      .then(
        () => {
          if (this.#refreshFailures > 0) this.#log("Kafka answers again");
          this.#refreshFailures = 0;
          this.#metadataStale = false;
          // A leader may be missing for a while: do not ask without pause.
          this.#refreshAtMs = this.#time.elapsed() + PAUSE_FIRST_MS;
        },
        (error: unknown) => {
          if (this.#refreshFailures === 0) this.#log((error as Error).message);
          this.#refreshAtMs = this.#time.elapsed() + pauseMs(this.#refreshFailures++);
          this.#failIfFinal(error);
        },
      )
      .finally(() => {
        this.#refreshing = false;
        this.#arrived.notify();
      });
  }

  async #fetch(leader: number, partitions: Assigned[]): Promise<void> {
    const broker = this.#brokers.get(leader) ?? {
      busy: false,
      failures: 0,
      retryAtMs: 0,
      waitMs: FETCH_WAIT_MS,
    };
    this.#brokers.set(leader, broker);
    broker.busy = true;
    for (const assigned of partitions) assigned.fetching = true;
    try {
      const answer = await this.#cluster.fetch(leader, {
        waitMs: broker.waitMs,
        maxBytes: this.#maxBytes,
        committedOnly: this.#committedOnly,
        topics: this.#request(partitions),
      });
      broker.failures = 0;
      const isNews = answer.partitions.some(
        ({ records, errorCode }) => records.length > 0 || errorCode !== 0,
      );
      broker.waitMs = isNews ? FETCH_WAIT_MS : Math.min(this.#fetchWaitMaxMs, broker.waitMs * 2); // R6
      for (const fetched of answer.partitions) {
        const asked = partitions.find(
          (one) => one.partition === fetched.partition && one.topicId === fetched.topicId,
        );
        if (asked && this.#isCurrent(asked)) this.#accept(asked, fetched); // R3
      }
    } catch (error) {
      // R4
      broker.retryAtMs = this.#time.elapsed() + pauseMs(broker.failures++);
      this.#metadataStale = true;
      this.#failIfFinal(error);
    } finally {
      broker.busy = false;
      for (const assigned of partitions) assigned.fetching = false;
      this.#arrived.notify();
    }
  }

  #request(partitions: readonly Assigned[]) {
    const byTopic = new Map<string, { topicId: string; partitions: FetchRequestPartition[] }>();
    const first = this.#turn++ % partitions.length; // R5
    for (let i = 0; i < partitions.length; i++) {
      const assigned = partitions[(first + i) % partitions.length]!;
      let topic = byTopic.get(assigned.topicId);
      if (!topic) {
        topic = { topicId: assigned.topicId, partitions: [] };
        byTopic.set(assigned.topicId, topic);
      }
      topic.partitions.push(requestOf(assigned, this.#partitionMaxBytes));
    }
    return [...byTopic.values()];
  }

  #isCurrent(assigned: Assigned): boolean {
    return this.#partitions.get(keyOf(assigned.topic, assigned.partition)) === assigned;
  }

  #accept(assigned: Assigned, fetched: FetchedPartition): void {
    const { topic, partition, position } = assigned;
    if (fetched.errorCode !== 0) {
      this.#partitionFailed(assigned, fetched.errorCode);
      return;
    }
    try {
      const { end, nextOffset } = checkBatches(fetched.records, position);
      assigned.failures = 0;
      const writtenTo = fetched.highWatermark;
      if (nextOffset === position && writtenTo === assigned.writtenTo) return;
      const aborted = this.#committedOnly ? fetched.aborted : [];
      assigned.held = {
        topic,
        partition,
        records: new RecordWalk(topic, partition, position, fetched.records.subarray(0, end), aborted),
        nextOffset,
        endOffset: this.#committedOnly ? fetched.lastStableOffset : writtenTo,
        writtenTo,
      };
      assigned.position = nextOffset;
      assigned.writtenTo = writtenTo;
    } catch (error) {
      if (!(error instanceof BadBatch)) throw error;
      this.#corrupt(assigned, error.offset, error.reason);
    }
  }

  #partitionFailed(assigned: Assigned, errorCode: number): void {
    const { topic, partition, position } = assigned;
    if (errorCode === OFFSET_OUT_OF_RANGE) {
      this.#stop(assigned, new OffsetOutOfRangeError(topic, partition, position));
    } else if (errorCode === CORRUPT_MESSAGE) {
      this.#corrupt(assigned, position, "the broker says so");
    } else if (passes(errorCode) || errorCode === -1) {
      this.#pauseAfterFailure(assigned);
      this.#metadataStale = true;
    } else {
      this.#stop(assigned, new KafkaRefusedError(`${topic}/${partition}: ${errorName(errorCode)}`));
    }
  }

  /** Bytes may be damaged on their way: they are fetched again before this is believed. */
  #corrupt(assigned: Assigned, offset: number, reason: string): void {
    if (assigned.failures + 1 >= CORRUPT_TRIES) {
      this.#stop(assigned, new CorruptBatchError(assigned.topic, assigned.partition, offset, reason));
    } else {
      this.#pauseAfterFailure(assigned);
    }
  }

  /** Thrown once by `poll`; the partition is not read until it is assigned anew. */
  #stop(assigned: Assigned, failure: Error): void {
    assigned.retryAtMs = Number.POSITIVE_INFINITY;
    this.#failure = failure;
  }

  #pauseAfterFailure(assigned: Assigned): void {
    assigned.retryAtMs = this.#time.elapsed() + pauseMs(assigned.failures++);
  }

  #failIfFinal(error: unknown): void {
    if (this.#closed) return;
    try {
      throwIfFinal(error);
    } catch (final) {
      this.#failure = final;
    }
  }
}

function requestOf(assigned: Assigned, partitionMaxBytes: number): FetchRequestPartition {
  return {
    partition: assigned.partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(assigned.position),
    lastFetchedEpoch: -1,
    partitionMaxBytes,
  };
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function pauseMs(failures: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(failures, 10));
}
