/**
 * Bringing what a page shows up to date with a `change` event. Pure. A change holds absolute values, so one that comes twice
 * does no harm; what did not change keeps its identity.
 */
import type { Counts, Leaderboard, Row, Runner, Split } from "./api.ts";

export interface LeaderboardChange {
  asOf: number | null;
  passed: number;
  counts?: Counts;
  /** New or changed rows, whole. */
  rows?: Row[];
  /** The bibs of the window from the top, when they changed. */
  order?: string[];
}

export interface RunnerChange extends Partial<Omit<Runner, "splits">> {
  /** New or changed splits, whole. */
  splits?: Split[];
  /** Mats whose split does not count any more. */
  removed?: string[];
}

export function changedLeaderboard(before: Leaderboard, change: LeaderboardChange): Leaderboard {
  const { rows = [], order, ...rest } = change;
  const known = new Map([...before.rows, ...rows].map((row) => [row.bib, row]));
  const bibs = order ?? before.rows.map((row) => row.bib);
  return { ...before, ...rest, rows: bibs.flatMap((bib) => known.get(bib) ?? []) };
}

export function changedRunner(before: Runner, change: RunnerChange): Runner {
  const { splits = [], removed = [], ...rest } = change;
  const known = new Map([...before.splits, ...splits].map((split) => [split.mat, split]));
  for (const mat of removed) known.delete(mat);
  const inOrder = [...known.values()].sort((a, b) => a.distanceM - b.distanceM);
  return { ...before, ...rest, splits: inOrder };
}
