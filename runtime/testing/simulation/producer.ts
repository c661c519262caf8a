/**
 * librdkafka's transactional producer over the simulated cluster: the calls that transactional-writer.ts makes, with the errors
 * that librdkafka 2.x answers (rdkafka_txnmgr.c, rdkafka_request.c).
 *
 * L1  A call that runs out of time goes on by itself; called again, it waits for the same operation.
 * L2  Requests whose connection broke, or that the coordinator cannot answer yet, are asked again.
 * L3  An old epoch is fatal; a record that cannot be delivered makes the transaction one to be aborted.
 */
import type { LibrdKafkaError } from "@confluentinc/kafka-javascript";
import type { ProducerLog, TransactionalProducer } from "../../kafka/transactional-writer.ts";
import type { Cluster } from "./cluster.ts";
import type { CoordinatorError } from "./coordinator.ts";
import { BROKEN, REFUSED, type RequestKind } from "./network.ts";
import type { ProduceError } from "./partition-log.ts";
import type { Thread } from "./world.ts";

const ERR__TIMED_OUT = -185;
const ERR__STATE = -172;
const ERR__FENCED = -144;
const ERR_MSG_SIZE_TOO_LARGE = 10;
const ERR_INVALID_TXN_STATE = 48;
const ERR_INVALID_PRODUCER_ID_MAPPING = 49;

const LINGER_MS = 50;
const RETRY_MS = 40;
const BATCH_RECORDS_MAX = 40;

type Callback = (error: LibrdKafkaError | undefined) => void;
interface Pending {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
}

export interface ProducerOptions {
  readonly cluster: Cluster;
  readonly node: string;
  /** librdkafka's own threads. */
  readonly client: Thread;
  /** Where callbacks are called. */
  readonly main: Thread;
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
}

