/**
 * Writes epochs: one librdkafka producer of one `transactional.id`, one transaction per commit. Main thread only.
 *
 * Owns the producer's life. Who may own the id, and what to do about a rolled back epoch, is the caller's to know.
 *
 * T1  `commit` says `committed` only after librdkafka's commit succeeded, which it does only when the broker acknowledged
 *     every record of the transaction.
 * T2  A commit whose outcome is not known after its budget is `lost`, and its producer is never used again: librdkafka does
 *     not speak KIP-890 yet, so a request delayed on the network could end a later transaction of the same epoch.
 * T3  Long epochs do not hold up the main thread: it is let go every `YIELD_FRAMES` records.
 * T4  librdkafka asks again by itself for the end of a transaction when its connection breaks, and the first request may still
 *     be on its way: it would end the next transaction of this epoch in its middle, committing a part. So a producer whose
 *     connection broke around the end of a transaction has no next one.
 * T5  Kafka answers that a transaction is committed a moment before it takes the next one; librdkafka, refused, asks again
 *     after 20 ms. So the next one begins `SETTLE_MS` after the last at the earliest.
 * T6  Reports of delivered records are taken by librdkafka's own thread, which wakes nobody here and keeps none of them in memory;
 *     but while a transaction ends by the call that ends it, which otherwise looks only each 10 ms whether all are in.
 */
import kafka, { type LibrdKafkaError } from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../config.ts";
import { assert } from "../errors.ts";
import { sleep, systemTime, type Time } from "../time.ts";
import { FencedError, KafkaUnavailableError } from "./errors.ts";
import { FrameReader } from "./frames.ts";
import { asLibrdKafkaError, ERRORS, librdkafkaSettings, outcome } from "./librdkafka.ts";
import type { CommitOutcome, TransactionalWriter } from "./log.ts";
import { verdictOf } from "./transaction-errors.ts";

export interface TransactionalWriterOptions {
  readonly transactionalId: string;
  /** The coordinator aborts a transaction that is open for longer; readers wait for it so long. */
  readonly transactionTimeoutMs?: number;
  /** How long `commit` may try before its outcome counts as unknown. */
  readonly commitBudgetMs?: number;
  /** How long `init` may try. */
  readonly initBudgetMs?: number;
  readonly log?: (message: string) => void;
  /** The simulation's; the real ones where absent. */
  readonly time?: Time;
  readonly newProducer?: (settings: ProducerSettings) => TransactionalProducer;
}

export type ProducerSettings = ConstructorParameters<typeof kafka.Producer>[0];

type Done = (error: LibrdKafkaError | null | undefined) => void;

/** A line of librdkafka's log; `fac` is what it is about. */
export interface ProducerLog {
  readonly fac?: string;
  readonly message: string;
}

/** What is used of librdkafka's producer. */
export interface TransactionalProducer {
  on(event: "event.log", listener: (log: ProducerLog) => void): unknown;
  connect(options: { timeout: number }, done: Done): unknown;
  isConnected(): boolean;
  setPollInBackground(set: boolean): void;
  initTransactions(timeoutMs: number, done: Done): void;
  beginTransaction(done: Done): void;
  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer | null,
    timestampMs: number,
  ): unknown;
  commitTransaction(timeoutMs: number, done: Done): void;
  abortTransaction(timeoutMs: number, done: Done): void;
  disconnect(timeoutMs: number, done: Done): unknown;
}

/** Calls of the addon block one of libuv's four threads: in slices, so that many writers share them while a broker is away. */
const SLICE_MS = 2_000;
/** A connection begins anew after its time-out: where the way is slow, the same short one would fail for ever. */
const CONNECT_MAX_MS = 10_000;
const RETRY_PAUSE_MS = 20;
/** That a connection broke is heard of a moment later (T4). */
const ERROR_LATE_MS = 1_000;
const YIELD_FRAMES = 2_000;
const SETTLE_MS = 2;

export function createTransactionalWriter(
  connection: KafkaConnection,
  options: TransactionalWriterOptions,
): TransactionalWriter {
  return new LibrdkafkaWriter(connection, options);
}

type Final = Extract<CommitOutcome, { kind: "lost" | "fenced" }>;

