/**
 * Which reads of one runner count: at most one a mat, such that together they are a race somebody can have run. A pure
 * function of the set of reads: the order they are given in changes nothing.
 *
 * Nearly every runner's first reads already fit together, and one pass shows it. Where they do not, the longest chain of
 * reads that do is kept, on the ground that one stray read is likelier than several. Among chains of equal length:
 *
 * C1  the one that begins earliest: it keeps the start, and with it the net time; a "start" read after a split is somebody
 *     walking back over the mat;
 * C2  then the one that keeps the finish, the mat officials watch. New York 2003, bib 1950: 20 miles read three minutes
 *     after the finish, and the finish is the official one;
 * C3  then the one whose fastest leg is slowest: the read that would need the more extraordinary runner is the liar;
 * C4  then the earlier mats, earlier reads and smaller ids, so that the choice is always the same.
 *
 * C5  At a mat the first read counts, unless it fits no chain as long as a later one does: a stray read at the finish 20
 *     minutes into the race does not cost the runner the true one. Which reads count is found so at every mat; where the race
 *     wants the last of several, or the best, it is then another read of the same mat that fits in the same place. The last means
 *     the last crossing: it is the rule at the start, where people walk over the mat to the corral, or stand on it until the gun.
 * C6  An official's time outweighs any number of reads: what contradicts it is set aside.
 * C7  Who is read on the start mat before the gun starts with it; a second before is the mat's clock.
 */
import { compareBibs } from "./bib-order.ts";
import {
  ARRIVES_EARLY_MAX_MS,
  BEFORE_GUN_MAX_MS,
  type Course,
  CROSSING_GAP_MS,
  clockText,
  distanceText,
  durationText,
  type Locomotion,
  legMinMs,
  START_CLOCK_OFF_MS,
} from "./course.ts";

/** What is to be judged: a read, or a time an official entered. */
export interface Claim {
  readonly id: string;
  /** Index of the mat; -1: the race has no such mat. */
  readonly matIndex: number;
  readonly timeMs: number;
  /** When the timing system got it. */
  readonly receivedMs: number;
  /** Entered or changed by an official (C6). At most one such claim a mat. */
  readonly official: boolean;
}

export interface Settlement<C extends Claim> {
  /** By mat: what counts there. */
  readonly counted: readonly (C | undefined)[];
  /** What the runner was taken to move on. */
  readonly by: Locomotion;
}

/** More than a runner can ever have of reads that count. */
const OFFICIAL_WEIGHT = 1_000_000;

/**
 * Nobody runs 10 km at 6.4 m/s (the world record on the road is 6.31): who keeps that up over two legs or more is on wheels,
 * though neither bib nor division says so. One such leg alone is a bad read.
 */
const WHEELS = { speedMin: 6.4, distanceMinM: 10_000, legsMin: 2 };

/**
 * The claims that count.
 * @param wheels the entrant is known to be in a wheelchair or on a hand cycle.
 */
export function settle<C extends Claim>(
  course: Course,
  claims: readonly C[],
  wheels: boolean,
): Settlement<C> {
  const by = wheels ? "wheels" : "foot";
  const first = new Array<C | undefined>(course.distancesM.length).fill(undefined);
  for (const claim of claims) {
    if (claim.matIndex < 0) continue;
    const other = first[claim.matIndex];
    if (other === undefined || comesFirst(claim, other)) first[claim.matIndex] = claim;
  }
  if (fits(course, first, by)) return { counted: byRule(course, first, claims, by), by };
  const chain = longestChain(course, claims, by);
  if (!wheels) {
    const rolled = longestChain(course, claims, "wheels");
    if (rolled.length > chain.length && keepsUpOnWheels(course, rolled))
      return { counted: byRule(course, byMat(course, rolled), claims, "wheels"), by: "wheels" };
  }
  return { counted: byRule(course, byMat(course, chain), claims, by), by };
}

/** C5: `counted` with those reads that the rule of each mat wants. The later mats first: the start is left for the next one. */
function byRule<C extends Claim>(
  course: Course,
  counted: readonly (C | undefined)[],
  claims: readonly C[],
  by: Locomotion,
): readonly (C | undefined)[] {
  const next = [...counted];
  for (let mat = course.finish; mat >= 0; mat--) {
    const first = next[mat];
    const rule = course.counts[mat]!;
    if (rule === "first" || first === undefined || first.official) continue;
    const before = next.findLast((claim, index) => claim !== undefined && index < mat);
    const after = next.find((claim, index) => claim !== undefined && index > mat);
    const here = claims
      .filter(
        (claim) =>
          claim.matIndex === mat &&
          !comesFirst(claim, first) &&
          implausible(course, claim, by) === null &&
          (before === undefined || follows(course, before, claim, by)) &&
          (after === undefined || follows(course, claim, after, by)),
      )
      .sort((a, b) => (a === b ? 0 : comesFirst(a, b) ? -1 : 1));
    const begins = (claim: C, i: number) => i === 0 || claim.timeMs - here[i - 1]!.timeMs > CROSSING_GAP_MS;
    if (rule === "last") {
      const crossing = here.slice(here.findLastIndex(begins));
      const stoodThere = mat === 0 && crossing[0]!.timeMs < course.race.gunMs;
      next[mat] = stoodThere ? crossing.at(-1) : crossing[0];
    } else {
      // The best read is the one over the mat: the chip is heard about as long before it as after.
      const end = here.findIndex((claim, i) => i > 0 && begins(claim, i));
      next[mat] = here[((end === -1 ? here.length : end) - 1) >> 1];
    }
  }
  return next;
}

