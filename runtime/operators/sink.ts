import type { FlowNode } from "../dsl/stream.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

const NO_PREFIX = new Uint8Array(0);

/** Writes to a topic: into the partition of `partitionBy`, else of the key, else of the record's own number. */
export function sink(node: Extract<FlowNode, { kind: "sink" }>, runtime: OperatorRuntime): Push {
  const { topic } = node;
  const { record, frames } = runtime;
  const index = runtime.outputIndex(topic.name);
  const partitions = runtime.partitionsOf(topic.name);
  const place = topic.partitionBy ?? topic.key;
  return (value) => {
    record.step = `to ${topic.name}`;
    const partition = place ? partitionOf(place(value), partitions) : record.partition % partitions;
    const key = topic.key ? topic.key(value) : null;
    frames.writeEncoded(index, partition, record.ingestMs, key, NO_PREFIX, topic.codec, value);
    runtime.countOut();
  };
}
