/**
 * One runner's race, judged: from everything received about a bib to what became of each read, the splits that count, the
 * status and the projected finish. The stage by runner calls it at every read, correction and timer.
 *
 * Owns the meaning of a runner's data. Places are field.ts's; which reads fit together is chain.ts's.
 *
 * J1  The view is a pure function of the SET of reads and corrections, the entrant, the race and the clock: no order of
 *     arrival, no earlier view and no wall clock changes it.
 * J2  A runner without a start read that counts has gun times and no net time. In a race by net time that is a time
 *     without a place. (Chicago and Boston list no such finisher. New York 2003, by gun time, lists 463: net left empty,
 *     placed by gun time like everybody.)
 * J3  Every read gets exactly one fate.
 * J4  The clock never goes back behind a read that has arrived, so a status is never older than the splits beside it.
 *
 * Times are integer milliseconds since local midnight of the race's date, which pass 86 400 000 where a race does.
 */
import type { Correction, Entrant, Fate, Race, Read, RunnerStatus, SplitTime } from "../../schemas/index.ts";
import { objection, type Settlement, settle } from "./chain.ts";
import { type Course, courseOf, nextLegMs } from "./course.ts";
import { applyCorrections, type CorrectionVerdict, type Trial } from "./verdicts.ts";

/** A read and when it reached the timing system. */
export interface ReceivedRead extends Read {
  readonly receivedMs: number;
}

/** What became of one read. */
export interface JudgedRead {
  readonly id: string;
  readonly mat: string;
  /** As it counts: after a change by an official. */
  readonly timeMs: number;
  readonly receivedMs: number;
  readonly fate: Fate;
  /** Why it does not count; empty when it does. */
  readonly reason: string;
  /** Null where it does not count, or without a start (J2). */
  readonly netMs: number | null;
  readonly gunMs: number | null;
}

export interface RunnerView {
  readonly race: Race;
  readonly bib: string;
  /** Absent: the bib is not on the start list (yet); nothing counts. */
  readonly entrant: Entrant | undefined;
  readonly nowMs: number;
  readonly status: RunnerStatus;
  /** In the order the reads were given, then those officials added: the only thing in a view that order shows in. */
  readonly reads: readonly JudgedRead[];
  /** By mat; undefined: no read counts there. */
  readonly splits: readonly (SplitTime | undefined)[];
  /** Finish time on the clock the race ranks by; null when there is nothing to go by, or no need: finished, DNF, DSQ. */
  readonly projectedMs: number | null;
  readonly corrections: readonly CorrectionVerdict[];
  /** When the runner was to cross the next mat; null: none is awaited. */
  readonly expectedMs: number | null;
}

/**
 * Judges one runner.
 * @param bib the runner; `reads` and `corrections` are all of this bib, no id twice.
 * @param clockMs the race's clock; reads received later than it move it (J4). -Infinity: only the reads do.
 */
export function judge(
  race: Race,
  bib: string,
  entrant: Entrant | undefined,
  reads: Iterable<ReceivedRead>,
  corrections: Iterable<Correction>,
  clockMs: number,
): RunnerView {
  const course = courseOf(race);
  const trials: Trial[] = [];
  let nowMs = clockMs;
  for (const { id, mat, timeMs, receivedMs } of reads) {
    trials.push({
      id,
      mat,
      matIndex: course.indexOf.get(mat) ?? -1,
      timeMs,
      receivedMs,
      official: false,
      voided: null,
    });
    if (receivedMs > nowMs) nowMs = receivedMs;
  }
  if (entrant === undefined) return unknownBib(race, bib, trials, [...corrections], nowMs);

  const wheels = isOnWheels(entrant);
  const orders = [...corrections];
  const corrected =
    orders.length === 0
      ? { trials, disqualified: false, verdicts: [] }
      : applyCorrections(course, trials, orders, wheels);
  const standing = orders.length === 0 ? trials : corrected.trials.filter((trial) => trial.voided === null);
  const settlement = settle(course, standing, wheels);
  const startMs = settlement.counted[0]?.timeMs ?? null;

  const splits = settlement.counted.map(
    (claim, mat): SplitTime | undefined =>
      claim && {
        mat,
        netMs: startMs === null ? null : claim.timeMs - startMs,
        gunMs: claim.timeMs - race.gunMs,
      },
  );
  const progress = progressOf(course, splits, settlement, nowMs);
  const status = corrected.disqualified ? "dsq" : progress.status;
  return {
    race,
    bib,
    entrant,
    nowMs,
    status,
    reads: corrected.trials.map((trial) => judged(course, settlement, splits, trial)),
    splits,
    projectedMs: status === "running" || status === "overdue" ? progress.projectedMs : null,
    corrections: corrected.verdicts,
    expectedMs: status === "dsq" ? null : progress.expectedMs,
  };
}

