/** What stands in place of a record that cannot be decoded, or that the job's code throws on. */
import { DeadLetter } from "../../schemas/index.ts";
import type { RecordContext } from "../operators/record-context.ts";

/** A dead letter is a record itself: of one as large as Kafka takes it holds the beginning. */
const KEY_MAX = 100_000;
const VALUE_MAX = 800_000;
const REASON_MAX = 2_000;

/** The letter about the record, or the timer, at hand. */
export function deadLetter(
  where: { readonly job: string; readonly stage: string },
  record: RecordContext,
  error: unknown,
  key: Buffer | null,
  value: Buffer | null,
): Buffer {
  const { topic, partition, offset, ingestMs, step } = record;
  const why = error instanceof Error ? error.message : String(error);
  const cut = (key?.length ?? 0) > KEY_MAX || (value?.length ?? 0) > VALUE_MAX;
  const reason = cut ? `${why.slice(0, 1900)} (cut short here: it stands whole where it came from)` : why;
  return DeadLetter.encode({
    ...where,
    step,
    topic,
    partition,
    offset,
    timestampMs: ingestMs,
    // It may tell of a text that is cut within a character, or be cut so here.
    reason: reason.slice(0, REASON_MAX).toWellFormed(),
    key: key?.subarray(0, KEY_MAX) ?? null,
    value: value?.subarray(0, VALUE_MAX) ?? null,
  });
}
