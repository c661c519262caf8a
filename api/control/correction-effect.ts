/**
 * What a correction would change, and what is strange about it, from the board as it is now. Pure, and a forecast: the job decides,
 * with every read of the runner before it.
 *
 * CE1  Only what the correction is about is foretold: the runner's status, the time and place at its mat. What follows from it for
 *      other mats and other runners is not.
 */
import { courseOf, durationText, legMinMs } from "../../jobs/lib/course.ts";
import type { Correction } from "../../schemas/index.ts";
import { boardOf } from "../live/leaderboard.ts";
import type { RaceView } from "../live/race-view.ts";
import { type RunnerDetail, runnerDetail } from "../live/runner-detail.ts";
import { clockText } from "./time-of-day.ts";

export interface Change {
  readonly what: "status" | "time" | "place";
  /** Where; empty for the status. */
  readonly mat: string;
  /** As people write them; "none" where there is none. */
  readonly from: string;
  readonly to: string;
}

export interface Effect {
  readonly changes: readonly Change[];
  /** What an official should look at twice. */
  readonly warnings: readonly string[];
}

const NONE = "none";

/** @throws Problem UNKNOWN_RUNNER */
export function effectOf(view: RaceView, correction: Correction): Effect {
  const runner = runnerDetail(view, correction.bib);
  switch (correction.kind) {
    case "disqualify":
      return disqualified(runner);
    case "reinstate":
      return runner.status === "dsq"
        ? { changes: [{ what: "status", mat: "", from: "dsq", to: "as the reads say" }], warnings: [] }
        : { changes: [], warnings: [`the runner is not disqualified, but ${runner.status}`] };
    case "void":
      return voided(runner, correction);
    case "add":
    case "change":
      return timed(view, runner, correction);
  }
}

/** What differs between two states of a runner, as far as corrections are about it. */
export function changesBetween(before: RunnerDetail, after: RunnerDetail): Change[] {
  const changes: Change[] = [];
  if (before.status !== after.status)
    changes.push({ what: "status", mat: "", from: before.status, to: after.status });
  const mats = new Set([...before.splits, ...after.splits].map(({ mat }) => mat));
  for (const mat of mats) {
    const [was, is] = [before, after].map(({ splits }) => splits.find((split) => split.mat === mat));
    const times = [was, is].map((split) => timeText(split?.timeOfDayS));
    const places = [was, is].map((split) => placeText(split?.place));
    if (times[0] !== times[1]) changes.push({ what: "time", mat, from: times[0]!, to: times[1]! });
    if (places[0] !== places[1]) changes.push({ what: "place", mat, from: places[0]!, to: places[1]! });
  }
  return changes;
}

function disqualified({ status, splits }: RunnerDetail): Effect {
  if (status === "dsq") return { changes: [], warnings: ["the runner is disqualified already"] };
  const last = splits.at(-1);
  const place: Change[] =
    last?.place == null ? [] : [{ what: "place", mat: last.mat, from: placeText(last.place), to: NONE }];
  return { changes: [{ what: "status", mat: "", from: status, to: "dsq" }, ...place], warnings: [] };
}

function voided({ splits }: RunnerDetail, { mat, read }: Correction): Effect {
  const split = splits.find((one) => one.mat === mat);
  if (!split) {
    return {
      changes: [],
      warnings: read === null ? [`no time of the runner counts at ${mat}`] : [],
    };
  }
  const other = "none, or that of another read there";
  return {
    changes: [{ what: "time", mat: split.mat, from: timeText(split.timeOfDayS), to: other }],
    warnings: [],
  };
}

function timed(view: RaceView, runner: RunnerDetail, { kind, mat, timeMs }: Correction): Effect {
  const { mats, gunMs, rankBy } = view.race;
  const course = courseOf(view.race);
  const at = mats.findIndex(({ id }) => id === mat);
  const timeS = timeMs! / 1000;
  const split = runner.splits.find((one) => one.mat === mat);
  const changes: Change[] = [
    { what: "time", mat: mat!, from: timeText(split?.timeOfDayS), to: clockText(timeS) },
  ];
  const warnings: string[] = [];
  if (kind === "add" && split)
    warnings.push(`a time counts at ${mat} already: ${timeText(split.timeOfDayS)}`);
  if (kind === "change" && !split) warnings.push(`no time of the runner counts at ${mat}`);
  if (runner.status === "dsq") warnings.push("the runner is disqualified, and stays so");
  if (timeS * 1000 < gunMs)
    warnings.push(`${clockText(timeS)} is before the gun, ${clockText(gunMs / 1000)}`);
  for (const other of runner.splits) {
    const index = mats.findIndex(({ id }) => id === other.mat);
    if (other.timeOfDayS === null || index === at) continue;
    const isBefore = index < at;
    if (isBefore ? other.timeOfDayS < timeS : other.timeOfDayS > timeS) {
      const takenMs = Math.abs(timeS - other.timeOfDayS) * 1000;
      const [from, to] = isBefore ? [index, at] : [at, index];
      if (takenMs < legMinMs(course, from, to, "foot"))
        warnings.push(
          `${mats[from]!.id} to ${mats[to]!.id} in ${durationText(takenMs)} is faster than anybody has run`,
        );
      continue;
    }
    const side = isBefore ? "not after" : "not before";
    warnings.push(
      `${clockText(timeS)} is ${side} the runner's time at ${other.mat}, ${timeText(other.timeOfDayS)}`,
    );
  }
  const start = runner.splits.find((one) => one.mat === mats[0]!.id);
  const zeroS = rankBy === "gun" ? gunMs / 1000 : (start?.timeOfDayS ?? null);
  if (zeroS !== null && at > 0) {
    const board = boardOf(view, { at: mat!, by: "overall", of: "" });
    const { place, passed } = board.standingOf(timeS - zeroS);
    // The runner's own time stands among those counted, unless it is the one that is corrected.
    const own = split?.place != null && split.netS !== null && split.place < place ? 1 : 0;
    changes.push({ what: "place", mat: mat!, from: placeText(split?.place), to: placeText(place - own) });
    if (place === 1 && split?.place !== 1 && passed > 0)
      warnings.push(`with ${clockText(timeS)} the runner would lead at ${mat}`);
  }
  return { changes, warnings };
}

const timeText = (seconds: number | null | undefined): string =>
  seconds == null ? NONE : clockText(seconds);
const placeText = (place: number | null | undefined): string => (place == null ? NONE : String(place));
