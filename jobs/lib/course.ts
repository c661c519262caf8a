/**
 * A race's course as numbers: mats by name, the least time a leg can take, and how a time so far is carried on to the
 * next mat and the finish. Computed once for a race, asked at every read.
 *
 * Owns the limits of what is plausible and the projection. Which read counts is for chain.ts to decide.
 *
 * Times are milliseconds, distances metres.
 */
import type { MatRead, Race } from "../../schemas/index.ts";

/** How an entrant moves; it sets the limit of what is plausible. */
export type Locomotion = "foot" | "wheels";

/**
 * The limit of speed, metres a second. On foot 7.5: the fastest leg between two mats in Chicago 2023, Boston 2014 and
 * New York 2003 is 6.02 (bib 2, Chicago, 30k to 35k, a world record), the world's best over 5 km on the road is 6.6.
 * On wheels 14: hand cycles finish a marathon just under the hour (12), and roll downhill faster than that.
 */
const SPEED_MAX: Readonly<Record<Locomotion, number>> = { foot: 7.5, wheels: 14 };

/** Metres of every leg that cost no time: mats stand some metres off, their clocks are seconds apart. */
const FREE_M = 300;

/** A read this long before the gun is none of the race; less is a clock a little off (Chicago's run a second ahead). */
export const BEFORE_GUN_MAX_MS = 30_000;

/** So far a start mat's clock may be off the gun's: organisers list Chicago's runners of the first second with it. */
export const START_CLOCK_OFF_MS = 1_000;

/** Where a race does not say when its start is open: who stands on the mat before the gun is read once, and then for minutes not. */
export const START_OPENS_MS = 300_000;
/** New York's last wave leaves two hours and a half after its first; where everybody starts when they like, it is all day. */
export const START_CLOSES_MS = 43_200_000;

/** A read that its system got so long before it was taken is of a mat whose clock is wrong; less is clocks that are not set alike. */
export const ARRIVES_EARLY_MAX_MS = 600_000;

/** Reads of one mat no further apart are of one crossing: a chip is heard by two antennas, or sent twice. */
export const CROSSING_GAP_MS = 5_000;

/**
 * Peter Riegel's law (Athletic records and human endurance, American Scientist 69, 1981): a time grows with the distance
 * to this power. Over the three races it is the least biased guess from the last split alone: at half way the median error
 * of the finish is 3.3 %, at 35k 1.1 %.
 */
const RIEGEL = 1.06;

/** Who has crossed only the start is expected at a walk: 12 minutes a kilometre, in ms a metre. */
const SLOWEST_MS_PER_M = 720;

export interface Course {
  readonly race: Race;
  /** Index of the mat of this name. */
  readonly indexOf: ReadonlyMap<string, number>;
  readonly distancesM: readonly number[];
  /** Index of the last mat. */
  readonly finish: number;
  /** Which of several reads counts, by mat. */
  readonly counts: readonly MatRead[];
  /** Times of day between which reads at the start count. */
  readonly startOpensMs: number;
  readonly startClosesMs: number;
  /** Elapsed time at mat i times this is the projected elapsed time at the finish; 0 at the start: nothing to go by. */
  readonly toFinish: readonly number[];
}

const courses = new WeakMap<Race, Course>();

/** The course of `race`; the same object for the same race object. */
export function courseOf(race: Race): Course {
  let course = courses.get(race);
  if (course === undefined) {
    const distancesM = race.mats.map((mat) => mat.distanceM);
    const finish = distancesM.length - 1;
    course = {
      race,
      indexOf: new Map(race.mats.map((mat, index) => [mat.id, index])),
      distancesM,
      finish,
      counts: race.mats.map(({ counts }, index) => counts ?? (index === 0 ? "last" : "first")),
      startOpensMs: race.gunMs - (race.startOpensMs ?? START_OPENS_MS),
      startClosesMs: race.gunMs + (race.startClosesMs ?? START_CLOSES_MS),
      toFinish: distancesM.map((distanceM) =>
        distanceM > 0 ? (distancesM[finish]! / distanceM) ** RIEGEL : 0,
      ),
    };
    courses.set(race, course);
  }
  return course;
}

/** The least time from mat `from` to a later mat `to`. */
export function legMinMs(course: Course, from: number, to: number, by: Locomotion): number {
  const distanceM = course.distancesM[to]! - course.distancesM[from]! - FREE_M;
  return distanceM > 0 ? (distanceM / SPEED_MAX[by]) * 1000 : 0;
}

/** How long a runner seen at `mat`, `elapsedMs` after the start, should take to a later mat. */
export function legMs(course: Course, mat: number, to: number, elapsedMs: number): number {
  const here = course.distancesM[mat]!;
  const next = course.distancesM[to]!;
  return here > 0 && elapsedMs > 0
    ? elapsedMs * ((next / here) ** RIEGEL - 1)
    : (next - here) * SLOWEST_MS_PER_M;
}

/** `4.2 km`, `800 m`. */
export function distanceText(distanceM: number): string {
  return distanceM >= 1000 ? `${Math.round(distanceM / 100) / 10} km` : `${Math.round(distanceM)} m`;
}

/**
 * `1:02:03`, `4:10`; a fraction of a second counts as a whole one, as on the road (World Athletics, Technical Rules, 19.24.4:
 * "converted and recorded to the next longer whole second").
 */
export function durationText(ms: number): string {
  const s = Math.ceil(Math.abs(Math.round(ms)) / 1000);
  const parts =
    s >= 3600 ? [Math.trunc(s / 3600), Math.trunc(s / 60) % 60, s % 60] : [Math.trunc(s / 60), s % 60];
  return (
    (ms < 0 ? "-" : "") +
    parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":")
  );
}

/** Time of day of `ms` since midnight: `07:30:02`; a race that runs past midnight goes on with `24:01:00`. */
export function clockText(ms: number): string {
  const s = Math.floor(ms / 1000);
  return [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
