/**
 * `to`: the record leaves, encoded, with Kafka's time of the record that it came from. Its partition is that of `partitionBy`, else of
 * its key, else the one that its source record stands in. What the codec does not take is the record's failure.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import type { Rec } from "./record.ts";

export interface Written {
  readonly partition: number;
  readonly key: string | null;
  readonly bytes: Buffer;
  readonly timestampMs: number;
}

export function sink(
  { topic }: Extract<FlowNode, { kind: "sink" }>,
  { value, partition, ingestMs }: Rec,
  partitions: number,
): Written {
  const place = (topic.partitionBy ?? topic.key)?.(value);
  return {
    partition: place === undefined ? partition % partitions : partitionOf(place, partitions),
    key: topic.key ? topic.key(value) : null,
    bytes: topic.codec.encode(value),
    timestampMs: ingestMs,
  };
}
