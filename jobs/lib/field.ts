/**
 * One race's field: who stands where at every mat, overall, by gender and by division, and in the race as it is now.
 * Used by the stage by race, which feeds it runners' updates, and by the API's read model, which feeds it standings.
 *
 * Owns places, gaps and groups. What a runner's times are is runner.ts's; a field believes what it is told.
 *
 * F1  Place = 1 + the number with a strictly smaller time: ties share the best place. Their order is the bibs' natural one.
 * F2  Who has no time on the race's clock (no start read in a race by net time) or is disqualified has no place, and
 *     nobody is counted behind them; their times stay on record.
 * F3  A change of one runner costs O(log n) in each list the runner is in; nobody else's entry is touched.
 * F4  The order and timing of calls do not show: a field is what its runners' last values are.
 * F5  At the start nobody has a place, nor in the race as it is now who has come no farther: they have begun, and that is all.
 *     They stand in its lists all the same, and count as having passed it.
 *
 * Times are integer milliseconds on the runner's net or gun clock, below 24 days.
 */
import type { Race, RunnerStatus } from "../../schemas/index.ts";
import { compareBibs } from "./bib-order.ts";
import { RankedList } from "./ranked-list.ts";
import { SecondCounts } from "./second-counts.ts";

export type GroupKind = "overall" | "gender" | "division";

export interface RunnerInfo {
  readonly gender: string;
  readonly division: string;
  readonly country: string;
  readonly status: RunnerStatus;
  /** Projected finish on the clock the race ranks by; ignored once the runner has finished. */
  readonly projectedMs: number | null;
}

export interface Times {
  readonly netMs: number | null;
  readonly gunMs: number;
}

/** `place` null: the runner has none; `passed` counts those who have one. */
export interface Place {
  readonly place: number | null;
  readonly passed: number;
}

export interface StandingAt extends Times {
  /** On the clock the race ranks by; null: no place (F2). */
  readonly rankMs: number | null;
  readonly overall: Place;
  /** `passed` 0: the runner belongs to no such group. */
  readonly gender: Place;
  readonly division: Place;
  /** Behind the first overall; null without a place. */
  readonly gapLeaderMs: number | null;
  /** Behind the one ahead in list order, 0 when tied; null for the first and without a place. */
  readonly gapAheadMs: number | null;
  /** Index of the last counted mat before this one; null: none. */
  readonly previousMat: number | null;
}

export interface Row extends RunnerInfo {
  readonly bib: string;
  readonly place: number | null;
  /** Index of the mat the times are of. */
  readonly mat: number;
  readonly netMs: number | null;
  readonly gunMs: number;
  readonly rankMs: number | null;
  /** Behind the first of the list; null in the live order behind a leader at another mat. */
  readonly gapMs: number | null;
}

export interface Page {
  /** How many the list has in all. */
  readonly passed: number;
  readonly rows: readonly Row[];
}

/** The lists of everybody, of one gender, or of one division. */
interface Group {
  readonly at: readonly RankedList[];
  readonly live: RankedList;
}

interface Runner {
  readonly bib: string;
  readonly number: number;
  gender: string;
  division: string;
  country: string;
  status: RunnerStatus;
  projectedMs: number | null;
  /** Overall, gender, division; undefined where the runner belongs to none. */
  groups: readonly [Group, Group | undefined, Group | undefined];
  readonly times: (Times | undefined)[];
  /** The keys the runner stands under in the live and finish lists; null: not in them. */
  liveKey: number | null;
  finishKey: number | null;
}

/** A runner's name for a division: within a gender, such as `M 40-44`; empty where there is no division. */
export function divisionOf(runner: { readonly gender: string; readonly division: string }): string {
  return runner.division === "" ? "" : `${runner.gender} ${runner.division}`.trim();
}

/** Above any time: separates mats, and those who sink, in a key of the live order. */
const MAT_SPAN = 2 ** 33;
const SUNK: Readonly<Partial<Record<RunnerStatus, number>>> = { overdue: 1, dnf: 2 };

