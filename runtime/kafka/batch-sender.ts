/**
 * Brings the batches of an epoch to the leaders of their partitions. Owns the sequence numbers of a producer's epoch.
 *
 * BS1  A batch is sent again until it is acknowledged, the same bytes under the same sequence number, and no later one of its
 *      partition before: so it is in the log once, and in order.
 * BS2  When `send` is over, for good or for bad, no request of it is under way; but one that was not answered may come late.
 */
import { throwIfFinal } from "./cluster-metadata.ts";
import type { Deadline, Tries } from "./deadline.ts";
import type { PartitionBatches } from "./epoch-batches.ts";
import type { SealedBatch } from "./produce-api.ts";
import {
  DUPLICATE_SEQUENCE_NUMBER,
  reasonToRetry,
  UNKNOWN_TOPIC_OR_PARTITION,
} from "./transaction-errors.ts";
import type { Producer, WriterCluster } from "./writer-cluster.ts";

/** A broker's `socket.request.max.bytes` is six times as much by default. */
const REQUEST_BYTES_MAX = 16_000_000;
const SEQUENCES = 2 ** 31;

/** A partition's batches on their way: the first of them is sent next, or again. */
interface Unsent {
  readonly of: PartitionBatches;
  next: number;
  sealed: SealedBatch | undefined;
}

export class BatchSender {
  readonly #cluster: WriterCluster;
  #producer: Producer = { id: -1, epoch: -1 };
  /** The next sequence number of a partition, by topic and partition. */
  readonly #sequences = new Map<string, number>();

  constructor(cluster: WriterCluster) {
    this.#cluster = cluster;
  }

  /** What is sent from here on is of this epoch. */
  begin(producer: Producer): void {
    this.#producer = producer;
    this.#sequences.clear();
  }

  /** Resolves when all is acknowledged. @throws NotDone */
  async send(partitions: readonly PartitionBatches[], deadline: Deadline): Promise<void> {
    const tries = deadline.tries();
    let unsent = partitions.map((of): Unsent => ({ of, next: 0, sealed: undefined }));
    for (;;) {
      const byLeader = Map.groupBy(unsent, ({ of }) => this.#cluster.leaderOf(of));
      const requests = [...byLeader].map(([leader, of]) =>
        leader === undefined ? this.#leaderless(of, tries) : this.#request(leader, of, deadline, tries),
      );
      const answers = await Promise.allSettled(requests); // BS2
      const refused = answers.find(({ status }) => status === "rejected");
      if (refused?.status === "rejected") throw refused.reason;
      unsent = unsent.filter(({ of, next }) => next < of.batches.length);
      if (unsent.length === 0) return;
      const reason = answers
        .map((answer) => (answer.status === "fulfilled" ? answer.value : ""))
        .find(Boolean);
      if (reason === undefined) continue;
      await tries.pause(reason);
      const topics = [...new Set(unsent.map(({ of }) => of.topic))];
      await deadline.within(this.#cluster.refresh(topics)).catch(throwIfFinal);
    }
  }

  async #leaderless(unsent: readonly Unsent[], { spentMs }: Tries): Promise<string> {
    const { of } = unsent[0]!;
    return reasonToRetry(`${of.topic}/${of.partition}`, UNKNOWN_TOPIC_OR_PARTITION, spentMs);
  }

  /** Sends the next batch of each partition that has room in a request. @returns why one of them has to be sent again */
  async #request(
    leader: number,
    unsent: readonly Unsent[],
    deadline: Deadline,
    tries: Tries,
  ): Promise<string | undefined> {
    const sent: Unsent[] = [];
    const batches: SealedBatch[] = [];
    let bytes = 0;
    for (const one of unsent) {
      one.sealed ??= this.#seal(one);
      bytes += one.sealed.bytes.length;
      if (batches.length > 0 && bytes > REQUEST_BYTES_MAX) break;
      sent.push(one);
      batches.push(one.sealed);
    }
    let answers: readonly number[];
    try {
      answers = await deadline.within(this.#cluster.produce(leader, batches));
    } catch (error) {
      throwIfFinal(error);
      return `broker ${leader}: ${(error as Error).message}`;
    }
    const wrong: [Unsent, number][] = [];
    for (const [index, errorCode] of answers.entries()) {
      if (errorCode === 0 || errorCode === DUPLICATE_SEQUENCE_NUMBER) this.#acknowledged(sent[index]!);
      else wrong.push([sent[index]!, errorCode]);
    }
    const reasons = wrong.map(([{ of }, errorCode]) =>
      reasonToRetry(`${of.topic}/${of.partition}`, errorCode, tries.spentMs),
    );
    return reasons[0];
  }

  #seal({ of, next }: Unsent): SealedBatch {
    const { topic, partition } = of;
    const { id, epoch } = this.#producer;
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
}
