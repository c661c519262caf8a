/**
 * Writes epochs: one producer of one `transactional.id`, one transaction per commit, in Kafka's own requests.
 *
 * Owns the producer's epoch and its sequence numbers. Who may own the id, and what to do about a rolled back epoch, is the
 * caller's to know.
 *
 * T1  `commit` says `committed` only after Kafka said that the transaction is, which is asked for only after every record of it
 *     was acknowledged.
 * T2  A batch is asked for again until it is acknowledged, the same bytes under the same sequence number, and no later one of
 *     its partition before: so it is in the log once, and in order.
 * T3  Long epochs do not hold up the thread: it is let go every `YIELD_FRAMES` records.
 * T4  A request whose answer never came may arrive late: it would end the next transaction of this producer's epoch in its
 *     middle, committing a part, or open one that nobody ends. So after one, and after an abort, the next transaction is one of
 *     a new epoch; Kafka refuses what comes of the old one. The new epoch is given only to a writer that still owns the id.
 * T5  A commit whose outcome is not known after its budget is `lost`, and the writer is never used again.
 */
import type { KafkaConnection } from "../config.ts";
import { assert } from "../errors.ts";
import { sleep, systemTime, type Time } from "../time.ts";
import { errorName, throwIfFinal } from "./cluster-metadata.ts";
import { BATCH_BYTES_MAX, BatchCutter, type EpochBatches, type PartitionBatches } from "./epoch-batches.ts";
import { FencedError, KafkaRefusedError, KafkaUnavailableError } from "./errors.ts";
import type { CommitOutcome, TransactionalWriter } from "./log.ts";
import type { SealedBatch } from "./produce-api.ts";
import {
  DUPLICATE_SEQUENCE_NUMBER,
  type TransactionVerdict,
  UNKNOWN_TOPIC_OR_PARTITION,
  verdictOf,
} from "./transaction-errors.ts";
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

/** Kafka says that a transaction is committed a moment before it takes the next one: asked again soon, then less so. */
const PAUSE_MIN_MS = 1;
const PAUSE_MAX_MS = 50;
/** A topic that was just created may be unknown to a broker for a moment. */
const UNKNOWN_TOPIC_GRACE_MS = 3_000;
const YIELD_FRAMES = 10_000;
/** A broker's `socket.request.max.bytes` is six times as much by default. */
const REQUEST_BYTES_MAX = 16_000_000;
const SEQUENCES = 2 ** 31;

export function createTransactionalWriter(
  connection: KafkaConnection,
  options: TransactionalWriterOptions,
): TransactionalWriter {
  return new KafkaWriter(connection, options);
}

type Final = Extract<CommitOutcome, { kind: "lost" | "fenced" }>;

/** A request that Kafka refused, or that nobody answered in time. */
class NotDone extends Error {
  readonly verdict: Exclude<TransactionVerdict, "retry"> | "unanswered";

  constructor(verdict: NotDone["verdict"], reason: string) {
    super(reason);
    this.verdict = verdict;
  }
}

/** A partition's batches on their way: the first of them is sent next, or again. */
interface Unsent {
  readonly of: PartitionBatches;
  next: number;
  sealed: SealedBatch | undefined;
}

