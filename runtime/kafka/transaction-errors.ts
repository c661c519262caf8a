/** What an error code of Kafka means for a transaction: the one place that decides it. */
import { passes } from "./cluster-metadata.ts";

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

export function verdictOf(errorCode: number): TransactionVerdict {
  if (errorCode === INVALID_PRODUCER_EPOCH || errorCode === PRODUCER_FENCED) return "fenced";
  return passes(errorCode) ? "retry" : "refused";
}
