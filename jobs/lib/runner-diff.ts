/**
 * What a new view of a runner says that the one before did not: the records the stage by runner sends on.
 *
 * D1  Nothing is sent that says what was sent before: a read again judged the same costs no record.
 * D2  Sending all differences in order, from the first view on, leaves every receiver with the last view.
 */
import type {
  CorrectionOutcome,
  PassingOutcome,
  Race,
  RunnerUpdate,
  SplitTime,
} from "../../schemas/index.ts";
import type { JudgedRead, RunnerView } from "./runner.ts";
import type { CorrectionVerdict } from "./verdicts.ts";

export interface RunnerDifference {
  readonly passings: readonly PassingOutcome[];
  readonly corrections: readonly CorrectionOutcome[];
  /** Undefined: nothing changed that the race must know, or the bib is unknown. */
  readonly update: RunnerUpdate | undefined;
}

const seconds = (ms: number) => ms / 1000;
const secondsOrNull = (ms: number | null) => (ms === null ? null : ms / 1000);

/** From `before` (undefined: nothing was sent about this runner yet) to `after`, two views of the same runner. */
export function diff(before: RunnerView | undefined, after: RunnerView): RunnerDifference {
  return {
    passings: changedReads(before, after).map((read) => passingOutcome(after, read)),
    corrections: changedCorrections(before, after).map((verdict) => correctionOutcome(verdict)),
    update: runnerUpdate(before, after),
  };
}

function changedReads(before: RunnerView | undefined, after: RunnerView): readonly JudgedRead[] {
  if (before === undefined || before.reads.length === 0) return after.reads;
  const old = before.reads;
  // The usual case, a new read after those of before, needs no look-up by id.
  const inPlace = old.every((read, index) => after.reads[index]?.id === read.id);
  const byId = inPlace ? undefined : new Map(old.map((read) => [read.id, read]));
  return after.reads.filter((read, index) => {
    const known = byId === undefined ? old[index] : byId.get(read.id);
    return known === undefined || !sameJudgement(known, read);
  });
}

function sameJudgement(a: JudgedRead, b: JudgedRead): boolean {
  return (
    a.fate === b.fate &&
    a.timeMs === b.timeMs &&
    a.netMs === b.netMs &&
    a.gunMs === b.gunMs &&
    a.reason === b.reason &&
    a.mat === b.mat &&
    a.receivedMs === b.receivedMs
  );
}

function changedCorrections(before: RunnerView | undefined, after: RunnerView): readonly CorrectionVerdict[] {
  if (after.corrections.length === 0) return after.corrections;
  const old = new Map(before?.corrections.map((verdict) => [verdict.correction.id, verdict.refusal]));
  return after.corrections.filter(({ correction, refusal }) => old.get(correction.id) !== refusal);
}

function runnerUpdate(before: RunnerView | undefined, after: RunnerView): RunnerUpdate | undefined {
  const { entrant } = after;
  if (entrant === undefined) return withdrawal(before, after);
  const known = before?.entrant === undefined ? undefined : before;
  const splits = after.splits.filter(
    (split, mat): split is SplitTime => split !== undefined && !sameSplit(known?.splits[mat], split),
  );
  const removed: number[] = [];
  known?.splits.forEach((split, mat) => {
    if (split !== undefined && after.splits[mat] === undefined) removed.push(mat);
  });
  if (
    known !== undefined &&
    splits.length === 0 &&
    removed.length === 0 &&
    known.status === after.status &&
    known.projectedMs === after.projectedMs &&
    known.expectedMs === after.expectedMs &&
    known.entrant!.gender === entrant.gender &&
    known.entrant!.division === entrant.division &&
    known.entrant!.country === entrant.country
  ) {
    return undefined;
  }
  return {
    race: after.race.id,
    bib: after.bib,
    gender: entrant.gender,
    division: entrant.division,
    country: entrant.country,
    status: after.status,
    asOfMs: after.asOfMs,
    splits,
    removed,
    projectedMs: after.projectedMs,
    expectedMs: after.expectedMs,
  };
}

/** Of who has been taken off the start list: nothing of theirs counts any more. */
function withdrawal(before: RunnerView | undefined, after: RunnerView): RunnerUpdate | undefined {
  if (before?.entrant === undefined) return undefined;
  const { race, bib, gender, division, country } = before.entrant;
  return {
    race,
    bib,
    gender,
    division,
    country,
    status: "registered",
    asOfMs: after.asOfMs,
    splits: [],
    removed: before.splits.flatMap((split) => (split ? [split.mat] : [])),
    projectedMs: null,
    expectedMs: null,
  };
}

function sameSplit(a: SplitTime | undefined, b: SplitTime): boolean {
  return a !== undefined && a.netMs === b.netMs && a.gunMs === b.gunMs;
}

export function passingOutcome(
  view: { readonly race: Race; readonly bib: string },
  read: JudgedRead,
): PassingOutcome {
  return {
    race: view.race.id,
    id: read.id,
    bib: view.bib,
    mat: read.mat,
    timeS: seconds(read.timeMs),
    receivedS: seconds(read.receivedMs),
    fate: read.fate,
    reason: read.reason,
    netS: secondsOrNull(read.netMs),
    gunS: secondsOrNull(read.gunMs),
  };
}

function correctionOutcome({ correction, refusal }: CorrectionVerdict): CorrectionOutcome {
  return {
    race: correction.race,
    id: correction.id,
    bib: correction.bib,
    kind: correction.kind,
    read: correction.read ?? "",
    mat: correction.mat ?? "",
    timeS: secondsOrNull(correction.timeMs),
    reason: correction.reason,
    enteredMs: correction.enteredMs,
    applied: refusal === "",
    refusal,
  };
}
