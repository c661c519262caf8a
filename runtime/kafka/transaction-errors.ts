/** What an error of a transaction call means for the transaction: the one place that decides it. */
import type { LibrdKafkaError } from "@confluentinc/kafka-javascript";

export type TransactionVerdict =
  /** The same call again. */
  | "retry"
  /** Abort; the producer goes on. */
  | "abort"
  /** The producer's epoch is over: another took its id, or the coordinator timed its transaction out. */
  | "fenced"
  /** Nothing is known: the producer must not be used again. */
  | "lost";

// By number, so that this file can be used without loading the addon (librdkafka's rdkafkacpp.h).
const ERR__FENCED = -144;
const ERR_INVALID_PRODUCER_EPOCH = 47;
const ERR_PRODUCER_FENCED = 90;
const FENCED_CODES: ReadonlySet<number> = new Set([
  ERR__FENCED,
  ERR_INVALID_PRODUCER_EPOCH,
  ERR_PRODUCER_FENCED,
]);

export function verdictOf(error: LibrdKafkaError): TransactionVerdict {
  // Abortable first: an old epoch seen by a produce is settled by the abort, which then says "fenced" if it is so.
  if (error.isTxnRequiresAbort) return "abort";
  if (FENCED_CODES.has(error.code)) return "fenced";
  if (error.isFatal) return "lost";
  if (error.isRetriable) return "retry";
  return "lost";
}
