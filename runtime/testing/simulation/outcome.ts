/**
 * What a run left in the log, as a reader of committed data finds it: what an oracle looks at.
 */
import type { Codec } from "../../../schemas/codec.ts";
import { DeadLetter } from "../../../schemas/index.ts";
import type { JobDefinition } from "../../dsl/job.ts";
import { changelogTopic, deadLetterTopic } from "../../graph/topics.ts";
import type { InputRecord } from "./input.ts";

export interface CommittedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Buffer | null;
}

/** Committed records of a topic, partition by partition, each in order. */
export type ReadCommitted = (topic: string) => CommittedRecord[];

export class Outcome {
  readonly input: readonly InputRecord[];
  readonly #job: JobDefinition;
  readonly #read: ReadCommitted;

  constructor(job: JobDefinition, input: readonly InputRecord[], read: ReadCommitted) {
    this.#job = job;
    this.input = input;
    this.#read = read;
  }

  /** All that was ever committed to a topic; changelogs with what compaction has taken since. */
  records(topic: string): CommittedRecord[] {
    return this.#read(topic);
  }

  values<T>(topic: string, codec: Codec<T>): T[] {
    return this.#read(topic).map(({ value }) => codec.decode(value!));
  }

  /** The last value of each key. */
  latest<T>(topic: string, codec: Codec<T>): Map<string, T> {
    return new Map(this.#read(topic).map(({ key, value }) => [key!, codec.decode(value!)]));
  }

  deadLetters(): DeadLetter[] {
    return this.values(deadLetterTopic(this.#job.name), DeadLetter);
  }

  /**
   * The state of a stage that a restart would find: its changelog's entries by key, deleted ones left out, without progress and
   * schemas. Keys are those of `state/changelog-key.ts`.
   */
  state(stage: string): Map<string, Buffer> {
    const entries = new Map<string, Buffer>();
    for (const { key, value } of this.#read(changelogTopic(this.#job.name, stage))) {
      if (key === null || !/^[vmt]\0/.test(key)) continue;
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
    return entries;
  }
}
