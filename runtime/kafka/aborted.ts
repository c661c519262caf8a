/**
 * Which batches of one fetched partition belong to aborted transactions, as the Kafka protocol prescribes for
 * read_committed (the Java client's `CompletedFetch`).
 *
 * The broker lists the aborted transactions that overlap the fetched range, each by producer and first offset. A producer
 * may be listed several times: it is "aborting" from a first offset until its own abort marker, and so on with its next.
 *
 * A1  Batches are shown in order of offset, each once.
 */
import type { Batch } from "./record-batch.ts";

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export class AbortedTransactions {
  readonly #byFirstOffset: readonly AbortedTransaction[];
  readonly #aborting = new Set<number>();
  #next = 0;

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#byFirstOffset = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether `batch` is data of an aborted transaction. */
  covers(batch: Batch): boolean {
    if (batch.producerId < 0) return false;
    while (
      this.#next < this.#byFirstOffset.length &&
      this.#byFirstOffset[this.#next]!.firstOffset <= batch.lastOffset
    ) {
      this.#aborting.add(this.#byFirstOffset[this.#next]!.producerId);
      this.#next++;
    }
    if (batch.control) {
      if (batch.isAbortMarker()) this.#aborting.delete(batch.producerId);
      return false;
    }
    return batch.transactional && this.#aborting.has(batch.producerId);
  }
}
