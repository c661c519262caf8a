/**
 * The simulated cluster as the runtime's own transactional writer sees it: requests to the coordinator and to the leaders, with
 * the error codes that Kafka answers.
 */
import { Batch, checkBatches } from "../../kafka/record-batch.ts";
import { RecordWalk } from "../../kafka/record-walk.ts";
import { UNKNOWN_TOPIC_OR_PARTITION } from "../../kafka/transaction-errors.ts";
import type { WriterCluster, WriterClusterOptions } from "../../kafka/writer-cluster.ts";
import type { LogRecord } from "./batch-bytes.ts";
import type { Cluster } from "./cluster.ts";
import type { CoordinatorError } from "./coordinator.ts";
import { BROKEN, REFUSED, type RequestKind } from "./network.ts";
import type { ProduceError } from "./partition-log.ts";
import type { Thread } from "./world.ts";

const NOT_LEADER = 6;
const MESSAGE_TOO_LARGE = 10;
export const ERROR_CODES: Readonly<Record<CoordinatorError | ProduceError, number>> = {
  NOT_COORDINATOR: 16,
  OUT_OF_ORDER_SEQUENCE: 45,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  CONCURRENT_TRANSACTIONS: 51,
  PRODUCER_FENCED: 90,
};

export interface WriterLinkOptions extends WriterClusterOptions {
  readonly cluster: Cluster;
  readonly node: string;
  readonly thread: Thread;
}

export function writerLink(options: WriterLinkOptions): WriterCluster {
  const { cluster, node, thread, transactionalId, transactionTimeoutMs } = options;
  const { world, network, coordinator } = cluster;
  const leaders = new Map<string, readonly number[]>();
  let isClosed = false;

  const ask = async <T>(kind: RequestKind, deed: () => T): Promise<T> => {
    if (isClosed) throw new Error("the connection is closed");
    const answer = await network.ask(node, thread, kind, deed);
    if (answer === BROKEN || answer === REFUSED) throw new Error("the connection broke");
    return answer;
  };
  const codeOf = (error: CoordinatorError | undefined) => (error === undefined ? 0 : ERROR_CODES[error]);

  return {
    async initProducer(current) {
      const answer = await ask("InitProducerId", () =>
        coordinator.initProducerId(transactionalId, transactionTimeoutMs, current),
      );
      if ("error" in answer) return { errorCode: codeOf(answer.error), producer: { id: -1, epoch: -1 } };
      return { errorCode: 0, producer: { id: answer.producerId, epoch: answer.epoch } };
    },
    async addPartitions({ id, epoch }, partitions) {
      const names = partitions.map(({ topic, partition }) => `${topic}/${partition}`);
      if (names.some((name) => cluster.log(name) === undefined)) return UNKNOWN_TOPIC_OR_PARTITION;
      return codeOf(
        await ask("AddPartitionsToTxn", () => coordinator.addPartitions(transactionalId, id, epoch, names)),
      );
    },
    async endTransaction({ id, epoch }, decision) {
      return codeOf(
        await ask("EndTxn", () => coordinator.endTransaction(transactionalId, id, epoch, decision)),
      );
    },
    leaderOf: ({ topic, partition }) => leaders.get(topic)?.[partition],
    async refresh(topics) {
      await world.pause(world.random.latencyMs(0.5), thread);
      for (const name of topics) leaders.set(name, [...(cluster.topics.get(name)?.leaders ?? [])]);
    },
    async produce(leader, batches) {
      if (isClosed) throw new Error("the connection is closed");
      // What is on its way does not change when the writer uses its buffers again.
      const sent = batches.map(({ topic, partition, bytes }) => ({ topic, partition, batch: decode(bytes) }));
      const answer = await network.ask(node, thread, "Produce", () =>
        sent.map(({ topic, partition, batch: { producerId, epoch, sequence, records } }) => {
          if (cluster.topics.get(topic)!.leaders[partition] !== leader) return NOT_LEADER;
          const name = `${topic}/${partition}`;
          const error = cluster
            .log(name)
            .produce(producerId, epoch, sequence, records, cluster.brokerNow(), () =>
              coordinator.holds(producerId, epoch, name),
            );
          if (error === "duplicate") world.mark("duplicate batch left out");
          if (error === "INVALID_PRODUCER_EPOCH") world.mark("produce of an old epoch refused");
          return error === undefined || error === "duplicate" ? 0 : ERROR_CODES[error];
        }),
      );
      if (answer === REFUSED) return sent.map(() => MESSAGE_TOO_LARGE);
      if (answer === BROKEN) throw new Error("the connection broke");
      return answer;
    },
    async close() {
      isClosed = true;
    },
  };
}

/** What a broker reads of a batch, checked and copied. */
function decode(bytes: Buffer) {
  const batch = new Batch();
  const { end } = checkBatches(bytes, 0);
  batch.readAt(bytes, 0);
  if (end !== bytes.length || batch.end !== end)
    throw new Error("a request holds one whole batch a partition");
  const records: Omit<LogRecord, "offset">[] = [];
  const { producerId, producerEpoch: epoch, baseSequence: sequence } = batch;
  const walk = new RecordWalk("produced", 0, 0, bytes, []);
  const copy = (from: number, to: number) => (from < 0 ? null : Buffer.from(walk.buffer.subarray(from, to)));
  while (walk.next())
    records.push({
      key: copy(walk.keyStart, walk.keyEnd),
      value: copy(walk.valueStart, walk.valueEnd),
      timestampMs: walk.timestampMs,
    });
  return { producerId, epoch, sequence, records };
}
