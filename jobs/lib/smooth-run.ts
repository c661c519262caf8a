/**
 * The usual case, made cheap: a runner whose reads all fit together crosses the next mat. What follows from that read is said
 * without judging the others again.
 *
 * SR1  `nextRead` says exactly what judging all reads before and after it, and comparing, would say; where it might not, it
 *      says nothing, and the caller judges.
 */
import type { Entrant, PassingOutcome, Race, RunnerUpdate, SplitTime } from "../../schemas/index.ts";
import { type Claim, fits, follows, implausible } from "./chain.ts";
import { courseOf, type Locomotion } from "./course.ts";
import { isOnWheels, progressAt, type ReceivedRead, type RunnerView } from "./runner.ts";
import { passingOutcome } from "./runner-diff.ts";

/** A runner on the start list, without corrections, whose first reads of all mats fit together. */
export interface SmoothRun {
  readonly entrant: Entrant;
  readonly by: Locomotion;
  /** The read that counts at the farthest mat; undefined: none yet. */
  readonly last: Claim | undefined;
  /** Undefined: no read of the start. */
  readonly startMs: number | undefined;
  readonly asOfMs: number;
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
      split && { id: "", matIndex: split.mat, timeMs: split.gunMs + race.gunMs, official: false },
  );
  if (!fits(course, claims, by)) return undefined;
  const last = claims.findLast((claim) => claim !== undefined);
  return { entrant, by, last, startMs: claims[0]?.timeMs, asOfMs: view.asOfMs };
}

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
  const claim: Claim = { id, matIndex, timeMs, official: false };
  if (implausible(course, claim, by) !== null) return undefined;
  if (last !== undefined && !follows(course, last, claim, by)) return undefined;

  const startMs = matIndex === 0 ? timeMs : run.startMs;
  const split: SplitTime = {
    mat: matIndex,
    netMs: startMs === undefined ? null : timeMs - startMs,
    gunMs: timeMs - race.gunMs,
  };
  const asOfMs = Math.max(run.asOfMs, receivedMs);
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
      ...progressAt(course, split, timeMs),
      asOfMs,
      splits: [split],
      removed: [],
    },
    run: { entrant, by, last: claim, startMs, asOfMs },
  };
}
