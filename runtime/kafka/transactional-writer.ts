/**
 * Writes epochs: one producer of one `transactional.id`, one transaction per commit, in Kafka's own requests.
 *
 * Owns the producer's epoch. Who may own the id, and what to do about a rolled back epoch of the runtime, is the caller's to know.
 *
 * T1  `commit` says `committed` only after Kafka said that the transaction is, which is asked for only after every record of it
 *     was acknowledged.
 * T2  Every record of it is in the log once, and in order (batch-sender.ts).
 * T3  Long epochs do not hold up the thread: it is let go every `YIELD_FRAMES` records.
 * T4  A request whose answer never came may arrive late: it would end the next transaction of this producer's epoch in its
 *     middle, committing a part, or open one that nobody ends. So after one, and after an abort, the next transaction is one of
 *     a new epoch; Kafka refuses what comes of the old one. The new epoch is given only to a writer that still owns the id.
 * T5  A commit whose outcome is not known after its budget is `lost`, and the writer is never used again.
 */
import type { KafkaConnection } from "../config.ts";
import { assert } from "../errors.ts";
import { systemTime, type Time } from "../time.ts";
import { BatchSender } from "./batch-sender.ts";
import { throwIfFinal } from "./cluster-metadata.ts";
import { Deadline } from "./deadline.ts";
import { BATCH_BYTES_MAX, BatchCutter, type EpochBatches } from "./epoch-batches.ts";
import { FencedError, KafkaRefusedError, KafkaUnavailableError } from "./errors.ts";
import type { CommitOutcome, TransactionalWriter } from "./log.ts";
import { NotDone, reasonToRetry } from "./transaction-errors.ts";
import {
  kafkaWriterCluster,
  type Producer,
  type WriterCluster,
  type WriterClusterOptions,
} from "./writer-cluster.ts";

export interface TransactionalWriterOptions {
  readonly transactionalId: string;
  /** The coordinator aborts a transaction that is open for longer; readers wait for it so long. */
  readonly transactionTimeoutMs?: number;
  /** How long `commit` may try before its outcome counts as unknown. */
  readonly commitBudgetMs?: number;
  /** How long `init` may try. */
  readonly initBudgetMs?: number;
  /** Of one record batch; a record that is larger is a batch alone. */
  readonly batchBytesMax?: number;
  readonly log?: (message: string) => void;
  /** The simulation's; the real ones where absent. */
  readonly time?: Time;
  readonly newCluster?: (options: WriterClusterOptions) => WriterCluster;
}

const YIELD_FRAMES = 10_000;

export function createTransactionalWriter(
  connection: KafkaConnection,
  options: TransactionalWriterOptions,
): TransactionalWriter {
  return new KafkaWriter(connection, options);
}

type Final = Extract<CommitOutcome, { kind: "lost" | "fenced" }>;

class KafkaWriter implements TransactionalWriter {
  readonly #transactionalId: string;
  readonly #commitBudgetMs: number;
  readonly #initBudgetMs: number;
  readonly #log: (message: string) => void;
  readonly #time: Time;
  readonly #cluster: WriterCluster;
  readonly #cutter: BatchCutter;
  readonly #sender: BatchSender;
  #producer: Producer | undefined;
  /** The next transaction needs a new epoch, and why (T4). */
  #renewFor: string | undefined;
  /** Set once the writer is of no more use. */
  #final: Final | undefined;
  #busy: Promise<unknown> | undefined;

  constructor(connection: KafkaConnection, options: TransactionalWriterOptions) {
    const { transactionalId, transactionTimeoutMs = 10_000 } = options;
    this.#transactionalId = transactionalId;
    this.#commitBudgetMs = options.commitBudgetMs ?? transactionTimeoutMs + 5_000;
    this.#initBudgetMs = options.initBudgetMs ?? 60_000;
    this.#cutter = new BatchCutter(options.batchBytesMax ?? BATCH_BYTES_MAX);
    this.#log = options.log ?? (() => {});
    this.#time = options.time ?? systemTime;
    const newCluster = options.newCluster ?? ((of) => kafkaWriterCluster(connection, of));
    this.#cluster = newCluster({ transactionalId, transactionTimeoutMs });
    this.#sender = new BatchSender(this.#cluster);
  }

