/** A Kafka topic with the type of its values: what `from`, `table` and `to` take. */
import type { Codec } from "../../schemas/codec.ts";
import { count } from "./options.ts";

/** More than any cluster serves well: a number meant for something else. */
const PARTITIONS_MAX = 100_000;

export interface TopicOptions<T> {
  /** The record's key when written by `to`. Absent: no key. */
  readonly key?: (value: T) => string;
  /** What decides the partition when written by `to`. Default: the key. Records of one result of this stay in order. */
  readonly partitionBy?: (value: T) => string;
  /** How many partitions the topic gets when the runtime has to create it. Default: the job's. */
  readonly partitions?: number;
  /** Topic settings when the runtime has to create it, such as `{ "cleanup.policy": "compact" }`. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface Topic<T> extends TopicOptions<T> {
  readonly name: string;
  readonly codec: Codec<T>;
}

export function topic<T>(name: string, codec: Codec<T>, options: TopicOptions<T> = {}): Topic<T> {
  if (options.partitions !== undefined)
    count(`topic "${name}": partitions`, options.partitions, PARTITIONS_MAX);
  return { name, codec, ...options };
}