export class SimulatedProducer implements TransactionalProducer {
  readonly #options: ProducerOptions;
  #connected = false;
  #hearLog: ((log: ProducerLog) => void) | undefined;
  #closed = false;
  #producerId = -1;
  #epoch = -1;
  #fatal: LibrdKafkaError | undefined;
  /** Why the open transaction has to be aborted. */
  #abortable: LibrdKafkaError | undefined;
  #inTransaction = false;
  readonly #queues = new Map<string, Pending[]>();
  readonly #sequences = new Map<string, number>();
  /** Partitions that the coordinator knows to be in the transaction. */
  readonly #registered = new Set<string>();
  #sending: Promise<void> | undefined;
  #lingers = false;
  #initialising: Promise<LibrdKafkaError | undefined> | undefined;
  #committing: Promise<LibrdKafkaError | undefined> | undefined;
  #aborting: Promise<LibrdKafkaError | undefined> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  connect(_options: unknown, callback: Callback): void {
    void this.#pause(2).then(() => {
      this.#connected = true;
      this.#answer(callback, undefined);
    });
  }

  isConnected(): boolean {
    return this.#connected && !this.#closed;
  }

  setPollInBackground(): void {}

  on(_event: "event.log", listener: (log: ProducerLog) => void): void {
    this.#hearLog = listener;
  }

  initTransactions(timeoutMs: number, callback: Callback): void {
    this.#initialising ??= this.#init();
    this.#within(timeoutMs, this.#initialising, callback);
  }

  beginTransaction(callback: Callback): void {
    const error =
      this.#fatal ?? (this.#inTransaction ? failure(ERR__STATE, "a transaction is open already") : undefined);
    if (!error) {
      this.#inTransaction = true;
      this.#abortable = undefined;
      this.#committing = this.#aborting = undefined;
    }
    this.#answer(callback, error);
  }

  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer | null,
    timestampMs: number,
  ): void {
    if (this.#fatal) throw this.#fatal;
    const id = `${topic}/${partition}`;
    const queue = this.#queues.get(id);
    const record = { key: key && Buffer.from(key), value: value && Buffer.from(value), timestampMs };
    if (queue) queue.push(record);
    else this.#queues.set(id, [record]);
    if (this.#lingers) return;
    this.#lingers = true;
    this.#after(LINGER_MS * this.#random.fraction(), () => {
      this.#lingers = false;
      void this.#flush();
    });
  }

  commitTransaction(timeoutMs: number, callback: Callback): void {
    this.#committing ??= this.#commit();
    this.#within(timeoutMs, this.#committing, callback);
  }

  abortTransaction(timeoutMs: number, callback: Callback): void {
    this.#aborting ??= this.#abort();
    this.#within(timeoutMs, this.#aborting, callback);
  }

  disconnect(_timeoutMs: number, callback: Callback): void {
    this.#closed = true;
    this.#queues.clear();
    void this.#pause(1).then(() => this.#answer(callback, undefined));
  }

  // --- operations, on librdkafka's threads -------------------------------------------------------------------------------

  async #init(): Promise<LibrdKafkaError | undefined> {
    const { cluster, transactionalId, transactionTimeoutMs } = this.#options;
    for (;;) {
      const answer = await this.#ask("InitProducerId", () =>
        cluster.coordinator.initProducerId(transactionalId, transactionTimeoutMs),
      );
      if (typeof answer === "object" && "producerId" in answer) {
        this.#producerId = answer.producerId;
        this.#epoch = answer.epoch;
        return undefined;
      }
      await this.#pause(RETRY_MS);
    }
  }

  async #commit(): Promise<LibrdKafkaError | undefined> {
    await this.#flush();
    // Closed in the middle of it: what was sent is not all.
    if (this.#closed) return failure(ERR__STATE, "the producer is closed");
    const failed = this.#fatal ?? this.#abortable;
    if (failed) return failed;
    return this.#end("commit");
  }

  async #abort(): Promise<LibrdKafkaError | undefined> {
    this.#queues.clear();
    await this.#sending;
    if (this.#fatal) return this.#fatal;
    return this.#end("abort");
  }

  async #end(decision: "commit" | "abort"): Promise<LibrdKafkaError | undefined> {
    const { cluster, transactionalId } = this.#options;
    // A transaction that nothing was added to exists here only.
    while (this.#registered.size > 0) {
      const answer = await this.#ask("EndTxn", () =>
        cluster.coordinator.endTransaction(transactionalId, this.#producerId, this.#epoch, decision),
      );
      if (answer === undefined) break;
      if (this.#closed) return failure(ERR__STATE, "the producer is closed");
      if (this.#stopsAt(answer)) return this.#fatal ?? this.#abortable;
      await this.#pause(RETRY_MS);
    }
    this.#registered.clear();
    this.#inTransaction = false;
    this.#abortable = undefined;
    return undefined;
  }

  /** Sends all that is queued; resolves when it is acknowledged, or cannot be. */
  async #flush(): Promise<void> {
    while (this.#sending) await this.#sending;
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#queues.size > 0 && !this.#fatal && !this.#abortable && !this.#closed) {
      if (!(await this.#register([...this.#queues.keys()]))) return;
      const queued = [...this.#queues].filter(([partition]) => this.#registered.has(partition));
      for (const [partition] of queued) this.#queues.delete(partition);
      await Promise.all(queued.map(([partition, records]) => this.#sendPartition(partition, records)));
    }
  }

  async #register(partitions: readonly string[]): Promise<boolean> {
    const { cluster, transactionalId } = this.#options;
    for (;;) {
      const missing = partitions.filter((partition) => !this.#registered.has(partition));
      if (missing.length === 0) return true;
      const answer = await this.#ask("AddPartitionsToTxn", () =>
        cluster.coordinator.addPartitions(transactionalId, this.#producerId, this.#epoch, missing),
      );
      if (answer === undefined) for (const partition of missing) this.#registered.add(partition);
      else if (this.#stopsAt(answer)) return false;
      else await this.#pause(RETRY_MS / 2);
      if (this.#closed) return false;
    }
  }

  async #sendPartition(partition: string, records: readonly Pending[]): Promise<void> {
    const { cluster } = this.#options;
    const log = cluster.log(partition);
    let size = 0;
    for (let at = 0; at < records.length; ) {
      // A batch that is sent again is the same batch.
      if (size === 0) size = this.#random.between(1, BATCH_RECORDS_MAX);
      const batch = records.slice(at, at + size);
      const sequence = this.#sequences.get(partition) ?? 0;
      const answer = await this.#ask("Produce", () =>
        log.produce(this.#producerId, this.#epoch, sequence, batch, cluster.brokerNow(), () =>
          cluster.coordinator.holds(this.#producerId, this.#epoch, partition),
        ),
      );
      if (this.#closed || this.#fatal) return;
      if (answer === undefined || answer === "duplicate") {
        if (answer === "duplicate") cluster.world.mark("duplicate batch left out");
        this.#sequences.set(partition, sequence + batch.length);
        at += batch.length;
        size = 0;
      } else if (answer === BROKEN) await this.#pause(RETRY_MS);
      else return this.#undeliverable(answer);
    }
  }

  // --- errors ------------------------------------------------------------------------------------------------------------

  /** L3 */
  #undeliverable(error: ProduceError | typeof REFUSED): void {
    if (error === "INVALID_PRODUCER_EPOCH") {
      this.#options.cluster.world.mark("produce of an old epoch refused");
      this.#fatal = failure(ERR__FENCED, "fenced by a newer producer", { isFatal: true });
      return;
    }
    const code = error === REFUSED ? ERR_MSG_SIZE_TOO_LARGE : ERR_INVALID_TXN_STATE;
    this.#abortable = failure(code, `a record was not delivered: ${String(error)}`, {
      isTxnRequiresAbort: true,
    });
  }

  /** False: the request is to be asked again (L2). */
  #stopsAt(error: CoordinatorError | typeof BROKEN | typeof REFUSED): boolean {
    switch (error) {
      case BROKEN:
        this.#hearLog?.({ fac: "FAIL", message: "TxnCoordinator: disconnected" });
        return false;
      case REFUSED:
      case "CONCURRENT_TRANSACTIONS":
      case "NOT_COORDINATOR":
        return false;
      case "PRODUCER_FENCED":
        this.#fatal = failure(ERR__FENCED, "fenced by a newer producer", { isFatal: true });
        return true;
      case "INVALID_TXN_STATE":
        this.#fatal = failure(ERR_INVALID_TXN_STATE, "invalid transaction state", { isFatal: true });
        return true;
      case "INVALID_PRODUCER_ID_MAPPING":
        this.#abortable = failure(ERR_INVALID_PRODUCER_ID_MAPPING, "unknown producer", {
          isTxnRequiresAbort: true,
        });
        return true;
    }
  }

  // --- threads -------------------------------------------------------------------------------------------------------------

  get #random() {
    return this.#options.cluster.world.random;
  }

  #ask<T>(kind: RequestKind, deed: () => T) {
    const { cluster, node, client } = this.#options;
    return cluster.network.ask(node, client, kind, deed);
  }

  #after(ms: number, call: () => void): () => void {
    const { cluster, client } = this.#options;
    return cluster.world.after(ms, call, client);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(this.#random.latencyMs(ms), resolve));
  }

  #answer(callback: Callback, error: LibrdKafkaError | undefined): void {
    const { cluster, main } = this.#options;
    cluster.world.after(this.#random.latencyMs(0.1), () => callback(error), main);
  }

  /** L1 */
  #within(ms: number, operation: Promise<LibrdKafkaError | undefined>, callback: Callback): void {
    let over = false;
    const end = (error: LibrdKafkaError | undefined) => {
      if (over) return;
      over = true;
      callOff();
      this.#answer(callback, error);
    };
    const callOff = this.#after(ms, () => {
      this.#options.cluster.world.mark("librdkafka call timed out");
      end(failure(ERR__TIMED_OUT, "timed out", { isRetriable: true }));
    });
    void operation.then(end);
  }
}

function failure(code: number, message: string, flags: Partial<LibrdKafkaError> = {}): LibrdKafkaError {
  return { code, errno: code, message, origin: "simulated", ...flags };
}
