/**
 * `keyBy`: which key the record belongs to from here on, in this branch.
 *
 * - A key is a text, of bounded length, that UTF-8 can hold; any other record is set apart.
 * - The record has to stand in the partition of its key already (Kafka's own partitioner), or it is set apart; unless the job
 *   says that it is partitioned otherwise (`reinterpret`).
 * - With an exchange it goes there instead, to the partition of its key. It is read as any value that outlives a version of the job:
 *   by Avro's rules, where the codec has changed meanwhile.
 */
import type { Codec } from "../../../schemas/codec.ts";
import type { FlowNode } from "../../dsl/graph.ts";
import { partitionOf } from "../../kafka/partitioner.ts";
import type { Emit, Rec } from "./record.ts";

type KeyBy = Extract<FlowNode, { kind: "keyBy" }>;

const KEY_MAX = 10_000;

export function keyBy({ keyOf, reinterpret }: KeyBy, rec: Rec, partitions: number, emit: Emit): void {
  const key = checkedKey(keyOf(rec.value));
  if (!reinterpret && partitionOf(key, partitions) !== rec.partition)
    throw new Error(`key ${JSON.stringify(key)} does not belong to partition ${rec.partition}`);
  emit({ ...rec, key });
}

/** What an exchange carries: to which partition, and the value's bytes, by which codec. */
export interface Sent {
  readonly partition: number;
  readonly key: string;
  readonly bytes: Buffer;
  readonly codec: Codec<unknown>;
}

export function send({ keyOf, exchange }: KeyBy, rec: Rec, partitions: number): Sent {
  const key = checkedKey(keyOf(rec.value));
  const { codec } = exchange!;
  return { partition: partitionOf(key, partitions), key, bytes: codec.encode(rec.value), codec };
}

/** What may be a key, or a name in state. */
export function checkedKey(key: unknown): string {
  if (typeof key !== "string") throw new Error(`${String(key)} is no key: a key is a string`);
  if (key.length > KEY_MAX) throw new Error(`a key of ${key.length} characters`);
  if (!key.isWellFormed()) throw new Error("a key with half a surrogate pair");
  return key;
}
