/**
 * One runner's race, judged: from everything received about a bib to what became of each read, the splits that count, the
 * status and the projected finish. The stage by runner calls it at every read and correction.
 *
 * Owns the meaning of a runner's data. Places are field.ts's; which reads fit together is chain.ts's; who is overdue is
 * lateness.ts's, since only the race's clock tells.
 *
 * J1  The view is a pure function of the SET of reads and corrections, the entrant and the race: no order of arrival,
 *     no earlier view and no clock changes it.
 * J2  A runner without a start read that counts has gun times and no net time. In a race by net time that is a time
 *     without a place. (Chicago and Boston list no such finisher. New York 2003, by gun time, lists 463: net left empty,
 *     placed by gun time like everybody.)
 * J3  Every read gets exactly one fate.
 * J4  How far the race has come a runner's reads say only as far as the runner was awaited: a clock that is a day ahead, of a
 *     mat or of whoever stamps arrivals, moves it by no more than half of what makes a runner overdue.
 * J5  No net time is longer than the gun time, but for what a start mat's clock is off: who is read there before the gun starts
 *     with it.
 *
 * Times are integer milliseconds since local midnight of the race's date, which pass 86 400 000 where a race does.
 */
import type { Correction, Entrant, Fate, Race, Read, RunnerStatus, SplitTime } from "../../schemas/index.ts";
import { claimedMs, objection, type Settlement, settle } from "./chain.ts";
import { type Course, courseOf, legMs } from "./course.ts";
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
  /** When the last of the reads was received, as far as that can be (J4); 0 without any. */
  readonly asOfMs: number;
  /** Never overdue or dnf here: see `expectedMs`. */
  readonly status: RunnerStatus;
  /** In the order the reads were given, then those officials added: the only thing in a view that order shows in. */
  readonly reads: readonly JudgedRead[];
  /** By mat; undefined: no read counts there. */
  readonly splits: readonly (SplitTime | undefined)[];
  /** Finish time on the clock the race ranks by; null when there is nothing to go by, or no need: finished, DNF, DSQ. */
  readonly projectedMs: number | null;
  readonly corrections: readonly CorrectionVerdict[];
  /** When the runner should cross the next mat; null: not awaited. A time without a read of it makes one overdue. */
  readonly expectedMs: number | null;
}

/**
 * Judges one runner.
 * @param bib the runner; `reads` and `corrections` are all of this bib, no id twice.
 */
export function judge(
  race: Race,
  bib: string,
  entrant: Entrant | undefined,
  reads: Iterable<ReceivedRead>,
  corrections: Iterable<Correction>,
): RunnerView {
  const course = courseOf(race);
  const trials: Trial[] = [];
  let receivedMs = 0;
  for (const read of reads) {
    const { id, mat, timeMs } = read;
    trials.push({
      id,
      mat,
      matIndex: course.indexOf.get(mat) ?? -1,
      timeMs,
      receivedMs: read.receivedMs,
      official: false,
      voided: null,
    });
    if (read.receivedMs > receivedMs) receivedMs = read.receivedMs;
  }
  if (entrant === undefined) return unknownBib(race, bib, trials, [...corrections], receivedMs);

  const wheels = isOnWheels(entrant);
  const orders = [...corrections];
  const corrected =
    orders.length === 0
      ? { trials, disqualified: false, verdicts: [] }
      : applyCorrections(course, trials, orders, wheels);
  const standing = orders.length === 0 ? trials : corrected.trials.filter((trial) => trial.voided === null);
  const settlement = settle(course, standing, wheels);
  const start = settlement.counted[0];
  const startMs = start ? claimedMs(course, start) : null;

  const splits = settlement.counted.map((claim, mat): SplitTime | undefined => {
    if (claim === undefined) return undefined;
    const timeMs = claimedMs(course, claim);
    return { mat, netMs: startMs === null ? null : timeMs - startMs, gunMs: timeMs - race.gunMs };
  });
  const progress = progressOf(course, splits);
  const status = corrected.disqualified ? "dsq" : progress.status;
  return {
    race,
    bib,
    entrant,
    asOfMs: asOf(course, receivedMs, believedOf(course, splits)),
    status,
    reads: corrected.trials.map((trial) => judged(course, settlement, splits, trial)),
    splits,
    projectedMs: status === "dsq" ? null : progress.projectedMs,
    corrections: corrected.verdicts,
    expectedMs: status === "dsq" ? null : progress.expectedMs,
  };
}