class KafkaWriter implements TransactionalWriter {
  readonly #transactionalId: string;
  readonly #commitBudgetMs: number;
  readonly #initBudgetMs: number;
  readonly #log: (message: string) => void;
  readonly #time: Time;
  readonly #cluster: WriterCluster;
  readonly #cutter: BatchCutter;
  #producer: Producer | undefined;
  /** The next sequence number of a partition, by topic and partition, in this producer's epoch. */
  readonly #sequences = new Map<string, number>();
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
  }

  async init(): Promise<void> {
    assert(this.#producer === undefined && this.#final === undefined, "init is called once");
    try {
      await this.#initProducer(undefined, this.#time.elapsed() + this.#initBudgetMs);
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
    const deadlineMs = this.#time.elapsed() + this.#commitBudgetMs;
    const epoch = this.#cutter.begin(topics, frames, this.#time.now());
    while (epoch.cut(YIELD_FRAMES)) await new Promise(setImmediate); // T3
    let outcome: CommitOutcome;
    try {
      if (this.#renewFor !== undefined) await this.#renew(this.#renewFor, deadlineMs); // T4
      outcome = await this.#transact(epoch, deadlineMs);
    } catch (error) {
      const kind = error instanceof NotDone && error.verdict === "fenced" ? "fenced" : "lost"; // T5
      return this.#end({ kind, reason: (error as Error).message });
    }
    this.#cutter.release(epoch);
    return outcome;
  }

  async #transact({ partitions }: EpochBatches, deadlineMs: number): Promise<CommitOutcome> {
    let isOpen = false;
    try {
      await this.#ask("add partitions", deadlineMs, () =>
        this.#cluster.addPartitions(this.#current, partitions),
      );
      isOpen = true;
      await this.#produceAll(partitions, deadlineMs);
    } catch (error) {
      if (!(error instanceof NotDone) || error.verdict !== "refused") throw error;
      if (isOpen) await this.#endTransaction("abort", deadlineMs);
      this.#renewFor = "the last transaction was aborted";
      return { kind: "aborted", reason: error.message };
    }
    await this.#endTransaction("commit", deadlineMs); // T1
    return { kind: "committed" };
  }

  get #current(): Producer {
    return this.#producer!;
  }

  /** A new epoch, if the id is still this writer's (T4). */
  async #renew(reason: string, deadlineMs: number): Promise<void> {
    this.#log(`${this.#transactionalId}: a new epoch, because ${reason}`);
    await this.#initProducer(this.#current, deadlineMs);
  }

  async #initProducer(current: Producer | undefined, deadlineMs: number): Promise<void> {
    await this.#ask("init", deadlineMs, async () => {
      const { errorCode, producer } = await this.#cluster.initProducer(current);
      if (errorCode === 0) this.#producer = producer;
      return errorCode;
    });
    this.#sequences.clear();
    this.#renewFor = undefined;
  }

  async #endTransaction(decision: "commit" | "abort", deadlineMs: number): Promise<void> {
    await this.#ask(decision, deadlineMs, () => this.#cluster.endTransaction(this.#current, decision));
  }

  /** Asks the coordinator until it says that it is done. @throws NotDone */
  async #ask(what: string, deadlineMs: number, request: () => Promise<number>): Promise<void> {
    const beganMs = this.#time.elapsed();
    for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      let reason: string;
      try {
        const errorCode = await this.#within(deadlineMs, request());
        if (errorCode === 0) return;
        reason = `${what}: ${errorName(errorCode)}`;
        this.#throwIfFinal(errorCode, reason, beganMs);
      } catch (error) {
        if (error instanceof NotDone) throw error;
        throwIfFinal(error);
        reason = `${what}: ${(error as Error).message}`;
        this.#renewFor = `a request was not answered (${reason})`; // T4
      }
      await this.#pause(pauseMs, deadlineMs, reason);
    }
  }

  /** T2 @throws NotDone */
  async #produceAll(partitions: readonly PartitionBatches[], deadlineMs: number): Promise<void> {
    const beganMs = this.#time.elapsed();
    let unsent = partitions.map((of): Unsent => ({ of, next: 0, sealed: undefined }));
    for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      const byLeader = Map.groupBy(unsent, ({ of }) => this.#cluster.leaderOf(of));
      const leaderless = byLeader.get(undefined) ?? [];
      byLeader.delete(undefined);
      const answers = await Promise.allSettled([
        ...leaderless.map(async ({ of }) => {
          const reason = `${of.topic}/${of.partition} has no leader`;
          this.#throwIfFinal(UNKNOWN_TOPIC_OR_PARTITION, reason, beganMs);
          return reason;
        }),
        ...[...byLeader].map(([leader, of]) => this.#produce(leader!, of, beganMs, deadlineMs)),
      ]);
      // Only now that no request is under way any more.
      const refused = answers.find((answer) => answer.status === "rejected");
      if (refused) throw refused.reason;
      unsent = unsent.filter(({ of, next }) => next < of.batches.length);
      if (unsent.length === 0) return;
      const reason = answers
        .map((answer) => (answer.status === "fulfilled" ? answer.value : undefined))
        .find(Boolean);
      if (reason === undefined) continue;
      await this.#pause(pauseMs, deadlineMs, reason);
      await this.#within(
        deadlineMs,
        this.#cluster.refresh([...new Set(unsent.map(({ of }) => of.topic))]),
      ).catch(throwIfFinal);
    }
  }

  /** Sends the next batch of each partition that has room in a request. @returns why one of them has to be sent again */
  async #produce(
    leader: number,
    unsent: readonly Unsent[],
    beganMs: number,
    deadlineMs: number,
  ): Promise<string | undefined> {
    const sent: Unsent[] = [];
    const batches: SealedBatch[] = [];
    let bytes = 0;
    for (const one of unsent) {
      const sealed = (one.sealed ??= this.#seal(one));
      bytes += sealed.bytes.length;
      if (batches.length > 0 && bytes > REQUEST_BYTES_MAX) break;
      sent.push(one);
      batches.push(sealed);
    }
    let answers: readonly number[];
    try {
      answers = await this.#within(deadlineMs, this.#cluster.produce(leader, batches));
    } catch (error) {
      throwIfFinal(error);
      return `broker ${leader}: ${(error as Error).message}`;
    }
    let again: string | undefined;
    let final: NotDone | undefined;
    answers.forEach((errorCode, index) => {
      const { of } = sent[index]!;
      if (errorCode === 0 || errorCode === DUPLICATE_SEQUENCE_NUMBER) return this.#acknowledged(sent[index]!);
      const reason = `${of.topic}/${of.partition}: ${errorName(errorCode)}`;
      again = reason;
      try {
        this.#throwIfFinal(errorCode, reason, beganMs);
      } catch (error) {
        final ??= error as NotDone;
      }
    });
    if (final) throw final;
    return again;
  }

  #seal({ of, next }: Unsent): SealedBatch {
    const { topic, partition } = of;
    const { id, epoch } = this.#current;
    const sequence = this.#sequences.get(`${topic}/${partition}`) ?? 0;
    return { topic, partition, bytes: of.batches[next]!.seal(id, epoch, sequence) };
  }

  #acknowledged(one: Unsent): void {
    const { topic, partition, batches } = one.of;
    const name = `${topic}/${partition}`;
    const sequence = (this.#sequences.get(name) ?? 0) + batches[one.next]!.count;
    this.#sequences.set(name, sequence % SEQUENCES);
    one.next++;
    one.sealed = undefined;
  }

  /** Returns where it helps to ask again. @throws NotDone */
  #throwIfFinal(errorCode: number, reason: string, beganMs: number): void {
    const verdict = verdictOf(errorCode);
    if (verdict !== "retry") throw new NotDone(verdict, reason);
    const forMs = this.#time.elapsed() - beganMs;
    if (errorCode === UNKNOWN_TOPIC_OR_PARTITION && forMs > UNKNOWN_TOPIC_GRACE_MS)
      throw new NotDone("refused", reason);
  }

  /** @throws NotDone when there is no time left to ask again */
  async #pause(ms: number, deadlineMs: number, reason: string): Promise<void> {
    if (this.#time.elapsed() + ms >= deadlineMs) throw new NotDone("unanswered", reason);
    await sleep(this.#time, ms);
  }

  /** An answer that does not come before the deadline is one that never comes. */
  async #within<T>(deadlineMs: number, asked: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const leftMs = Math.max(0, deadlineMs - this.#time.elapsed());
    const callOff = this.#time.after(leftMs, () => late.reject(new Error("no answer in time")), "background");
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      callOff();
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
