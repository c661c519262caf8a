/**
 * What can be watched, as views: a window of a leaderboard, a runner.
 *
 * The data of the events:
 *   leaderboard  `snapshot` { race, at, by, of, passed, asOf, counts, rows } · `change` { asOf, passed, counts?, rows?, order? }:
 *                `rows` are those that are new or differ, whole; `order` the bibs of the window from the top, when it changed
 *                (who is not in it any more has left the window).
 *   runner       `snapshot` the runner's answer · `change` { asOf, ...what differs, splits?, removed? }: `splits` are those
 *                that are new or differ, whole; `removed` the mats whose split does not count any more.
 */
import { type Leaderboard, type LeaderboardQuery, leaderboard, type Row } from "./leaderboard.ts";
import type { LiveView } from "./live-view.ts";
import type { Counts, RaceView } from "./race-view.ts";
import { type RunnerDetail, runnerDetail, type SplitDetail } from "./runner-detail.ts";

/** The race as it is read now; the model behind it may be rebuilt while a view lives. */
export type RaceNow = () => RaceView;

export interface LeaderboardState extends Leaderboard {
  counts: Counts;
}

export interface LeaderboardChange {
  asOf: number | null;
  passed: number;
  counts?: Counts;
  rows?: Row[];
  order?: string[];
}

export interface RunnerChange extends Partial<Omit<RunnerDetail, "splits" | "asOf">> {
  asOf: number | null;
  splits?: SplitDetail[];
  removed?: string[];
}

export function leaderboardView(
  race: string,
  now: RaceNow,
  query: LeaderboardQuery,
): LiveView<LeaderboardState> {
  const { at, by, of, limit, offset } = query;
  return {
    key: JSON.stringify(["leaderboard", race, at, by, of, limit, offset]),
    race,
    read() {
      const view = now();
      return { ...leaderboard(view, query), counts: { ...view.counts } };
    },
    changeBetween(before, after) {
      const known = new Map(before.rows.map((row) => [row.bib, row]));
      const rows = after.rows.filter((row) => !sameFields(known.get(row.bib), row));
      const moved =
        before.rows.length !== after.rows.length ||
        after.rows.some((row, i) => row.bib !== before.rows[i]!.bib);
      const recounted = !sameFields(before.counts, after.counts);
      const minor = rows.length === 0 && !moved;
      if (minor && !recounted && before.asOf === after.asOf && before.passed === after.passed)
        return undefined;
      const data: LeaderboardChange = {
        asOf: after.asOf,
        passed: after.passed,
        ...(recounted && { counts: after.counts }),
        ...(rows.length > 0 && { rows }),
        ...(moved && { order: after.rows.map(({ bib }) => bib) }),
      };
      return { data, minor };
    },
  };
}

export function runnerView(race: string, now: RaceNow, bib: string): LiveView<RunnerDetail> {
  return {
    key: JSON.stringify(["runner", race, bib]),
    race,
    bib,
    read: () => runnerDetail(now(), bib),
    changeBetween(before, after) {
      const known = new Map(before.splits.map((split) => [split.mat, split]));
      const splits = after.splits.filter((split) => !sameFields(known.get(split.mat), split));
      for (const { mat } of after.splits) known.delete(mat);
      const { splits: _, asOf, ...head } = after;
      const changed = Object.entries(head).filter(
        ([name, value]) => before[name as keyof typeof head] !== value,
      );
      const data: RunnerChange = {
        asOf,
        ...Object.fromEntries(changed),
        ...(splits.length > 0 && { splits }),
        ...(known.size > 0 && { removed: [...known.keys()] }),
      };
      const minor = changed.length === 0 && splits.length === 0 && known.size === 0;
      return minor && before.asOf === asOf ? undefined : { data, minor };
    },
  };
}

/** Whether two flat objects of one kind have the same values. */
export function sameFields<T extends object>(a: T | undefined, b: T): boolean {
  if (!a) return false;
  for (const name of Object.keys(b) as (keyof T)[]) if (a[name] !== b[name]) return false;
  return true;
}