export class Field {
  readonly race: Race;
  readonly #keepLive: boolean;
  readonly #byBib = new Map<string, Runner>();
  /** The runner asked for last: an update asks for the same one several times. */
  #found: Runner | undefined;
  readonly #runners: Runner[] = [];
  /** Bibs that are plain numbers, as nearly all are, compare as such: NaN for the others. */
  readonly #bibNumbers: number[] = [];
  readonly #order = (a: number, b: number) => {
    const difference = this.#bibNumbers[a]! - this.#bibNumbers[b]!;
    return Number.isNaN(difference) ? compareBibs(this.#runners[a]!.bib, this.#runners[b]!.bib) : difference;
  };
  readonly #overall: Group;
  readonly #genders = new Map<string, Group>();
  readonly #divisions = new Map<string, Group>();
  /** Finish times, real ones and projected. */
  readonly #finishes = new SecondCounts();
  readonly #statuses = new Map<RunnerStatus, number>();

  /** @param options.live keep the live order too, which costs as much again; `page` at `live` needs it. */
  constructor(race: Race, options: { readonly live: boolean }) {
    this.race = race;
    this.#keepLive = options.live;
    this.#overall = this.#group();
  }

  /** Runners ever told of. */
  get size(): number {
    return this.#runners.length;
  }

  /** Adds a runner or changes what is known about one. */
  setRunner(bib: string, info: RunnerInfo): void {
    const runner = this.#find(bib) ?? this.#enter(bib, info);
    const regrouped = runner.gender !== info.gender || runner.division !== info.division;
    // Lists by mat change only with the groups and with being ranked at all (F2).
    const reranked = regrouped || (runner.status === "dsq") !== (info.status === "dsq");
    if (reranked) for (let mat = 0; mat < runner.times.length; mat++) this.#unrank(runner, mat);
    if (regrouped) this.#leaveLive(runner);
    if (runner.status !== info.status) {
      this.#count(runner.status, -1);
      this.#count(info.status, 1);
    }
    runner.gender = info.gender;
    runner.division = info.division;
    runner.country = info.country;
    runner.status = info.status;
    runner.projectedMs = info.projectedMs;
    if (regrouped) runner.groups = this.#groupsOf(info);
    if (reranked) for (let mat = 0; mat < runner.times.length; mat++) this.#rank(runner, mat);
    this.#place(runner);
  }

  /** A runner's time at a mat, new or changed. @throws Error for a bib never given to `setRunner`. */
  setSplit(bib: string, mat: number, times: Times): void {
    this.#setTimes(this.#known(bib), mat, { netMs: times.netMs, gunMs: times.gunMs });
  }

  /** A time that does not count any more; nothing happens where none did. */
  removeSplit(bib: string, mat: number): void {
    this.#setTimes(this.#known(bib), mat, undefined);
  }

  /** What is known about a runner, times by mat; it changes with the field. */
  runner(
    bib: string,
  ): (RunnerInfo & { readonly bib: string; readonly times: readonly (Times | undefined)[] }) | undefined {
    return this.#find(bib);
  }

  /** A runner at a mat as things stand; undefined without a time there. */
  standingOf(mat: number, bib: string): StandingAt | undefined {
    const runner = this.#find(bib);
    const times = runner?.times[mat];
    if (runner === undefined || times === undefined) return undefined;
    const rankMs = this.#rankMs(runner, times);
    const [overall, gender, division] = runner.groups;
    const list = overall.at[mat]!;
    const placedMs = mat === 0 ? null : rankMs; // F5
    let gapAheadMs: number | null = null;
    if (placedMs !== null) {
      const ahead = list.at(list.indexOf(placedMs, runner.number) - 1);
      gapAheadMs = ahead === undefined ? null : placedMs - ahead.key;
    }
    const previousMat = runner.times.findLastIndex((earlier, index) => index < mat && earlier !== undefined);
    return {
      ...times,
      rankMs,
      overall: placeIn(list, placedMs),
      gender: placeIn(gender?.at[mat], placedMs),
      division: placeIn(division?.at[mat], placedMs),
      gapLeaderMs: placedMs === null ? null : placedMs - list.at(0)!.key,
      gapAheadMs,
      previousMat: previousMat === -1 ? null : previousMat,
    };
  }