/** When a claim says that its runner was there (C7). */
export function claimedMs({ race }: Course, { matIndex, timeMs }: Claim): number {
  const stoodThere = matIndex === 0 && timeMs < race.gunMs - START_CLOCK_OFF_MS;
  return stoodThere ? race.gunMs : timeMs;
}

/**
 * Why a claim that is not counted is not, in words for the person who has to decide about it: with `repeated` set where
 * its mat has a counted read before it.
 */
export function objection<C extends Claim>(
  course: Course,
  settlement: Settlement<C>,
  claim: C,
): { repeated: boolean; reason: string } {
  const { counted, by } = settlement;
  const name = (at: Claim) => course.race.mats[at.matIndex]!.id;
  if (claim.matIndex < 0) return { repeated: false, reason: "the race has no such mat" };
  const winner = counted[claim.matIndex];
  if (winner?.official) return { repeated: true, reason: `an official's time counts at ${name(claim)}` };
  const alone = implausible(course, claim, by);
  if (winner !== undefined && isRepeated(course, winner, claim, alone === null))
    return { repeated: true, reason: repeatedText(course, winner, claim, name(claim)) };
  if (alone !== null) return { repeated: false, reason: alone };
  const before = counted.findLast((other) => other !== undefined && other.matIndex < claim.matIndex);
  const after = counted.find((other) => other !== undefined && other.matIndex > claim.matIndex);
  for (const [from, to, other] of [
    [before, claim, before],
    [claim, after, after],
  ] as const) {
    if (from === undefined || to === undefined || other === undefined || follows(course, from, to, by))
      continue;
    const takenMs = to.timeMs - claimedMs(course, from);
    if (takenMs < 0) {
      if (other.matIndex === 0) return { repeated: false, reason: "before the runner's own start" };
      return {
        repeated: false,
        reason: `${name(claim)} ${claim === to ? "before" : "after"} ${name(other)}: out of sequence`,
      };
    }
    const distance = distanceText(course.distancesM[to.matIndex]! - course.distancesM[from.matIndex]!);
    return {
      repeated: false,
      reason: `${name(from)} to ${name(to)}, ${distance} in ${durationText(takenMs)}: impossible pace`,
    };
  }
  return { repeated: false, reason: "does not fit the runner's other reads" };
}

function isRepeated(course: Course, winner: Claim, claim: Claim, plausible: boolean): boolean {
  return comesFirst(winner, claim) || (plausible && course.counts[claim.matIndex] !== "first");
}

function repeatedText(course: Course, winner: Claim, claim: Claim, name: string): string {
  if (winner.timeMs === claim.timeMs) return "the same read again";
  const at = clockText(winner.timeMs);
  const rule = course.counts[claim.matIndex]!;
  if (rule === "last" && claim.timeMs < winner.timeMs)
    return `${name} was crossed again at ${at}, the last crossing before leaving counts`;
  if (rule === "last") return `${name} was left at ${at}`;
  return `${name} was crossed at ${at}, the ${rule} read counts`;
}

/** The first read of a mat counts; reads at the same instant go by id. An official's time goes before all (C6). */
function comesFirst(a: Claim, b: Claim): boolean {
  if (a.official !== b.official) return a.official;
  return a.timeMs !== b.timeMs ? a.timeMs < b.timeMs : compareBibs(a.id, b.id) < 0;
}

/** Whether one can be followed by the other in one race. */
export function follows(course: Course, from: Claim, to: Claim, by: Locomotion): boolean {
  const takenMs = to.timeMs - claimedMs(course, from);
  return takenMs >= 0 && takenMs >= legMinMs(course, from.matIndex, to.matIndex, by);
}

/** What is wrong with a claim whatever the others say, or null. */
export function implausible(course: Course, claim: Claim, by: Locomotion): string | null {
  if (claim.official) return null;
  return arrivedEarly(claim) ?? impossible(course, claim, by);
}

function arrivedEarly({ timeMs, receivedMs }: Claim): string | null {
  const earlyMs = timeMs - receivedMs;
  return earlyMs > ARRIVES_EARLY_MAX_MS
    ? `it arrived ${durationText(earlyMs)} before it was taken: a clock is wrong`
    : null;
}

