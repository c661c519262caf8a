/**
 * `to`: one that takes a former result back is a tombstone under its key, or nothing without one. Any other: the record leaves, encoded, with Kafka's time of the record that it came from. Its partition is that of `partitionBy`, else of
 * its key, else the one that its source record stands in. What the codec does not take is the record's failure.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import type { Rec } from "./record.ts";

export interface Written {
  readonly partition: number;
  readonly key: string | null;
  /** `null`: a tombstone. */
  readonly bytes: Buffer | null;
  readonly timestampMs: number;
}

export function sink(
  { topic }: Extract<FlowNode, { kind: "sink" }>,
  { value, partition, ingestMs, retracts }: Rec,
  partitions: number,
): Written | undefined {
  const place = (topic.partitionBy ?? topic.key)?.(value);
  if (retracts && !topic.key) return undefined;
  return {
    partition: place === undefined ? partition % partitions : partitionOf(place, partitions),
    key: topic.key ? topic.key(value) : null,
    bytes: retracts ? null : topic.codec.encode(value),
    timestampMs: ingestMs,
  };
}
