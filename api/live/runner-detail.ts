/** One runner as answered: every split with places as they are now, and the projected finish. Pure. Times in seconds. */
import { runnerKey } from "../../jobs/lib/runner-step.ts";
import type { RunnerStatus } from "../../schemas/index.ts";
import { Problem, quoted } from "../problem.ts";
import { rounded } from "./leaderboard.ts";
import type { By, RaceView, Runner } from "./race-view.ts";

export interface SplitDetail {
  mat: string;
  distanceM: number;
  timeOfDayS: number | null;
  netS: number | null;
  gunS: number | null;
  /** From the start. */
  paceSPerKm: number | null;
  /** From the last counted mat before. */
  legPaceSPerKm: number | null;
  /** null: has no place here (no time on the race's clock, or disqualified). */
  place: number | null;
  passed: number;
  placeGender: number | null;
  passedGender: number;
  placeDivision: number | null;
  passedDivision: number;
  gapLeaderS: number | null;
  /** Behind the nearest who is strictly faster; null for who leads. */
  gapAheadS: number | null;
}

export interface RunnerSummary {
  bib: string;
  gender: string;
  division: string;
  country: string;
  status: RunnerStatus;
}

export interface RunnerDetail extends RunnerSummary {
  race: string;
  /** Who wears the runner's device, if there is one: see athletes/. */
  athlete: string;
  /** Race clock, seconds since local midnight. */
  asOf: number | null;
  splits: SplitDetail[];
  /** Projected finish on the clock the race ranks by; null once finished, or with nothing to go by. */
  projectedS: number | null;
  projectedPlace: number | null;
}

export function summaryOf({ bib, gender, division, country, status }: Runner): RunnerSummary {
  return { bib, gender, division, country, status };
}

/** @throws Problem UNKNOWN_RUNNER */
export function runnerDetail(view: RaceView, bib: string): RunnerDetail {
  const runner = view.runner(bib);
  if (!runner) {
    throw new Problem(
      "UNKNOWN_RUNNER",
      `no runner with bib ${quoted(bib)} is on the start list of ${view.race.id}; bibs can be searched with /v1/races/${view.race.id}/runners?q=`,
    );
  }
  const splits: SplitDetail[] = [];
  for (let mat = 0; mat < view.race.mats.length; mat++) {
    const split = splitDetail(view, runner, mat);
    if (split) splits.push(split);
  }
  const finished = runner.status === "finished";
  return {
    race: view.race.id,
    athlete: runnerKey({ race: view.race.id, bib }),
    asOf: view.asOfS,
    ...summaryOf(runner),
    splits,
    projectedS: finished ? null : runner.projectedS,
    projectedPlace: finished ? null : runner.projectedPlace,
  };
}

function splitDetail(view: RaceView, runner: Runner, index: number): SplitDetail | undefined {
  const split = view.split(runner, index);
  if (!split) return undefined;
  const mat = view.race.mats[index]!;
  // At the start nobody has a place yet (jobs/lib/field.ts, F5).
  const rankS = index === 0 ? null : split.rankS;
  const among = (by: By) => {
    const board = runner.groups.find((group) => group.by === by)?.boards[index];
    if (!board) return undefined;
    return rankS === null ? { place: null, passed: board.head().passed } : board.standingOf(rankS);
  };
  const overall = rankS === null ? undefined : runner.groups[0]!.boards[index]!.standingOf(rankS);
  const gender = among("gender");
  const division = among("division");
  return {
    mat: mat.id,
    distanceM: mat.distanceM,
    timeOfDayS: split.gunS === null ? null : rounded(view.race.gunMs / 1000 + split.gunS),
    netS: split.netS,
    gunS: split.gunS,
    paceSPerKm: split.paceSPerKm,
    legPaceSPerKm: split.legPaceSPerKm,
    place: overall?.place ?? null,
    passed: overall?.passed ?? runner.groups[0]!.boards[index]!.head().passed,
    placeGender: gender?.place ?? null,
    passedGender: gender?.passed ?? 0,
    placeDivision: division?.place ?? null,
    passedDivision: division?.passed ?? 0,
    gapLeaderS: overall ? rounded(rankS! - overall.leaderS) : null,
    gapAheadS: overall && overall.place > 1 ? rounded(rankS! - overall.aheadS) : null,
  };
}