/** The time that places go by, or null (J2). */
export function rankMsOf(
  race: Race,
  split: { readonly netMs: number | null; readonly gunMs: number | null },
): number | null {
  return race.rankBy === "net" ? split.netMs : split.gunMs;
}

/** The race's data name no class: wheelchairs and hand cycles show by their division, or a bib such as W12. */
export function isOnWheels(entrant: Entrant): boolean {
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
  receivedMs: number,
): RunnerView {
  const reason = `bib ${bib} is not on the start list`;
  return {
    race,
    bib,
    entrant: undefined,
    asOfMs: asOf(courseOf(race), receivedMs, undefined),
    status: "registered",
    reads: trials.map((trial) => judgedAs(trial, "unknown_bib", reason)),
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
  if (trial.voided !== null) return judgedAs(trial, "voided", trial.voided);
  const split =
    trial.matIndex >= 0 && settlement.counted[trial.matIndex] === trial ? splits[trial.matIndex] : undefined;
  if (split !== undefined) return judgedAs(trial, "counted", "", split);
  const { repeated, reason } = objection(course, settlement, trial);
  return judgedAs(trial, repeated ? "repeated" : "questionable", reason);
}

function judgedAs(
  { id, mat, timeMs, receivedMs }: Trial,
  fate: Fate,
  reason: string,
  split?: SplitTime,
): JudgedRead {
  return {
    id,
    mat,
    timeMs,
    receivedMs,
    fate,
    reason,
    netMs: split?.netMs ?? null,
    gunMs: split?.gunMs ?? null,
  };
}

export interface Progress {
  readonly status: RunnerStatus;
  readonly projectedMs: number | null;
  readonly expectedMs: number | null;
}

/** Where a runner stands who is not disqualified. */
function progressOf(course: Course, splits: readonly (SplitTime | undefined)[]): Progress {
  const last = splits.findLast((split) => split !== undefined);
  if (last === undefined) return { status: "registered", projectedMs: null, expectedMs: null };
  return progressAt(course, last);
}

// Without a start read the gun stands in for it: the pace is a little too slow, the runner expected a little too late.
const elapsedMs = ({ netMs, gunMs }: SplitTime): number => netMs ?? gunMs;

/** Where a runner stands whose last split that counts this is. */
export function progressAt(course: Course, last: SplitTime): Progress {
  if (last.mat === course.finish) return { status: "finished", projectedMs: null, expectedMs: null };
  const legToNextMs = legMs(course, last.mat, last.mat + 1, elapsedMs(last));
  return {
    status: "running",
    projectedMs: projected(course, last, elapsedMs(last)),
    expectedMs: Math.round(course.race.gunMs + last.gunMs + legToNextMs),
  };
}

/** A split, and the time of day at which a runner who was at the splits before it as told may have been there (J4). */
export interface Believed {
  readonly split: SplitTime;
  readonly atMs: number;
}

export function believedAfter(course: Course, before: Believed | undefined, split: SplitTime): Believed {
  const latestMs = before
    ? before.atMs + legMs(course, before.split.mat, split.mat, elapsedMs(before.split)) + slackMs(course)
    : course.startClosesMs + legMs(course, 0, split.mat, 0);
  return { split, atMs: Math.min(course.race.gunMs + split.gunMs, Math.round(latestMs)) };
}

function believedOf(course: Course, splits: readonly (SplitTime | undefined)[]): Believed | undefined {
  let believed: Believed | undefined;
  for (const split of splits) if (split) believed = believedAfter(course, believed, split);
  return believed;
}

const slackMs = ({ race }: Course): number => race.overdueAfterMs / 2;

/** J4. Without a split that counts a runner says nothing that is later than the gun. */
export const asOf = (course: Course, receivedMs: number, believed: Believed | undefined): number =>
  Math.min(receivedMs, believed ? Math.round(believed.atMs + slackMs(course)) : course.race.gunMs);

/** Riegel's law from the last split that counts (course.ts), from the runner's own start where there is one. */
function projected(course: Course, last: SplitTime, elapsedMs: number): number | null {
  const factor = course.toFinish[last.mat]!;
  if (factor === 0 || rankMsOf(course.race, last) === null) return null;
  const beforeStartMs = course.race.rankBy === "gun" && last.netMs !== null ? last.gunMs - last.netMs : 0;
  return Math.round(beforeStartMs + elapsedMs * factor);
}
