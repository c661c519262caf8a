/**
 * A plain idempotent producer, for what needs no transaction: corrections, rules, jobs' records, results that leave early. Main
 * thread only.
 *
 * P1  Records of one partition arrive once and in the order of `send`, also over a broker's restart.
 * P2  A record that could not be delivered is never passed over in silence: the next `flush` rejects and names the first.
 */
import kafka, { type LibrdKafkaError, type Producer } from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../config.ts";
import { KafkaUnavailableError } from "./errors.ts";
import { asLibrdKafkaError, delay, ERRORS, librdkafkaSettings, outcome } from "./librdkafka.ts";

export interface IdempotentProducer {
  /**
   * Queues one record. Returns a promise when the queue is full: wait for it before the next `send`.
   * @param timestampMs Unix milliseconds; 0 means now to Kafka.
   */
  send(
    topic: string,
    partition: number,
    key: Buffer | string | null,
    value: Buffer | null,
    timestampMs: number,
  ): void | Promise<void>;
  /** Resolves when all records sent so far are acknowledged by all in-sync replicas; rejects if any was not (P2). */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  readonly clientId: string;
  /** How long records may wait in order to be sent together. */
  readonly lingerMs?: number;
  /** How many records may wait to be sent before `send` asks the caller to wait. */
  readonly queueMaxRecords?: number;
  /** How long the first connection may take. */
  readonly connectBudgetMs?: number;
}

const QUEUE_MAX_RECORDS = 100_000;
const QUEUE_MAX_KBYTES = 128 * 1024;
const FLUSH_SLICE_MS = 1_000;

export async function createProducer(
  connection: KafkaConnection,
  options: ProducerOptions,
): Promise<IdempotentProducer> {
  const deadlineMs = performance.now() + (options.connectBudgetMs ?? 60_000);
  for (let timeout = 2_000; ; timeout = Math.min(2 * timeout, 10_000)) {
    const producer = new kafka.Producer({
      ...librdkafkaSettings(connection, options.clientId),
      acks: -1,
      "enable.idempotence": true,
      "linger.ms": options.lingerMs ?? 1,
      "queue.buffering.max.messages": options.queueMaxRecords ?? QUEUE_MAX_RECORDS,
      "queue.buffering.max.kbytes": QUEUE_MAX_KBYTES,
      dr_cb: true,
      // A report per record would cost more than the record.
      "delivery.report.only.error": true,
    });
    const error = await outcome((done) => producer.connect({ timeout }, done));
    if (error === undefined) return new LibrdkafkaProducer(producer);
    if (performance.now() > deadlineMs) {
      throw new KafkaUnavailableError(`no Kafka at ${connection.brokers.join(", ")}: ${error.message}`, {
        cause: error,
      });
    }
    await delay(200);
  }
}

class LibrdkafkaProducer implements IdempotentProducer {
  readonly #producer: Producer;
  #failed:
    | { readonly error: LibrdKafkaError; readonly topic: string; readonly partition: number }
    | undefined;
  #failures = 0;

  constructor(producer: Producer) {
    this.#producer = producer;
    producer.setPollInBackground(true);
    producer.on("delivery-report", (error, report) => {
      if (!error) return;
      this.#failures++;
      this.#failed ??= { error, topic: report.topic, partition: report.partition };
    });
  }

  send(
    topic: string,
    partition: number,
    key: Buffer | string | null,
    value: Buffer | null,
    timestampMs: number,
  ): void | Promise<void> {
    try {
      this.#producer.produce(topic, partition, value, key, timestampMs);
    } catch (thrown) {
      const error = asLibrdKafkaError(thrown);
      if (error.code !== ERRORS.ERR__QUEUE_FULL) throw sendFailed(topic, partition, error);
      return delay(5).then(() => this.send(topic, partition, key, value, timestampMs));
    }
  }

  async flush(): Promise<void> {
    for (;;) {
      const error = await outcome((done) => this.#producer.flush(FLUSH_SLICE_MS, done));
      if (error === undefined) break;
      if (error.code !== ERRORS.ERR__TIMED_OUT)
        throw new KafkaUnavailableError(`flush: ${error.message}`, { cause: error });
    }
    // Reports of failures come in by the event loop, maybe after the flush itself.
    await new Promise(setImmediate);
    const failed = this.#failed;
    if (failed === undefined) return;
    const failures = this.#failures;
    this.#failed = undefined;
    this.#failures = 0;
    throw sendFailed(failed.topic, failed.partition, failed.error, failures);
  }

  async close(): Promise<void> {
    await outcome((done) => this.#producer.disconnect(FLUSH_SLICE_MS, done));
  }
}

function sendFailed(
  topic: string,
  partition: number,
  error: LibrdKafkaError,
  failures = 1,
): KafkaUnavailableError {
  const many = failures > 1 ? ` (the first of ${failures} records)` : "";
  return new KafkaUnavailableError(
    `${topic}/${partition}: a record was not delivered${many}: ${error.message}`,
    {
      cause: error,
    },
  );
}
