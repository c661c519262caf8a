/**
 * Somebody takes an alert on: checked against what is known, put into the log, and waited for. The job decides, in the order of its
 * inputs; what it says comes back through the same topic as everything else about the alert.
 *
 * AK1  Asking again is harmless: of many acknowledgements of an alert the first counts.
 * AK2  What is answered has been committed, but for `accepted`: then the acknowledgement is, and what comes of it is not known yet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AlertAcknowledgement } from "../../../schemas/index.ts";
import { Problem, quoted } from "../../problem.ts";
import type { AlertBook, KnownAlert } from "./alert-book.ts";
import type { AcknowledgeAnswer } from "./schemas.ts";

export interface AcknowledgementDesk {
  /** Resolves once the acknowledgement is in the log, among the inputs of the job. */
  send(acknowledgement: AlertAcknowledgement): Promise<void>;
}

const LOOK_EVERY_MS = 10;

export interface Acknowledged {
  readonly outcome: AcknowledgeAnswer["outcome"];
  readonly known: KnownAlert;
}

/** @throws Problem UNKNOWN_ALERT, ALERT_OVER */
export function alertOf(book: AlertBook, id: string): KnownAlert {
  const known = book.get(id);
  if (!known) throw new Problem("UNKNOWN_ALERT", `there is no alert ${quoted(id)}, or it has long been over`);
  return known;
}

/** @throws Problem UNKNOWN_ALERT, ALERT_OVER */
export async function acknowledge(
  book: () => AlertBook,
  desk: AcknowledgementDesk,
  acknowledgement: Omit<AlertAcknowledgement, "participant">,
  waitMs: number,
): Promise<Acknowledged> {
  const { id, by } = acknowledgement;
  const { participant } = alertOf(book(), id).alert;
  const before = decided(alertOf(book(), id), by);
  if (before) return before; // AK1
  await desk.send({ ...acknowledgement, participant });
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const known = alertOf(book(), id);
    const answer = decided(known, by);
    if (answer) return answer;
    if (performance.now() >= untilMs) return { outcome: "accepted", known };
    await sleep(LOOK_EVERY_MS);
  }
}

/** @throws Problem ALERT_OVER when it was over before anybody took it on. */
function decided(known: KnownAlert, by: string): Acknowledged | undefined {
  const { state, acknowledgedBy } = known.alert;
  if (state === "cleared" && acknowledgedBy !== by)
    throw new Problem("ALERT_OVER", `the alert ${quoted(known.id)} is over: there is nothing to take on`);
  if (acknowledgedBy === null) return undefined;
  return { outcome: acknowledgedBy === by ? "acknowledged" : "taken_before", known };
}
