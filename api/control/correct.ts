/**
 * An official's correction on its way: checked against the race, put into the log, and waited for. The job decides; what it says comes
 * back through its results.
 *
 * CO1  Sending again what has an id is harmless: it is answered with what became of it. The id of another correction is refused.
 * CO2  `applied` and `refused` are committed; `accepted`: the correction is, and what comes of it is not known yet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Correction, CorrectionOutcome } from "../../schemas/index.ts";
import type { RaceView } from "../live/race-view.ts";
import { type RunnerDetail, runnerDetail } from "../live/runner-detail.ts";
import { Problem, quoted } from "../problem.ts";
import type { CorrectionDesk } from "./control.ts";
import type { CorrectionBook } from "./correction-book.ts";
import { type Change, changesBetween } from "./correction-effect.ts";

export interface Corrected {
  readonly outcome: "applied" | "refused" | "accepted";
  /** Why it was refused. */
  readonly refusal: string;
  /** What is seen to have changed for the runner. */
  readonly changes: readonly Change[];
}

/** How long an answer waits for what the job makes of it, and then for what that changes on the board. */
export interface CorrectionWaits {
  readonly decisionMs: number;
  readonly boardMs: number;
}

export const CORRECTION_WAITS: CorrectionWaits = { decisionMs: 8_000, boardMs: 3_000 };
const LOOK_EVERY_MS = 10;

/** @throws Problem UNKNOWN_RUNNER, CONFLICT (CO1) */
export async function correct(
  now: () => { readonly book: CorrectionBook; readonly race: RaceView },
  desk: CorrectionDesk,
  correction: Correction,
  { decisionMs, boardMs }: CorrectionWaits,
): Promise<Corrected> {
  const before = runnerDetail(now().race, correction.bib);
  const known = now().book.get(correction);
  if (known) {
    if (isSame(known, correction)) return decided(known, []);
    throw new Problem(
      "CONFLICT",
      `id: ${quoted(correction.id)} is that of another correction of this runner`,
    );
  }
  await desk.send(correction);
  const outcome = await until(decisionMs, () => now().book.get(correction));
  if (!outcome) return { outcome: "accepted", refusal: "", changes: [] };
  if (!outcome.applied) return decided(outcome, []);
  return decided(outcome, (await until(boardMs, () => changesSince(before, now().race))) ?? []);
}

function changesSince(before: RunnerDetail, race: RaceView): Change[] | undefined {
  const changes = changesBetween(before, runnerDetail(race, before.bib));
  return changes.length > 0 ? changes : undefined;
}

const decided = ({ applied, refusal }: CorrectionOutcome, changes: readonly Change[]): Corrected => ({
  outcome: applied ? "applied" : "refused",
  refusal,
  changes,
});

function isSame(known: CorrectionOutcome, { kind, read, mat, timeMs }: Correction): boolean {
  const knownMs = known.timeS === null ? null : Math.round(known.timeS * 1000);
  return (
    known.kind === kind && known.read === (read ?? "") && known.mat === (mat ?? "") && knownMs === timeMs
  );
}

async function until<T>(maxMs: number, look: () => T | undefined): Promise<T | undefined> {
  const endMs = performance.now() + maxMs;
  for (;;) {
    const found = look();
    if (found !== undefined || performance.now() >= endMs) return found;
    await sleep(LOOK_EVERY_MS);
  }
}
