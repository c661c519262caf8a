/**
 * Who has come in, by the timing: told by the stage by runner, looked up by health alerts. A watch alone does not know it: some
 * measure a marathon two kilometres too long, and one that was read at the finish may say anything.
 */
import { topic } from "../../runtime/index.ts";
import { Finish, type Race, type RunnerUpdate } from "../../schemas/index.ts";
import { raceZeroMs } from "./race-time.ts";
import { runnerKey } from "./runner-step.ts";

/** Health alerts of races that are over need none: after a week the topic forgets them. */
const FORGET_MS = 7 * 86_400_000;

/** @param prefix of a copy of the jobs beside the first */
export const finishesTopic = (prefix = "") =>
  topic(`${prefix}finishes`, Finish, {
    key: runnerKey,
    config: { "cleanup.policy": "compact,delete", "retention.ms": String(FORGET_MS) },
  });

/** What an update of a runner says of the finish, if anything new. */
export function finishOf({ race, bib, status, splits, removed }: RunnerUpdate): Finish[] {
  // Of a runner who has finished the last split is the finish, new or changed.
  if (status === "finished" && splits.length > 0) return [{ race, bib, gunMs: splits.at(-1)!.gunMs }];
  return status !== "finished" && removed.length > 0 ? [{ race, bib, gunMs: null }] : [];
}

/** Unix time at which the runner came in; undefined: has not, as far as anybody knows. */
export function finishedMs(finish: Finish | undefined, race: Race | undefined): number | undefined {
  if (finish === undefined || finish.gunMs === null || race === undefined) return undefined;
  return raceZeroMs(race) + race.gunMs + finish.gunMs;
}