/**
 * When the status may change next though nothing arrives, on the race's clock; null: never. A timer set for it judges anew
 * and asks again, so an older timer does no harm.
 */
export function nextCheckMs(view: RunnerView): number | null {
  if (view.expectedMs === null) return null;
  if (view.status === "running") return view.expectedMs + view.race.overdueAfterMs;
  return view.status === "overdue" ? view.expectedMs + view.race.dnfAfterMs : null;
}

/** The time that places go by, or null (J2). */
export function rankMsOf(
  race: Race,
  split: { readonly netMs: number | null; readonly gunMs: number | null },
): number | null {
  return race.rankBy === "net" ? split.netMs : split.gunMs;
}

/** The race's data name no class: wheelchairs and hand cycles show by their division, or a bib such as W12. */
function isOnWheels(entrant: Entrant): boolean {
  return (
    /wheel|push.?rim|hand.?(cycle|bike)|\bT5[1-4]\b/i.test(entrant.division) ||
    /^(W|WC|HC)\d+$/i.test(entrant.bib)
  );
}

function unknownBib(
  race: Race,
  bib: string,
  trials: readonly Trial[],
  corrections: readonly Correction[],
  nowMs: number,
): RunnerView {
  const reason = `bib ${bib} is not on the start list`;
  return {
    race,
    bib,
    entrant: undefined,
    nowMs,
    status: "registered",
    reads: trials.map(({ id, mat, timeMs, receivedMs }) => ({
      id,
      mat,
      timeMs,
      receivedMs,
      fate: "unknown_bib",
      reason,
      netMs: null,
      gunMs: null,
    })),
    splits: race.mats.map(() => undefined),
    projectedMs: null,
    corrections: corrections.map((correction) => ({ correction, refusal: reason })),
    expectedMs: null,
  };
}

function judged(
  course: Course,
  settlement: Settlement<Trial>,
  splits: readonly (SplitTime | undefined)[],
  trial: Trial,
): JudgedRead {
  const { id, mat, timeMs, receivedMs } = trial;
  if (trial.voided !== null)
    return { id, mat, timeMs, receivedMs, fate: "voided", reason: trial.voided, netMs: null, gunMs: null };
  const split =
    trial.matIndex >= 0 && settlement.counted[trial.matIndex] === trial ? splits[trial.matIndex] : undefined;
  if (split !== undefined)
    return {
      id,
      mat,
      timeMs,
      receivedMs,
      fate: "counted",
      reason: "",
      netMs: split.netMs,
      gunMs: split.gunMs,
    };
  const { repeated, reason } = objection(course, settlement, trial);
  return {
    id,
    mat,
    timeMs,
    receivedMs,
    fate: repeated ? "repeated" : "questionable",
    reason,
    netMs: null,
    gunMs: null,
  };
}

interface Progress {
  readonly status: RunnerStatus;
  readonly projectedMs: number | null;
  readonly expectedMs: number | null;
}

/** Where a runner stands who is not disqualified. */
function progressOf(
  course: Course,
  splits: readonly (SplitTime | undefined)[],
  settlement: Settlement<Trial>,
  nowMs: number,
): Progress {
  const last = splits.findLast((split) => split !== undefined);
  if (last === undefined) return { status: "registered", projectedMs: null, expectedMs: null };
  if (last.mat === course.finish) return { status: "finished", projectedMs: null, expectedMs: null };
  const { race } = course;
  // Without a start read the gun stands in for it: the pace is a little too slow, the runner expected a little too late.
  const elapsedMs = last.netMs ?? last.gunMs;
  const expectedMs = Math.round(
    settlement.counted[last.mat]!.timeMs + nextLegMs(course, last.mat, elapsedMs),
  );
  const status =
    nowMs >= expectedMs + race.dnfAfterMs
      ? "dnf"
      : nowMs >= expectedMs + race.overdueAfterMs
        ? "overdue"
        : "running";
  return { status, projectedMs: projected(course, last, elapsedMs), expectedMs };
}

/** Riegel's law from the last split that counts (course.ts), from the runner's own start where there is one. */
function projected(course: Course, last: SplitTime, elapsedMs: number): number | null {
  const factor = course.toFinish[last.mat]!;
  if (factor === 0 || rankMsOf(course.race, last) === null) return null;
  const beforeStartMs = course.race.rankBy === "gun" && last.netMs !== null ? last.gunMs - last.netMs : 0;
  return Math.round(beforeStartMs + elapsedMs * factor);
}
