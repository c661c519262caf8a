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

/** How many records are checked first, and one in how many after: a wrong `keyBy` shows at once, a right one costs little. */
const CHECKED_FIRST = 256;
const CHECKED_ONE_IN = 64;

/** So many are checked before a stage may be called wrong. */
const JUDGED_AFTER = 32;

/**
 * Sets the key; makes sure now and then that it stands in its own partition. One record that does not is set apart like
 * any bad one; where most do not, the job's author has made a mistake, and it stops.
 */
export function keyBy(
  node: Extract<FlowNode, { kind: "keyBy" }>,
  push: Push,
  runtime: OperatorRuntime,
): Push {
  const { keyOf, reinterpret } = node;
  const { record, inputPartitions } = runtime;
  let seen = 0;
  let checked = 0;
  let misplaced = 0;
  return (value) => {
    record.step = "key-by";
    const key = keyOf(value);
    if (typeof key !== "string") refusePromise("keyBy", key);
    checkKey("keyBy gave", key);
    seen++;
    if (!reinterpret && (seen <= CHECKED_FIRST || seen % CHECKED_ONE_IN === 0)) {
      checked++;
      const own = partitionOf(key, inputPartitions);
      if (own !== record.partition) {
        misplaced++;
        const what = `keyBy: a record of topic "${record.topic}" has key "${shown(key)}", which belongs to partition ${own}, but stands in ${record.partition}`;
        if (checked < JUDGED_AFTER || 2 * misplaced < checked) throw new Error(what);
        throw new JobError(
          `${what}, as most do: the topic is not partitioned by this key. ` +
            (isExchange(node)
              ? "Its exchange was written with another number of partitions."
              : "Use .keyBy(keyOf, { exchange: { name, codec } })."),
        );
      }
    }
    const before = record.key;
    record.key = key;
    push(value);
    record.key = before; // RC1
  };
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
  // A re-key often leads to few keys: the last one's partition is not computed again.
  let lastKey: string | undefined;
  let partition = 0;
  return (value) => {
    // What stands behind an exchange has state, most often: it does not hear of a result that is taken back.
    if (record.retracts) return;
    record.step = exchange.name;
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
