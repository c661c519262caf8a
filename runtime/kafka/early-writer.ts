/**
 * Writes results that do not wait for their epoch (`delivery: "at-least-once"`): as they come, in order, without a transaction.
 * Main thread only.
 *
 * EW1  `settled` resolves once all that was given before is in the log; after a failure it rejects, now and later. So an epoch
 *      that waits for it never commits offsets whose results are missing.
 */
import type { KafkaConnection } from "../config.ts";
import { FrameReader } from "./frames.ts";
import type { EarlyWriter } from "./log.ts";
import { createProducer, type IdempotentProducer } from "./producer.ts";

/** Connects at once; what is given before waits for that. */
export function createEarlyWriter(connection: KafkaConnection, clientId: string): EarlyWriter {
  return new LibrdkafkaEarlyWriter(createProducer(connection, { clientId, lingerMs: 0 }));
}

class LibrdkafkaEarlyWriter implements EarlyWriter {
  readonly #producer: Promise<IdempotentProducer>;
  /** All that was given so far is with the producer. */
  #given: Promise<void>;

  constructor(producer: Promise<IdempotentProducer>) {
    this.#producer = producer;
    this.#given = producer.then(() => {});
    this.#given.catch(() => {}); // said by `settled`
  }

  write(topics: readonly string[], frames: Uint8Array): void {
    this.#given = this.#give(this.#given, topics, frames);
    this.#given.catch(() => {}); // said by `settled`
  }

  async settled(): Promise<void> {
    await this.#given;
    await (await this.#producer).flush();
  }

  async close(): Promise<void> {
    await this.#producer.then(
      (producer) => producer.close(),
      () => {},
    );
  }

  async #give(before: Promise<void>, topics: readonly string[], frames: Uint8Array): Promise<void> {
    await before;
    const producer = await this.#producer;
    const reader = new FrameReader(frames);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const { topic, partition, key, value, timestampMs } = frame;
      const full = producer.send(topics[topic]!, partition, key, value, timestampMs);
      if (full) await full;
    }
  }
}
