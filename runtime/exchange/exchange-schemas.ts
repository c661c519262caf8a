/**
 * The schemas that records of an exchange were written with, as its reader knows them: what lies between two stages is read by Avro's
 * schema resolution, as state is. So the next version of a job reads what the one before left on its way, and while a rolling
 * upgrade runs each version reads the other's.
 *
 * XS1  A record names its schema by fingerprint; a writer tells what that is before its first record (X3). What is written with the
 *      reader's own schema needs no telling.
 * XS2  What was told is kept in the reader's changelog, in the partition it was told in, and commits with the progress past it: so a
 *      restart knows what was told before the place where it goes on. The reader's own schema is kept, too: the next version's
 *      reader has another.
 */
import type { Codec } from "../../schemas/codec.ts";
import { assert, JobError } from "../errors.ts";
import { schemaKey } from "../state/changelog-key.ts";
import type { ChangelogWriter, StateBackend } from "../state/state-store.ts";
import { fingerprintOf } from "./exchange-record.ts";

/** A writer tells its schema again so often: long before a topic's retention takes what it told last. */
export const TOLD_EVERY_MS = 3_600_000;

/** Its name in the changelog. */
export const exchangeStateName = (topic: string): string => `@exchange.${topic}`;

export class ExchangeSchemas implements StateBackend {
  readonly #topic: string;
  readonly #codec: Codec<unknown>;
  readonly #present: number;
  /** By fingerprint; the partitions that were told. */
  readonly #told = new Map<number, { readonly schema: string; readonly partitions: Set<number> }>();
  /** By fingerprint. */
  readonly #readers = new Map<number, Codec<unknown>>();
  readonly #dirty: { readonly partition: number; readonly fingerprint: number }[] = [];

  constructor(topic: string, codec: Codec<unknown>) {
    this.#topic = topic;
    this.#codec = codec;
    this.#present = fingerprintOf(codec.schema);
  }

  /**
   * What reads records of this schema. @throws Error where nobody told what it is; JobError where the job's present schema
   * cannot read it: nothing is lost as long as the job stands still.
   */
  readerOf(fingerprint: number): Codec<unknown> {
    if (fingerprint === this.#present) return this.#codec;
    return this.#readers.get(fingerprint) ?? this.#newReader(fingerprint);
  }

  #newReader(fingerprint: number): Codec<unknown> {
    const told = this.#told.get(fingerprint);
    if (!told) throw new Error(`it is written with a schema that ${this.#topic} does not hold any more`);
    try {
      const reader = this.#codec.reading(told.schema);
      this.#readers.set(fingerprint, reader);
      return reader;
    } catch (error) {
      throw new JobError(
        `${this.#topic} holds records of another version, which this one cannot read: ${(error as Error).message}. Give new fields defaults, or let the other version read it to its end first`,
      );
    }
  }

  /** A writer told it in a partition. */
  hear(fingerprint: number, schema: string, partition: number): void {
    if (this.#told.get(fingerprint)?.partitions.has(partition)) return;
    this.learnSchema(fingerprint, schema, partition);
    this.#dirty.push({ partition, fingerprint });
  }

  learnSchema(fingerprint: number, schema: string, partition: number): void {
    const known = this.#told.get(fingerprint) ?? { schema, partitions: new Set<number>() };
    assert(known.schema === schema, `${this.#topic}: two schemas of one fingerprint`);
    known.partitions.add(partition);
    this.#told.set(fingerprint, known);
  }

  restore(): void {
    throw new Error(
      `a value in the changelog under ${exchangeStateName(this.#topic)}, which has schemas only`,
    );
  }

  seal(): void {}

  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }

  flush(writer: ChangelogWriter): void {
    for (const { partition, fingerprint } of this.#dirty) {
      const { schema } = this.#told.get(fingerprint)!;
      const key = schemaKey(exchangeStateName(this.#topic), fingerprint);
      writer.putBytes(partition, key, Buffer.from(schema, "utf8"));
    }
    this.#dirty.length = 0;
  }
}
