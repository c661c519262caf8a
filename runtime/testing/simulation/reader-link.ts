/**
 * The simulated cluster as the runtime's own partition reader sees it: metadata that may be old, fetches that wait for data,
 * answers in record batches with the aborted transactions of their range.
 */
import { UnknownTopicError } from "../../kafka/errors.ts";
import type { FetchAnswer, FetchedPartition } from "../../kafka/fetch-api.ts";
import type { ReaderCluster } from "../../kafka/reader-cluster.ts";
import { BROKERS, type Cluster, type SimulatedTopic } from "./cluster.ts";
import { BROKEN, REFUSED } from "./network.ts";
import type { AbortedRange, PartitionLog } from "./partition-log.ts";
import type { Thread } from "./world.ts";

/** How a reader's view of the log may be falsified, for bugs put in on purpose. */
export interface ReaderFlaws {
  /** What the reader takes for the last stable offset. */
  readonly stableOf?: (log: PartitionLog) => number;
  readonly abortedOf?: (aborted: AbortedRange[]) => AbortedRange[];
}

/** Chunks are small, so that a restore takes many. */
const CHUNK_BYTES_MAX = 6_000;
/** A broker may hold a request without data for so long: longer than it is asked to, which costs the simulation less. */
const HOLD_MS = 900;
const NOT_LEADER = 6;
const OFFSET_OUT_OF_RANGE = 1;
const EMPTY = Buffer.alloc(0);

export interface ReaderLinkOptions {
  readonly cluster: Cluster;
  readonly node: string;
  readonly thread: Thread;
  /** Extra delay of each answer. */
  readonly slowMs: () => number;
  readonly flaws: ReaderFlaws;
}

export function readerLink(options: ReaderLinkOptions): ReaderCluster {
  const { cluster, node, thread, flaws } = options;
  const { world, network } = cluster;
  const known = new Map<string, ReturnType<typeof metadataOf>>();
  const stableOf = flaws.stableOf ?? ((log: PartitionLog) => log.stable);

  const fetched = (
    topic: SimulatedTopic,
    partition: number,
    offset: number,
    leader: number,
    maxBytes: number,
  ): FetchedPartition => {
    const log = topic.partitions[partition]!;
    const stable = stableOf(log);
    const base = { topicId: topic.id, partition, highWatermark: log.end, lastStableOffset: stable };
    if (topic.leaders[partition] !== leader) {
      world.mark("leader not leader any more");
      return { ...base, errorCode: NOT_LEADER, aborted: [], records: EMPTY };
    }
    if (offset > log.end) return { ...base, errorCode: OFFSET_OUT_OF_RANGE, aborted: [], records: EMPTY };
    if (log.stable < log.end && log.stable <= offset) world.mark("reader held back by an open transaction");
    const records = log.read(offset, stable, maxBytes);
    const aborted = log.abortedFrom(offset, stable);
    if (aborted.length > 0 && records.length > 0) world.mark("aborted records in a fetch");
    if (new Set(aborted.map(({ producerId }) => producerId)).size < aborted.length)
      world.mark("one producer aborted twice in a fetch");
    return { ...base, errorCode: 0, aborted: flaws.abortedOf?.(aborted) ?? aborted, records };
  };

  return {
    topic: (name) => known.get(name),
    async refresh(topics) {
      await world.pause(world.random.latencyMs(0.5), thread);
      for (const name of topics) known.set(name, metadataOf(name, cluster.topics.get(name)));
    },
    async fetch(leader, { topics }): Promise<FetchAnswer> {
      const asked = topics.flatMap(({ topicId, partitions }) => {
        const topic = cluster.topics.get(topicId.slice("id-".length))!;
        return partitions.map(({ partition, fetchOffset }) => ({
          topic,
          partition,
          offset: Number(fetchOffset),
        }));
      });
      const maxBytes = world.random.between(200, CHUNK_BYTES_MAX);
      const answer = await network.ask(node, thread, "Fetch", async () => {
        const logs = asked.map(({ topic, partition, offset }) => ({
          log: topic.partitions[partition]!,
          offset,
          lost: topic.leaders[partition] !== leader,
        }));
        await untilData(logs);
        return asked.map(({ topic, partition, offset }) =>
          fetched(topic, partition, offset, leader, maxBytes),
        );
      });
      if (answer === BROKEN || answer === REFUSED) throw new Error(`broker ${leader}: the connection broke`);
      const slowMs = options.slowMs();
      if (slowMs > 0) await world.pause(slowMs, thread);
      return { errorCode: 0, partitions: answer };
    },
    async offsets(partitions) {
      for (;;) {
        const answer = await network.ask(node, thread, "ListOffsets", () =>
          partitions.map(({ topic, partition }) => ({
            first: 0,
            end: stableOf(cluster.log(`${topic}/${partition}`)),
          })),
        );
        if (answer !== BROKEN && answer !== REFUSED) return answer;
        await world.pause(100, thread);
      }
    },
    async partitionCount(topic) {
      await world.pause(world.random.latencyMs(0.5), thread);
      if (!cluster.topics.has(topic)) throw new UnknownTopicError(topic);
      return cluster.partitionCount(topic);
    },
    close: async () => {},
  };

  /** Resolves when one of the partitions has something to read, or after a while. */
  function untilData(logs: readonly { log: PartitionLog; offset: number; lost: boolean }[]): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        for (const callOff of callsOff) callOff();
        resolve();
      };
      const look = () => {
        if (
          logs.some(({ log, offset, lost }) => lost || offset > log.end || log.holds(offset, stableOf(log)))
        )
          end();
      };
      // One look at a growth, however often the others have grown: looks that ask for looks at all of them would double each time.
      const callsOff = [
        world.after(HOLD_MS * (0.2 + world.random.fraction()), end),
        ...logs.map(({ log }) => log.onGrown(look)),
      ];
      look();
    });
  }
}

function metadataOf(name: string, topic: SimulatedTopic | undefined) {
  if (!topic) return { name, id: "", errorCode: 3, leaders: [] };
  return { name, id: topic.id, errorCode: 0, leaders: [...topic.leaders] };
}

/** For messages: how many brokers there are to ask. */
export const BROKER_LIST = Array.from({ length: BROKERS }, (_, id) => `simulated-${id + 1}:9092`);
