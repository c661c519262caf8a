/** What an error code of Kafka means for a transaction: the one place that decides it. */
import { errorName, passes } from "./cluster-metadata.ts";

export type TransactionVerdict =
  /** The same request again. */
  | "retry"
  /** The producer's epoch is over: another took its id, or the coordinator timed its transaction out. */
  | "fenced"
  /** Asking again does not help: before its end the transaction is aborted, at its end nothing is known. */
  | "refused";

export const DUPLICATE_SEQUENCE_NUMBER = 46;
export const UNKNOWN_TOPIC_OR_PARTITION = 3;
const INVALID_PRODUCER_EPOCH = 47;
const PRODUCER_FENCED = 90;
/** A topic that was just created may be unknown to a broker for a moment. */
const UNKNOWN_TOPIC_GRACE_MS = 3_000;

/** A request that Kafka refused, or that nobody answered in time. */
export class NotDone extends Error {
  readonly verdict: Exclude<TransactionVerdict, "retry"> | "unanswered";

  constructor(verdict: NotDone["verdict"], reason: string) {
    super(reason);
    this.verdict = verdict;
  }
}

/** @param forMs how long the same was asked for before */
export function verdictOf(errorCode: number, forMs: number): TransactionVerdict {
  if (errorCode === INVALID_PRODUCER_EPOCH || errorCode === PRODUCER_FENCED) return "fenced";
  if (errorCode === UNKNOWN_TOPIC_OR_PARTITION && forMs > UNKNOWN_TOPIC_GRACE_MS) return "refused";
  return passes(errorCode) ? "retry" : "refused";
}

/** The error code of `what` in words. @throws NotDone where asking again does not help */
export function reasonToRetry(what: string, errorCode: number, forMs: number): string {
  const reason = `${what}: ${errorName(errorCode)}`;
  const verdict = verdictOf(errorCode, forMs);
  if (verdict !== "retry") throw new NotDone(verdict, reason);
  return reason;
}
