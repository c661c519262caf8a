/**
 * What no rule of the sport could make sense of: thrown before it touches state or moves time, so that it ends among the dead
 * letters with its reason. Everything else that is odd is judged (runner.ts) and has an outcome.
 *
 * IC1  Texts that become keys are short: state and results are records too, and Kafka bounds those.
 * IC2  Times are of a race's day. One of the year 2999 would carry the watermark away with it.
 */
import type { Correction, Entrant, TimingMessage } from "../../schemas/index.ts";

const NAME_MAX = 100;
const ID_MAX = 200;
const REASON_MAX = 2_000;
/** Two months either way: the heartbeat that ends a race stands days after its last read. */
const TIME_MAX_MS = 60 * 86_400_000;

/** @throws Error with the reason. */
export function checkMessage({ race, receivedMs, read }: TimingMessage): void {
  checkName("race", race);
  checkTime("receivedMs", receivedMs);
  if (read === null) return;
  checkName("bib", read.bib);
  checkText("mat", read.mat, NAME_MAX);
  checkText("id", read.id, ID_MAX);
  checkTime("timeMs", read.timeMs);
}

/** @throws Error with the reason. */
export function checkEntrant({ race, bib, gender, division, country }: Entrant): void {
  checkName("race", race);
  checkName("bib", bib);
  checkText("gender", gender, NAME_MAX);
  checkText("division", division, NAME_MAX);
  checkText("country", country, NAME_MAX);
}

/** @throws Error with the reason. */
export function checkCorrection({ race, bib, id, read, mat, timeMs, reason }: Correction): void {
  checkName("race", race);
  checkName("bib", bib);
  checkText("id", id, ID_MAX);
  checkText("read", read ?? "", ID_MAX);
  checkText("mat", mat ?? "", NAME_MAX);
  checkText("reason", reason, REASON_MAX);
  if (timeMs !== null) checkTime("timeMs", timeMs);
}

function checkName(field: string, text: string): void {
  if (text === "") throw new Error(`${field} is empty`);
  checkText(field, text, NAME_MAX);
}

/** IC1. */
function checkText(field: string, text: string, max: number): void {
  if (text.length > max) throw new Error(`${field} has ${text.length} characters, more than ${max}`);
}

/** IC2. */
function checkTime(field: string, ms: number): void {
  if (ms > TIME_MAX_MS || ms < -TIME_MAX_MS)
    throw new Error(`${field} is ${ms}: milliseconds since midnight of the race's day, not of another clock`);
}