  async init(): Promise<void> {
    assert(this.#producer === undefined && this.#final === undefined, "init is called once");
    try {
      await this.#initProducer(undefined, new Deadline(this.#time, this.#initBudgetMs));
    } catch (error) {
      const reason = (error as Error).message;
      const isFenced = error instanceof NotDone && error.verdict === "fenced";
      this.#end({ kind: isFenced ? "fenced" : "lost", reason });
      if (isFenced) throw new FencedError(this.#transactionalId, reason);
      if (!(error instanceof NotDone)) throw error;
      const message = `${this.#transactionalId}: no transactions: ${reason}`;
      throw error.verdict === "refused"
        ? new KafkaRefusedError(message)
        : new KafkaUnavailableError(message, { cause: error });
    }
  }

  commit(topics: readonly string[], frames: Uint8Array): Promise<CommitOutcome> {
    assert(this.#busy === undefined, "one transaction at a time");
    if (this.#final) return Promise.resolve(this.#final);
    if (frames.byteLength === 0) return Promise.resolve({ kind: "committed" });
    assert(this.#producer !== undefined, "init comes before commit");
    const committing = this.#commit(topics, frames).finally(() => {
      this.#busy = undefined;
    });
    this.#busy = committing;
    return committing;
  }

  async close(): Promise<void> {
    await this.#busy;
    this.#final ??= { kind: "lost", reason: "the writer was closed" };
    await this.#cluster.close();
  }

  async #commit(topics: readonly string[], frames: Uint8Array): Promise<CommitOutcome> {
    const deadline = new Deadline(this.#time, this.#commitBudgetMs);
    const epoch = this.#cutter.begin(topics, frames, this.#time.now());
    while (epoch.cut(YIELD_FRAMES)) await new Promise(setImmediate); // T3
    let outcome: CommitOutcome;
    try {
      if (this.#renewFor !== undefined) await this.#renew(this.#renewFor, deadline); // T4
      outcome = await this.#transact(epoch, deadline);
    } catch (error) {
      const kind = error instanceof NotDone && error.verdict === "fenced" ? "fenced" : "lost"; // T5
      return this.#end({ kind, reason: (error as Error).message });
    }
    this.#cutter.release(epoch);
    return outcome;
  }

  async #transact({ partitions }: EpochBatches, deadline: Deadline): Promise<CommitOutcome> {
    let isOpen = false;
    try {
      await this.#ask("add partitions", deadline, () =>
        this.#cluster.addPartitions(this.#current, partitions),
      );
      isOpen = true;
      await this.#sender.send(partitions, deadline);
    } catch (error) {
      if (!(error instanceof NotDone) || error.verdict !== "refused") throw error;
      if (isOpen) await this.#endTransaction("abort", deadline);
      this.#renewFor = "the last transaction was aborted";
      return { kind: "aborted", reason: error.message };
    }
    await this.#endTransaction("commit", deadline); // T1
    return { kind: "committed" };
  }

  get #current(): Producer {
    return this.#producer!;
  }

  /** A new epoch, if the id is still this writer's (T4). */
  async #renew(reason: string, deadline: Deadline): Promise<void> {
    this.#log(`${this.#transactionalId}: a new epoch, because ${reason}`);
    await this.#initProducer(this.#current, deadline);
  }

  async #initProducer(current: Producer | undefined, deadline: Deadline): Promise<void> {
    await this.#ask("init", deadline, async () => {
      const { errorCode, producer } = await this.#cluster.initProducer(current);
      if (errorCode === 0) this.#producer = producer;
      return errorCode;
    });
    this.#sender.begin(this.#current);
    this.#renewFor = undefined;
  }

  async #endTransaction(decision: "commit" | "abort", deadline: Deadline): Promise<void> {
    await this.#ask(decision, deadline, () => this.#cluster.endTransaction(this.#current, decision));
  }

  /** Asks the coordinator until it says that it is done. @throws NotDone */
  async #ask(what: string, deadline: Deadline, request: () => Promise<number>): Promise<void> {
    const tries = deadline.tries();
    for (;;) {
      let reason: string;
      try {
        const errorCode = await deadline.within(request());
        if (errorCode === 0) return;
        reason = reasonToRetry(what, errorCode, tries.spentMs);
      } catch (error) {
        if (error instanceof NotDone) throw error;
        throwIfFinal(error);
        reason = `${what}: ${(error as Error).message}`;
        this.#renewFor = `a request was not answered (${reason})`; // T4
      }
      await tries.pause(reason);
    }
  }

  /** This writer is done with. */
  #end(final: Final): Final {
    this.#final = final;
    this.#log(`${this.#transactionalId}: ${final.kind}: ${final.reason}`);
    void this.#cluster.close().catch(() => {});
    return final;
  }
}
