/**
 * The usual case, made cheap: a runner whose reads all fit together crosses the next mat. What follows from that read is said
 * without judging the others again.
 *
 * SR1  `nextRead` says exactly what judging all reads before and after it, and comparing, would say; where it might not, it
 *      says nothing, and the caller judges.
 */
import type { Entrant, PassingOutcome, Race, RunnerUpdate, SplitTime } from "../../schemas/index.ts";
import { type Claim, claimedMs, fits, follows, implausible } from "./chain.ts";
import { courseOf, type Locomotion } from "./course.ts";
import {
  asOf,
  type Believed,
  believedAfter,
  isOnWheels,
  progressAt,
  type ReceivedRead,
  type RunnerView,
} from "./runner.ts";
import { passingOutcome } from "./runner-diff.ts";

/** A runner on the start list, without corrections, whose first reads of all mats fit together. */
export interface SmoothRun {
  readonly entrant: Entrant;
  readonly by: Locomotion;
  /** The read that counts at the farthest mat; undefined: none yet. */
  readonly last: Claim | undefined;
  /** Undefined: no read of the start. */
  readonly startMs: number | undefined;
  readonly receivedMs: number;
  readonly believed: Believed | undefined;
}

/** The run behind a view, or undefined where it is not smooth. */
export function smoothRunOf(view: RunnerView): SmoothRun | undefined {
  const { entrant, race } = view;
  if (entrant === undefined || view.corrections.length > 0) return undefined;
  if (view.reads.some(({ fate }) => fate !== "counted" && fate !== "repeated")) return undefined;
  const course = courseOf(race);
  const by = isOnWheels(entrant) ? "wheels" : "foot";
  const claims = view.splits.map(
    (split): Claim | undefined =>
      split && claimOf("", split.mat, split.gunMs + race.gunMs, split.gunMs + race.gunMs),
  );
  if (!fits(course, claims, by)) return undefined;
  const last = claims.findLast((claim) => claim !== undefined);
  const receivedMs = view.reads.reduce((latest, read) => Math.max(latest, read.receivedMs), 0);
  let believed: Believed | undefined;
  for (const split of view.splits) if (split) believed = believedAfter(course, believed, split);
  return { entrant, by, last, startMs: claims[0]?.timeMs, receivedMs, believed };
}

const claimOf = (id: string, matIndex: number, timeMs: number, receivedMs: number): Claim => ({
  id,
  matIndex,
  timeMs,
  receivedMs,
  official: false,
});

/** What a read of this runner says that was not said before, and the run after it; undefined: it must be judged (SR1). */
export function nextRead(
  race: Race,
  run: SmoothRun,
  read: ReceivedRead,
): { readonly passing: PassingOutcome; readonly update: RunnerUpdate; readonly run: SmoothRun } | undefined {
  const course = courseOf(race);
  const { entrant, by, last } = run;
  const { id, mat, timeMs, receivedMs } = read;
  const matIndex = course.indexOf.get(mat);
  if (matIndex === undefined || (last !== undefined && matIndex <= last.matIndex)) return undefined;
  const claim = claimOf(id, matIndex, timeMs, receivedMs);
  if (implausible(course, claim, by) !== null) return undefined;
  if (last !== undefined && !follows(course, last, claim, by)) return undefined;

  const atMs = claimedMs(course, claim);
  const startMs = matIndex === 0 ? atMs : run.startMs;
  const split: SplitTime = {
    mat: matIndex,
    netMs: startMs === undefined ? null : atMs - startMs,
    gunMs: atMs - race.gunMs,
  };
  const believed = believedAfter(course, run.believed, split);
  const latestMs = Math.max(run.receivedMs, receivedMs);
  const judged = {
    id,
    mat,
    timeMs,
    receivedMs,
    fate: "counted",
    reason: "",
    netMs: split.netMs,
    gunMs: split.gunMs,
  } as const;
  const { bib, gender, division, country } = entrant;
  return {
    passing: passingOutcome({ race, bib }, judged),
    update: {
      race: race.id,
      bib,
      gender,
      division,
      country,
      ...progressAt(course, split),
      asOfMs: asOf(course, latestMs, believed),
      splits: [split],
      removed: [],
    },
    run: { entrant, by, last: claimOf(id, matIndex, atMs, atMs), startMs, receivedMs: latestMs, believed },
  };
}