class LibrdkafkaWriter implements TransactionalWriter {
  readonly #connection: KafkaConnection;
  readonly #transactionalId: string;
  readonly #transactionTimeoutMs: number;
  readonly #commitBudgetMs: number;
  readonly #initBudgetMs: number;
  readonly #log: (message: string) => void;
  readonly #time: Time;
  readonly #newProducer: (settings: ProducerSettings) => TransactionalProducer;
  #producer: TransactionalProducer | undefined;
  #connectMs = SLICE_MS;
  /** Set once the writer is of no more use. */
  #final: Final | undefined;
  #busy: Promise<unknown> | undefined;
  /** The end of a transaction is being asked for; when the last one was heard of (T4). */
  #ending = false;
  #endedMs = Number.NEGATIVE_INFINITY;
  #brokeAtEnd: string | undefined;

  constructor(connection: KafkaConnection, options: TransactionalWriterOptions) {
    this.#connection = connection;
    this.#transactionalId = options.transactionalId;
    this.#transactionTimeoutMs = options.transactionTimeoutMs ?? 10_000;
    this.#commitBudgetMs = options.commitBudgetMs ?? this.#transactionTimeoutMs + 5_000;
    this.#initBudgetMs = options.initBudgetMs ?? 60_000;
    this.#log = options.log ?? (() => {});
    this.#time = options.time ?? systemTime;
    this.#newProducer = options.newProducer ?? ((settings) => new kafka.Producer(settings));
  }

