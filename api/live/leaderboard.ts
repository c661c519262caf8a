/**
 * A leaderboard as it is answered: from a race's view and what was asked to rows. Pure.
 *
 * B1  `place` = 1 + the number strictly faster; ties share it, their order is the natural one of bibs.
 * B2  A question about a mat or group the race does not have is refused by name, with what it has.
 */
import type { RunnerStatus } from "../../schemas/index.ts";
import { listed, Problem, quoted } from "../problem.ts";
import type { Board } from "./board.ts";
import type { By, RaceView, Runner } from "./race-view.ts";

export const LIVE = "live";

export interface LeaderboardQuery {
  /** A mat's id, or `live`: by distance and time now. */
  readonly at: string;
  readonly by: By;
  /** The gender or division; empty for overall. */
  readonly of: string;
  readonly limit: number;
  readonly offset: number;
}

/** Times in seconds. */
export interface Row {
  place: number | null;
  bib: string;
  gender: string;
  division: string;
  country: string;
  netS: number | null;
  gunS: number | null;
  /** Behind the leader of this board; live: behind the leader's time at the mat this runner passed last. */
  gapS: number | null;
  /** From the start to the mat. */
  paceSPerKm: number | null;
  status: RunnerStatus;
  /** The mat that the times are of. */
  mat: string;
  distanceM: number;
  /** Projected finish, and the place it would give; null once finished. */
  projectedS: number | null;
  projectedPlace: number | null;
}

export interface Leaderboard {
  race: string;
  at: string;
  by: By;
  /** null: overall. */
  of: string | null;
  /** How many stand on this board. */
  passed: number;
  /** Race clock, seconds since local midnight; null before anything happened. */
  asOf: number | null;
  rows: Row[];
}

/** @throws Problem UNKNOWN_MAT, UNKNOWN_GROUP, BAD_REQUEST (B2) */
export function boardOf(view: RaceView, query: Pick<LeaderboardQuery, "at" | "by" | "of">): Board {
  const mat = query.at === LIVE ? view.liveIndex : view.matIndex.get(query.at);
  if (mat === undefined) {
    const mats = view.race.mats.map(({ id }) => id);
    throw new Problem(
      "UNKNOWN_MAT",
      `at: this race has no mat ${quoted(query.at)}; it has ${listed([LIVE, ...mats])}`,
    );
  }
  if (query.by === "overall" && query.of !== "") {
    throw new Problem(
      "BAD_REQUEST",
      `of: by=overall takes no group, but ${quoted(query.of)} is given; leave it out, or ask by=gender or by=division`,
    );
  }
  const group = view.group(query.by, query.of);
  if (!group) {
    const missing =
      query.of === "" ? "a group must be named" : `this race has no ${query.by} ${quoted(query.of)}`;
    throw new Problem(
      "UNKNOWN_GROUP",
      `of: ${missing}; with by=${query.by} there are ${listed(view.groupNames(query.by))}`,
    );
  }
  return group.boards[mat]!;
}

/** @throws Problem as `boardOf` */
export function leaderboard(view: RaceView, query: LeaderboardQuery): Leaderboard {
  const board = boardOf(view, query);
  const mat = query.at === LIVE ? undefined : view.matIndex.get(query.at);
  const leader = board.page(0, 1)[0];
  const rows = board
    .page(query.offset, query.limit)
    .map(({ number, place }) => row(view, view.runnerOf(number), mat, place, view.runnerOf(leader!.number)));
  return {
    race: view.race.id,
    at: query.at,
    by: query.by,
    of: query.by === "overall" ? null : query.of,
    passed: board.head().passed,
    asOf: view.asOfS,
    rows,
  };
}

function row(
  view: RaceView,
  runner: Runner,
  boardMat: number | undefined,
  place: number,
  leader: Runner,
): Row {
  const index = boardMat ?? runner.lastMat;
  const mat = view.race.mats[index]!;
  const split = view.split(runner, index);
  // At the start nobody has a place yet, and so no gap (jobs/lib/field.ts, F5).
  const isStart = index === 0;
  const gapS = isStart ? Number.NaN : (split?.rankS ?? Number.NaN) - view.rankS(leader, index);
  return {
    place: isStart || split?.rankS === null ? null : place,
    bib: runner.bib,
    gender: runner.gender,
    division: runner.division,
    country: runner.country,
    netS: split?.netS ?? null,
    gunS: split?.gunS ?? null,
    gapS: Number.isNaN(gapS) ? null : rounded(gapS),
    paceSPerKm: split?.paceSPerKm ?? null,
    status: runner.status,
    mat: mat.id,
    distanceM: mat.distanceM,
    projectedS: runner.status === "finished" ? null : runner.projectedS,
    projectedPlace: runner.status === "finished" ? null : runner.projectedPlace,
  };
}

/** A difference of two times, to the millisecond they have: 0.1 + 0.2 is 0.3. */
export function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
