import type { FlowNode } from "../dsl/graph.ts";
import { JobError } from "../errors.ts";
import { dataPrefix, fingerprintOf, setTimestamp } from "../exchange/exchange-record.ts";
import { type ExchangeNode, isExchange } from "../graph/plan.ts";
import { exchangeTopic } from "../graph/topics.ts";
import { checkKey } from "../kafka/key.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { refusePromise } from "../settled.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Of what the runtime wrote itself, one record in so many is checked. */
const CHECKED_ONE_IN = 64;

/**
 * Sets the key; makes sure that the record stands in its own partition.
 *
 * K1  Every record of a topic is checked: others write it, each by a rule of its own. What stands elsewhere is set apart like any bad
 *     record, be it most of them: one producer's mistake must not stop what the others send.
 * K2  What stands wrong in an exchange is nobody's mistake but the runtime's: it stops.
 */
export function keyBy(
  node: Extract<FlowNode, { kind: "keyBy" }>,
  push: Push,
  runtime: OperatorRuntime,
): Push {
  const { keyOf, reinterpret } = node;
  const { record, inputPartitions } = runtime;
  const everyRecord = !isExchange(node);
  const at = record.stepId("key-by");
  let seen = 0;
  // Records of one key often follow each other, such as the readings of one upload.
  let lastKey: string | undefined;
  let lastPartition = -1;
  return (value) => {
    record.at = at;
    const key = keyOf(value);
    if (key !== lastKey || record.partition !== lastPartition) {
      if (typeof key !== "string") refusePromise("keyBy", key);
      checkKey("keyBy gave", key);
      if (!reinterpret && (everyRecord || seen++ % CHECKED_ONE_IN === 0)) {
        const own = partitionOf(key, inputPartitions);
        if (own !== record.partition) throw misplaced(key, own, record, everyRecord);
      }
      lastKey = key;
      lastPartition = record.partition;
    }
    const before = record.key;
    record.key = key;
    push(value);
    record.key = before; // RC1
  };
}

function misplaced(
  key: string,
  own: number,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  fromOutside: boolean,
): Error {
  const what = `keyBy: a record of topic "${topic}" has key "${shown(key)}", which belongs to partition ${own}, but stands in ${partition}`;
  if (!fromOutside)
    return new JobError(
      `${what}: its exchange was written with another number of partitions, or by another rule`,
    ); // K2
  return new Error(
    `${what}. Either its producer partitions by another rule than Kafka's own (librdkafka's default is one: set partitioner=murmur2_random), ` +
      "or the topic is partitioned by another key: use .keyBy(keyOf, { exchange: { name, codec } })",
  );
}

const shown = (key: string): string => (key.length > 100 ? `${key.slice(0, 100)}…` : key);

/** The upstream end of an exchange: to the partition of the key. */
export function exchangeOut(node: ExchangeNode, runtime: OperatorRuntime): Push {
  const { keyOf, exchange } = node;
  const { record, frames } = runtime;
  const topic = exchangeTopic(runtime.job, exchange.name);
  const index = runtime.outputIndex(topic);
  const partitions = runtime.partitionsOf(topic);
  const prefix = dataPrefix(fingerprintOf(exchange.codec.schema));
  const at = record.stepId(exchange.name);
  // A re-key often leads to few keys: the last one's partition is not computed again.
  let lastKey = "";
  let partition = partitionOf(lastKey, partitions);
  return (value) => {
    // What stands behind an exchange has state, most often: it does not hear of a result that is taken back.
    if (record.retracts) return;
    record.at = at;
    const key = keyOf(value);
    if (key !== lastKey) {
      checkKey("keyBy gave", key);
      partition = partitionOf(key, partitions);
      lastKey = key;
    }
    setTimestamp(prefix, record.timestamp);
    frames.writeEncoded(index, partition, record.ingestMs, key, prefix, exchange.codec, value);
    runtime.countOut();
  };
}