  async init(): Promise<void> {
    assert(this.#producer === undefined && this.#final === undefined, "init is called once");
    const deadlineMs = this.#time.elapsed() + this.#initBudgetMs;
    for (;;) {
      const error = await this.#tryInit(deadlineMs);
      if (error === undefined) return;
      const verdict = verdictOf(error);
      if (verdict === "fenced") {
        this.#final = { kind: "fenced", reason: error.message };
        throw new FencedError(this.#transactionalId, error.message);
      }
      if (this.#time.elapsed() > deadlineMs) {
        this.#final = { kind: "lost", reason: error.message };
        throw new KafkaUnavailableError(`${this.#transactionalId}: no transactions: ${error.message}`, {
          cause: error,
        });
      }
      this.#log(`${this.#transactionalId}: cannot start transactions yet: ${error.message}`);
      await sleep(this.#time, RETRY_PAUSE_MS * 10);
    }
  }

  commit(topics: readonly string[], frames: Uint8Array): Promise<CommitOutcome> {
    assert(this.#busy === undefined, "one transaction at a time");
    if (this.#final) return Promise.resolve(this.#final);
    if (frames.byteLength === 0) return Promise.resolve({ kind: "committed" });
    const producer = this.#producer;
    assert(producer !== undefined, "init comes before commit");
    const committing = this.#commit(producer, topics, frames).finally(() => {
      this.#busy = undefined;
    });
    this.#busy = committing;
    return committing;
  }

  async close(): Promise<void> {
    await this.#busy;
    this.#final ??= { kind: "lost", reason: "the writer was closed" };
    await this.#discard();
  }

  /** Connects a new producer and initialises its transactions; after an error nothing of it is left. */
  async #tryInit(deadlineMs: number): Promise<LibrdKafkaError | undefined> {
    const producer = this.#newProducer({
      ...librdkafkaSettings(this.#connection, this.#transactionalId),
      "transactional.id": this.#transactionalId,
      // That a connection to the coordinator broke is said nowhere but in the log, as information (T4).
      log_level: 6,
      "transaction.timeout.ms": this.#transactionTimeoutMs,
      "enable.idempotence": true,
      // The commit flushes and waits for nobody: until then records gather into full batches.
      "linger.ms": 50,
      "batch.size": 1_000_000,
      // The epoch is in memory already and bounds what is queued: no second limit.
      "queue.buffering.max.messages": 0,
      "queue.buffering.max.kbytes": 2_147_483_647,
    });
    this.#producer = producer;
    producer.on("event.log", (log) => {
      if (log.fac !== "FAIL" || !log.message.includes("TxnCoordinator")) return;
      if (this.#ending || this.#time.elapsed() - this.#endedMs < ERROR_LATE_MS)
        this.#brokeAtEnd ??= log.message; // T4
    });
    let error = await outcome((done) => producer.connect({ timeout: this.#connectMs }, done));
    if (error !== undefined) this.#connectMs = Math.min(2 * this.#connectMs, CONNECT_MAX_MS);
    else {
      producer.setPollInBackground(true);
      do {
        error = await outcome((done) => producer.initTransactions(this.#sliceMs(deadlineMs), done));
      } while (error !== undefined && verdictOf(error) === "retry" && this.#time.elapsed() < deadlineMs);
    }
    if (error !== undefined) await this.#discard();
    return error;
  }

  async #commit(
    producer: TransactionalProducer,
    topics: readonly string[],
    frames: Uint8Array,
  ): Promise<CommitOutcome> {
    const settledMs = this.#endedMs + SETTLE_MS - this.#time.elapsed();
    if (settledMs > 0) await sleep(this.#time, settledMs); // T5
    if (this.#brokeAtEnd !== undefined) {
      const reason = `the connection broke at the end of the last transaction (${this.#brokeAtEnd}): a request to end it may come late`;
      const final: Final = { kind: "lost", reason }; // T4
      this.#final = final;
      void this.#discard();
      return final;
    }
    const deadlineMs = this.#time.elapsed() + this.#commitBudgetMs;
    const begun = await outcome((done) => producer.beginTransaction(done));
    if (begun !== undefined) return this.#end(begun, "begin");

    const refused = await this.#produceAll(producer, topics, frames, deadlineMs);
    if (refused !== undefined) return this.#abort(producer, refused.message, deadlineMs);

    for (;;) {
      const error = await this.#endOf((done) => producer.commitTransaction(this.#sliceMs(deadlineMs), done)); // T1
      if (error === undefined) return { kind: "committed" };
      const verdict = verdictOf(error);
      if (verdict === "abort") return this.#abort(producer, error.message, deadlineMs);
      if (verdict !== "retry" || this.#time.elapsed() >= deadlineMs) return this.#end(error, "commit"); // T2
      await sleep(this.#time, RETRY_PAUSE_MS);
    }
  }

  async #produceAll(
    producer: TransactionalProducer,
    topics: readonly string[],
    frames: Uint8Array,
    deadlineMs: number,
  ): Promise<LibrdKafkaError | undefined> {
    const reader = new FrameReader(frames);
    let produced = 0;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const topic = topics[frame.topic];
      assert(topic !== undefined, `frame of topic ${frame.topic}, of which there are ${topics.length}`);
      for (;;) {
        try {
          producer.produce(topic, frame.partition, frame.value, frame.key, frame.timestampMs);
          break;
        } catch (thrown) {
          const error = asLibrdKafkaError(thrown);
          if (error.code !== ERRORS.ERR__QUEUE_FULL || this.#time.elapsed() >= deadlineMs) return error;
          await sleep(this.#time, RETRY_PAUSE_MS);
        }
      }
      if (++produced % YIELD_FRAMES === 0) await new Promise(setImmediate); // T3
    }
    return undefined;
  }

  async #abort(producer: TransactionalProducer, reason: string, deadlineMs: number): Promise<CommitOutcome> {
    for (;;) {
      const error = await this.#endOf((done) => producer.abortTransaction(this.#sliceMs(deadlineMs), done));
      if (error === undefined) return { kind: "aborted", reason };
      if (verdictOf(error) !== "retry" || this.#time.elapsed() >= deadlineMs)
        return this.#end(error, `abort (${reason})`);
      await sleep(this.#time, RETRY_PAUSE_MS);
    }
  }

  async #endOf(call: Parameters<typeof outcome>[0]): Promise<LibrdKafkaError | undefined> {
    this.#ending = true;
    this.#setPollInBackground(false); // T6
    const error = await outcome(call);
    this.#setPollInBackground(true);
    this.#ending = false;
    this.#endedMs = this.#time.elapsed();
    return error;
  }

  #setPollInBackground(set: boolean): void {
    if (this.#producer?.isConnected()) this.#producer.setPollInBackground(set);
  }

  /** This producer is done with, for good or for bad. */
  #end(error: LibrdKafkaError, during: string): Final {
    const kind = verdictOf(error) === "fenced" ? "fenced" : "lost";
    const final: Final = { kind, reason: `${during}: ${error.message} (${error.code})` };
    this.#final = final;
    this.#log(`${this.#transactionalId}: ${kind} during ${final.reason}`);
    void this.#discard();
    return final;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    // Nothing is flushed: a transaction that is open now must not go on.
    if (producer?.isConnected()) await outcome((done) => producer.disconnect(0, done));
  }

  #sliceMs(deadlineMs: number): number {
    return Math.max(1, Math.min(SLICE_MS, Math.ceil(deadlineMs - this.#time.elapsed())));
  }
}