/** What no official can enter either: a time before the race, or one that nobody has ever run. */
export function impossible(course: Course, claim: Claim, by: Locomotion): string | null {
  const sinceGunMs = claim.timeMs - course.race.gunMs;
  const isStart = claim.matIndex === 0;
  const opensMs = isStart ? course.startOpensMs : course.race.gunMs - BEFORE_GUN_MAX_MS;
  if (claim.timeMs < opensMs) return `${durationText(-sinceGunMs)} before the gun`;
  if (isStart && claim.timeMs > course.startClosesMs)
    return `${durationText(sinceGunMs)} after the gun, when the start was closed`;
  if (claim.matIndex === 0 || sinceGunMs + BEFORE_GUN_MAX_MS >= legMinMs(course, 0, claim.matIndex, by))
    return null;
  return `${distanceText(course.distancesM[claim.matIndex]!)} in ${durationText(sinceGunMs)} from the gun: impossible pace`;
}

/** Whether claims, at most one a mat and in the order of the mats, are a race somebody can have run. */
export function fits(course: Course, claims: readonly (Claim | undefined)[], by: Locomotion): boolean {
  let previous: Claim | undefined;
  for (const claim of claims) {
    if (claim === undefined) continue;
    if (implausible(course, claim, by) !== null) return false;
    if (previous !== undefined && !follows(course, previous, claim, by)) return false;
    previous = claim;
  }
  return true;
}

/** The best chain that ends with `claim`. */
interface Link<C> {
  readonly claim: C;
  readonly previous: Link<C> | null;
  readonly weight: number;
  readonly firstMs: number;
  readonly fastestLeg: number;
}

function longestChain<C extends Claim>(course: Course, claims: readonly C[], by: Locomotion): C[] {
  const links: Link<C>[] = [];
  let best: Link<C> | null = null;
  for (let mat = 0; mat < course.distancesM.length; mat++) {
    const here = claims.filter((claim) => claim.matIndex === mat && implausible(course, claim, by) === null);
    here.sort((a, b) => (a === b ? 0 : comesFirst(a, b) ? -1 : 1));
    if (here[0]?.official) here.length = 1;
    const earlier = links.length;
    for (const claim of candidates(course, here, links, by)) {
      let link = extend(course, null, claim);
      for (let i = 0; i < earlier; i++) {
        const previous = links[i]!;
        if (!follows(course, previous.claim, claim, by)) continue;
        const longer = extend(course, previous, claim);
        if (isBetter(longer, link, false)) link = longer;
      }
      links.push(link);
      if (best === null || isBetter(link, best, mat === course.finish && best.claim.matIndex !== mat))
        best = link;
    }
  }
  const chain: C[] = [];
  for (let link = best; link !== null; link = link.previous) chain.push(link.claim);
  return chain.reverse();
}

/** The claims at a mat that can be in a best chain: the first of all, and the first that can follow each link before it. */
function candidates<C extends Claim>(
  course: Course,
  here: readonly C[],
  links: readonly Link<C>[],
  by: Locomotion,
): C[] {
  if (here.length <= 1) return [...here];
  const found = new Set<number>([0]);
  for (const link of links) {
    const at = here.findIndex((claim) => follows(course, link.claim, claim, by));
    if (at > 0) found.add(at);
  }
  return [...found].sort((a, b) => a - b).map((at) => here[at]!);
}

function extend<C extends Claim>(course: Course, previous: Link<C> | null, claim: C): Link<C> {
  const weight = claim.official ? OFFICIAL_WEIGHT : 1;
  if (previous === null) return { claim, previous, weight, firstMs: claim.timeMs, fastestLeg: 0 };
  const distanceM = course.distancesM[claim.matIndex]! - course.distancesM[previous.claim.matIndex]!;
  return {
    claim,
    previous,
    weight: previous.weight + weight,
    firstMs: previous.firstMs,
    fastestLeg: Math.max(previous.fastestLeg, distanceM / (claim.timeMs - claimedMs(course, previous.claim))),
  };
}

/** C1 to C3; false for equals, so that the earlier one stays (C4). */
function isBetter(a: Link<Claim>, b: Link<Claim>, finishOnlyInA: boolean): boolean {
  if (a.weight !== b.weight) return a.weight > b.weight;
  if (a.firstMs !== b.firstMs) return a.firstMs < b.firstMs;
  return finishOnlyInA || a.fastestLeg < b.fastestLeg;
}

function keepsUpOnWheels(course: Course, chain: readonly Claim[]): boolean {
  if (chain.length <= WHEELS.legsMin) return false;
  const first = chain[0]!;
  const last = chain[chain.length - 1]!;
  const distanceM = course.distancesM[last.matIndex]! - course.distancesM[first.matIndex]!;
  return (
    distanceM >= WHEELS.distanceMinM && distanceM >= ((last.timeMs - first.timeMs) / 1000) * WHEELS.speedMin
  );
}

function byMat<C extends Claim>(course: Course, chain: readonly C[]): (C | undefined)[] {
  const counted = new Array<C | undefined>(course.distancesM.length).fill(undefined);
  for (const claim of chain) counted[claim.matIndex] = claim;
  return counted;
}