  /**
   * The place a runner's projected (or real) finish has among all finishes, projected and real; null without one. By whole
   * seconds: a projection is no more exact.
   */
  finishPlaceOf(bib: string): number | null {
    const key = this.#find(bib)?.finishKey ?? null;
    return key === null ? null : 1 + this.#finishes.before(key);
  }

  /** How many have a place at a mat, in a group. */
  passed(mat: number, by: GroupKind = "overall", of = ""): number {
    return this.#groupNamed(by, of)?.at[mat]?.size ?? 0;
  }

  /** Runners by status; those without any are absent. */
  statuses(): ReadonlyMap<RunnerStatus, number> {
    return this.#statuses;
  }

  /** Names for `of`: every group a runner was ever in, in natural order. Overall has one, the empty name. */
  groups(by: GroupKind): readonly string[] {
    if (by === "overall") return [""];
    const groups = by === "gender" ? this.#genders : this.#divisions;
    return [...groups.keys()].sort(compareBibs);
  }

  /**
   * Part of a list: of those with a place at a mat, or `live` (only of a field that keeps it): whoever has come farthest
   * first, then by time there; overdue runners and DNF at the end, nobody disqualified.
   * A group nobody is in is an empty list. `offset` and `limit` are whole and not negative.
   */
  page(at: number | "live", by: GroupKind, of: string, offset: number, limit: number): Page {
    const group = this.#groupNamed(by, of);
    const list = at === "live" ? group?.live : group?.at[at];
    if (list === undefined) return { passed: 0, rows: [] };
    const leader = list.at(0);
    const first = leader === undefined || at !== "live" ? leader?.key : liveTimeMs(leader.key);
    const leaderMat = leader === undefined || at !== "live" ? at : lastMat(this.#runners[leader.item]!);
    const rows: Row[] = [];
    let place = 0;
    let keyBefore = Number.NaN;
    list.forEach(offset, limit, (key, item, index) => {
      if (key !== keyBefore) place = rows.length === 0 ? 1 + list.rank(key) : 1 + index;
      keyBefore = key;
      const runner = this.#runners[item]!;
      const mat = at === "live" ? lastMat(runner) : at;
      const times = runner.times[mat]!;
      const rankMs = this.#rankMs(runner, times);
      const { bib, gender, division, country, status, projectedMs } = runner;
      const isPlaced = rankMs !== null && mat > 0; // F5
      rows.push({
        bib,
        gender,
        division,
        country,
        status,
        projectedMs,
        place: isPlaced ? place : null,
        mat,
        netMs: times.netMs,
        gunMs: times.gunMs,
        rankMs,
        gapMs: isPlaced && mat === leaderMat && first !== undefined ? rankMs - first : null,
      });
    });
    return { passed: list.size, rows };
  }

  #find(bib: string): Runner | undefined {
    if (this.#found?.bib === bib) return this.#found;
    const runner = this.#byBib.get(bib);
    if (runner !== undefined) this.#found = runner;
    return runner;
  }

  #known(bib: string): Runner {
    const runner = this.#find(bib);
    if (runner === undefined) throw new Error(`field of ${this.race.id}: no runner ${bib}`);
    return runner;
  }

