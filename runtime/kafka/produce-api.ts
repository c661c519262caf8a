/** Kafka's Produce request (version 11) with record batches as they are: the library's own takes records and cuts batches itself. */
import { createAPI, produceV11, Writer } from "./library.ts";
import type { TopicPartition } from "./log.ts";

/** Kafka takes one batch of a partition in a request. */
export interface SealedBatch extends TopicPartition {
  readonly bytes: Buffer;
}

type ProduceArguments = [transactionalId: string, timeoutMs: number, batches: readonly SealedBatch[]];

const ALL_IN_SYNC_REPLICAS = -1;

export const produceRaw = createAPI<ProduceArguments, produceV11.ProduceResponse>(
  0,
  11,
  createRequest,
  produceV11.parseResponse,
);

/** Request layout: see produce-v11 of the library, or ProduceRequest.json of Kafka. */
function createRequest(transactionalId: string, timeoutMs: number, batches: readonly SealedBatch[]): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ALL_IN_SYNC_REPLICAS)
    .appendInt32(timeoutMs)
    .appendArray([...Map.groupBy(batches, ({ topic }) => topic)], (topics, [topic, ofTopic]) => {
      topics.appendString(topic).appendArray(ofTopic, (partitions, { partition, bytes }) => {
        // Compact: length + 1.
        partitions
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes);
      });
    })
    .appendTaggedFields();
}
