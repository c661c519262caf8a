/**
 * Officials' corrections of one runner, applied to the runner's reads one after the other.
 *
 * Owns what each kind of correction does and when it is refused. Which reads count is chain.ts's; it is asked where a
 * correction means "whichever counts at this mat", with all earlier corrections applied.
 *
 * V1  Corrections apply in the order they were entered, then by id, whatever the order they arrive in.
 * V2  A correction that matches nothing is refused with a reason and changes nothing. When what it is about arrives later,
 *     the runner is judged anew, and it applies.
 * V3  At a mat the last time an official entered stands; an earlier one is voided by it.
 * V4  A time at which nobody can have been there is refused, as typed wrong: before the gun, or faster from the gun than anybody.
 */
import type { Correction } from "../../schemas/index.ts";
import { compareBibs } from "./bib-order.ts";
import { type Claim, impossible, settle } from "./chain.ts";
import { type Course, clockText } from "./course.ts";

/** A claim on its way through the corrections. */
export interface Trial extends Claim {
  readonly mat: string;
  timeMs: number;
  receivedMs: number;
  official: boolean;
  /** Why it was voided; null: it was not. */
  voided: string | null;
}

export interface CorrectionVerdict {
  readonly correction: Correction;
  /** Empty: it was applied. */
  readonly refusal: string;
}

export interface Corrected {
  readonly trials: readonly Trial[];
  readonly disqualified: boolean;
  readonly verdicts: readonly CorrectionVerdict[];
}

/** The id of the read that an `add` correction enters. */
export const addedReadId = (correction: Pick<Correction, "id">) => `correction:${correction.id}`;

/** Applies `corrections` to `trials`, which it takes over and changes. */
export function applyCorrections(
  course: Course,
  trials: Trial[],
  corrections: readonly Correction[],
  wheels: boolean,
): Corrected {
  let disqualified = false;
  const inOrder = [...corrections].sort((a, b) => a.enteredMs - b.enteredMs || compareBibs(a.id, b.id));
  const verdicts = inOrder.map(
    (correction): CorrectionVerdict => ({ correction, refusal: apply(correction) ?? "" }),
  );
  return { trials, disqualified, verdicts };

  /** Applies one; the reason when it is refused. */
  function apply(correction: Correction): string | undefined {
    switch (correction.kind) {
      case "disqualify":
        if (disqualified) return "the runner is disqualified already";
        disqualified = true;
        return;
      case "reinstate":
        if (!disqualified) return "the runner is not disqualified";
        disqualified = false;
        return;
      case "void": {
        const trial = target(correction);
        if (typeof trial === "string") return trial;
        trial.voided = correction.reason || `voided by correction ${correction.id}`;
        return;
      }
      case "change": {
        if (correction.timeMs === null) return "it gives no time";
        const trial = target(correction);
        if (typeof trial === "string") return trial;
        const wrong = mistyped(trial.matIndex, correction.timeMs);
        if (wrong !== undefined) return wrong;
        supersede(trial.matIndex, correction);
        trial.voided = null;
        trial.timeMs = correction.timeMs;
        trial.official = true;
        return;
      }
      case "add": {
        if (correction.timeMs === null) return "it gives no time";
        if (correction.mat === null) return "it names no mat";
        const matIndex = course.indexOf.get(correction.mat);
        if (matIndex === undefined) return `the race has no mat ${correction.mat}`;
        const wrong = mistyped(matIndex, correction.timeMs);
        if (wrong !== undefined) return wrong;
        supersede(matIndex, correction);
        trials.push({
          id: addedReadId(correction),
          mat: correction.mat,
          matIndex,
          timeMs: correction.timeMs,
          receivedMs: correction.timeMs,
          official: true,
          voided: null,
        });
        return;
      }
    }
  }

  /** V4. */
  function mistyped(matIndex: number, timeMs: number): string | undefined {
    const claim: Claim = { id: "", matIndex, timeMs, receivedMs: timeMs, official: true };
    const wrong = impossible(course, claim, wheels ? "wheels" : "foot");
    return wrong === null ? undefined : `${clockText(timeMs)} cannot be: ${wrong}`;
  }

  /** The read a correction is about, or why there is none. */
  function target(correction: Correction): Trial | string {
    if (correction.read !== null) {
      const trial = trials.find(({ id }) => id === correction.read);
      if (trial === undefined) return `the runner has no read ${correction.read}`;
      if (correction.mat !== null && trial.mat !== correction.mat)
        return `read ${correction.read} is of ${trial.mat}, not of ${correction.mat}`;
      if (trial.voided !== null) return `read ${correction.read} is voided already`;
      if (trial.matIndex < 0 && correction.kind === "change") return `the race has no mat ${trial.mat}`;
      return trial;
    }
    if (correction.mat === null) return "it names neither a read nor a mat";
    const matIndex = course.indexOf.get(correction.mat);
    if (matIndex === undefined) return `the race has no mat ${correction.mat}`;
    const standing = trials.filter((trial) => trial.voided === null);
    return settle(course, standing, wheels).counted[matIndex] ?? `no read counts at ${correction.mat}`;
  }

  function supersede(matIndex: number, correction: Correction): void {
    for (const trial of trials) {
      if (trial.official && trial.matIndex === matIndex && trial.voided === null)
        trial.voided = `replaced by correction ${correction.id}`;
    }
  }
}
