/**
 * The cluster as a transactional writer sees it: `kafkaWriterCluster` is the real one, the simulation brings its own.
 *
 * A call answers with Kafka's error code (0: none), or throws where no answer came: then the deed may be done, or be done later.
 */

import type { KafkaConnection } from "../config.ts";
import { answerOf, ClusterMetadata, errorName } from "./cluster-metadata.ts";
import { KafkaUnavailableError } from "./errors.ts";
import {
  addPartitionsToTxnV3,
  type Connection,
  endTxnV4,
  findCoordinatorV4,
  initProducerIdV4,
  type produceV11,
} from "./library.ts";
import type { TopicPartition } from "./log.ts";
import { produceRaw, type SealedBatch } from "./produce-api.ts";

/** Who a transactional id's requests are of. */
export interface Producer {
  readonly id: number;
  readonly epoch: number;
}

export interface WriterCluster {
  /**
   * Makes a new epoch of the id, whose earlier ones are fenced from then on.
   * @param current given by a writer that only goes on: Kafka refuses it when the id has become another's
   */
  initProducer(current: Producer | undefined): Promise<{ errorCode: number; producer: Producer }>;
  addPartitions(producer: Producer, partitions: readonly TopicPartition[]): Promise<number>;
  endTransaction(producer: Producer, decision: "commit" | "abort"): Promise<number>;
  /** Node id of the partition's leader; `undefined` while none is known. */
  leaderOf(partition: TopicPartition): number | undefined;
  /** Asks the cluster who leads these topics' partitions. */
  refresh(topics: readonly string[]): Promise<void>;
  /** @returns an error code a batch, in their order */
  produce(leader: number, batches: readonly SealedBatch[]): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface WriterClusterOptions {
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
}

const TRANSACTION = 1;
const OPERATION_NOT_ATTEMPTED = 55;
/** The coordinator is another broker now, or none: it is looked for again. */
const NOT_COORDINATOR: ReadonlySet<number> = new Set([14, 15, 16]);
/** Less than a transaction may stay open: a broker that answers late is asked again while that still helps. */
const REQUEST_TIMEOUT_MS = 4_000;

export function kafkaWriterCluster(
  connection: KafkaConnection,
  options: WriterClusterOptions,
): WriterCluster {
  return new KafkaWriterCluster(connection, options);
}

class KafkaWriterCluster implements WriterCluster {
  readonly #options: WriterClusterOptions;
  readonly #cluster: ClusterMetadata;
  #coordinator: number | undefined;

  constructor(connection: KafkaConnection, options: WriterClusterOptions) {
    this.#options = options;
    this.#cluster = new ClusterMetadata(connection, options.transactionalId, REQUEST_TIMEOUT_MS);
  }

  initProducer(current: Producer | undefined) {
    const { transactionalId, transactionTimeoutMs } = this.#options;
    return this.#askCoordinator(async (connection) => {
      const { errorCode, producerId, producerEpoch } =
        await answerOf<initProducerIdV4.InitProducerIdResponse>(
          initProducerIdV4.api.async(
            connection,
            transactionalId,
            transactionTimeoutMs,
            BigInt(current?.id ?? -1),
            current?.epoch ?? -1,
          ),
        );
      return { errorCode, producer: { id: Number(producerId), epoch: producerEpoch } };
    });
  }

  async addPartitions({ id, epoch }: Producer, partitions: readonly TopicPartition[]): Promise<number> {
    const { transactionalId } = this.#options;
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition }) => partition),
    }));
    const { errorCode } = await this.#askCoordinator(async (connection) => {
      const answer = await answerOf<addPartitionsToTxnV3.AddPartitionsToTxnResponse>(
        addPartitionsToTxnV3.api.async(connection, [
          { transactionalId, producerId: BigInt(id), producerEpoch: epoch, verifyOnly: false, topics },
        ]),
      );
      const codes = answer.resultsByTransaction.flatMap(({ topicResults }) =>
        topicResults.flatMap(({ resultsByPartition }) =>
          resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
        ),
      );
      // One partition's error is every partition's; the others are not at fault.
      const wrong = codes.filter((code) => code !== 0);
      return { errorCode: wrong.find((code) => code !== OPERATION_NOT_ATTEMPTED) ?? wrong[0] ?? 0 };
    });
    return errorCode;
  }

  async endTransaction({ id, epoch }: Producer, decision: "commit" | "abort"): Promise<number> {
    const { errorCode } = await this.#askCoordinator((connection) =>
      answerOf<endTxnV4.EndTxnResponse>(
        endTxnV4.api.async(
          connection,
          this.#options.transactionalId,
          BigInt(id),
          epoch,
          decision === "commit",
        ),
      ),
    );
    return errorCode;
  }

  leaderOf({ topic, partition }: TopicPartition): number | undefined {
    const leader = this.#cluster.topic(topic)?.leaders[partition] ?? -1;
    return leader < 0 ? undefined : leader;
  }

  refresh(topics: readonly string[]): Promise<void> {
    return this.#cluster.refresh(topics);
  }

  async produce(leader: number, batches: readonly SealedBatch[]): Promise<readonly number[]> {
    const { responses } = await answerOf<produceV11.ProduceResponse>(
      produceRaw.async(
        await this.#cluster.connectionTo(leader),
        this.#options.transactionalId,
        REQUEST_TIMEOUT_MS,
        batches,
      ),
    );
    return batches.map(({ topic, partition }) => {
      const answer = responses
        .find(({ name }) => name === topic)
        ?.partitionResponses.find(({ index }) => index === partition);
      if (!answer)
        throw new KafkaUnavailableError(`broker ${leader} does not say what became of ${topic}/${partition}`);
      return answer.errorCode;
    });
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  async #askCoordinator<T extends { errorCode: number }>(
    ask: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    try {
      this.#coordinator ??= await this.#findCoordinator();
      const answer = await ask(await this.#cluster.connectionTo(this.#coordinator));
      if (NOT_COORDINATOR.has(answer.errorCode)) this.#coordinator = undefined;
      return answer;
    } catch (error) {
      this.#coordinator = undefined;
      throw error;
    }
  }

  async #findCoordinator(): Promise<number> {
    await this.#cluster.refresh([]);
    const { transactionalId } = this.#options;
    const { coordinators } = await this.#cluster.askAny((connection) =>
      answerOf<findCoordinatorV4.FindCoordinatorResponse>(
        findCoordinatorV4.api.async(connection, TRANSACTION, [transactionalId]),
      ),
    );
    const [found] = coordinators;
    if (found?.errorCode !== 0)
      throw new KafkaUnavailableError(
        `${transactionalId} has no coordinator now: ${errorName(found?.errorCode ?? -1)}`,
      );
    return found.nodeId;
  }
}
