import type { FlowNode } from "../dsl/graph.ts";
import { checkKey } from "../kafka/key.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

const NO_PREFIX = new Uint8Array(0);

/**
 * Writes to a topic: into the partition of `partitionBy`, else of the key, else of the record's own number. What takes a result back
 * becomes a tombstone under that result's key; where results have none, they all stand.
 */
export function sink(node: Extract<FlowNode, { kind: "sink" }>, runtime: OperatorRuntime): Push {
  const { topic, delivery } = node;
  const { record } = runtime;
  const frames = delivery === "at-least-once" ? runtime.early : runtime.frames;
  const index = runtime.outputIndex(topic.name);
  const partitions = runtime.partitionsOf(topic.name);
  const placeOf = topic.partitionBy ?? topic.key;
  const at = record.stepId(`to ${topic.name}`);
  // Results often follow each other to one place: where it lies is not computed again.
  let lastPlace: string | undefined;
  let lastPartition = 0;
  return (value) => {
    record.at = at;
    let partition = record.partition % partitions;
    if (placeOf) {
      const place = placeOf(value);
      if (place !== lastPlace) {
        checkKey(`${topic.partitionBy ? "partitionBy" : "key"} gave`, place);
        lastPartition = partitionOf(place, partitions);
        lastPlace = place;
      }
      partition = lastPartition;
    }
    const key = topic.key ? topic.key(value) : null;
    if (key !== null && key !== lastPlace) checkKey("key gave", key);
    if (record.retracts) {
      if (key === null) return;
      frames.write(index, partition, record.ingestMs, key, null);
      return runtime.countOut();
    }
    frames.writeEncoded(index, partition, record.ingestMs, key, NO_PREFIX, topic.codec, value);
    runtime.countOut();
  };
}