  /** F2: the time a runner is placed by. */
  #rankMs(runner: Runner, times: Times): number | null {
    if (runner.status === "dsq") return null;
    return this.race.rankBy === "net" ? times.netMs : times.gunMs;
  }

  #rank(runner: Runner, mat: number): void {
    const times = runner.times[mat];
    const rankMs = times === undefined ? null : this.#rankMs(runner, times);
    if (rankMs === null) return;
    for (const group of runner.groups) group?.at[mat]?.insert(rankMs, runner.number);
  }

  #unrank(runner: Runner, mat: number): void {
    const times = runner.times[mat];
    const rankMs = times === undefined ? null : this.#rankMs(runner, times);
    if (rankMs === null) return;
    for (const group of runner.groups) group?.at[mat]?.remove(rankMs, runner.number);
  }

  #setTimes(runner: Runner, mat: number, times: Times | undefined): void {
    this.#unrank(runner, mat);
    runner.times[mat] = times;
    this.#rank(runner, mat);
    this.#place(runner);
  }

  #enter(bib: string, info: RunnerInfo): Runner {
    const { gender, division, country, status, projectedMs } = info;
    const number = this.#runners.length;
    const times = new Array<Times | undefined>(this.race.mats.length).fill(undefined);
    const groups = this.#groupsOf(info);
    const runner = {
      bib,
      number,
      gender,
      division,
      country,
      status,
      projectedMs,
      groups,
      times,
      liveKey: null,
      finishKey: null,
    };
    this.#runners.push(runner);
    // Only a number written the one way it can be ("07" is another bib than "7").
    this.#bibNumbers.push(/^(0|[1-9]\d{0,14})$/.test(bib) ? Number(bib) : Number.NaN);
    this.#byBib.set(bib, runner);
    this.#count(status, 1);
    return runner;
  }

  /** Moves `runner` in the lists that go by more than one split. */
  #place(runner: Runner): void {
    const finishKey = this.#finishKey(runner);
    if (finishKey !== runner.finishKey) {
      if (runner.finishKey !== null) this.#finishes.remove(runner.finishKey);
      if (finishKey !== null) this.#finishes.add(finishKey);
      runner.finishKey = finishKey;
    }
    if (!this.#keepLive) return;
    const liveKey = this.#liveKey(runner);
    if (liveKey === runner.liveKey) return;
    this.#leaveLive(runner);
    if (liveKey !== null) for (const group of runner.groups) group?.live.insert(liveKey, runner.number);
    runner.liveKey = liveKey;
  }

  #leaveLive(runner: Runner): void {
    if (runner.liveKey === null) return;
    for (const group of runner.groups) group?.live.remove(runner.liveKey, runner.number);
    runner.liveKey = null;
  }

  #finishKey(runner: Runner): number | null {
    if (runner.status === "dsq") return null;
    const times = runner.times[this.race.mats.length - 1];
    return times === undefined ? runner.projectedMs : this.#rankMs(runner, times);
  }

  /** Who sinks, then how far from the finish, then the time there, as one number; without a time last of the mat. */
  #liveKey(runner: Runner): number | null {
    if (runner.status === "dsq") return null;
    const mat = lastMat(runner);
    if (mat === -1) return null;
    const mats = this.race.mats.length;
    const timeMs = this.#rankMs(runner, runner.times[mat]!) ?? MAT_SPAN / 2 - 1;
    return ((SUNK[runner.status] ?? 0) * mats + (mats - 1 - mat)) * MAT_SPAN + MAT_SPAN / 2 + timeMs;
  }

  #group(): Group {
    return { at: this.race.mats.map(() => new RankedList(this.#order)), live: new RankedList(this.#order) };
  }

  #groupsOf(runner: { readonly gender: string; readonly division: string }): Runner["groups"] {
    return [
      this.#overall,
      this.#groupOf(this.#genders, runner.gender),
      this.#groupOf(this.#divisions, divisionOf(runner)),
    ];
  }

  #groupOf(groups: Map<string, Group>, name: string): Group | undefined {
    if (name === "") return undefined;
    let group = groups.get(name);
    if (group === undefined) {
      group = this.#group();
      groups.set(name, group);
    }
    return group;
  }

  #groupNamed(by: GroupKind, of: string): Group | undefined {
    return by === "overall" ? this.#overall : (by === "gender" ? this.#genders : this.#divisions).get(of);
  }

  #count(status: RunnerStatus, by: 1 | -1): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + by);
  }
}

function placeIn(list: RankedList | undefined, rankMs: number | null): Place {
  return {
    place: list === undefined || rankMs === null ? null : 1 + list.rank(rankMs),
    passed: list?.size ?? 0,
  };
}

function lastMat(runner: Runner): number {
  return runner.times.findLastIndex((times) => times !== undefined);
}

function liveTimeMs(key: number): number {
  return (key % MAT_SPAN) - MAT_SPAN / 2;
}
