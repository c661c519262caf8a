/**
 * One race as spectators see it: every runner with times at each mat, ranked among all, by gender and by division, now.
 * Rebuilt from the topics `races`, `entrants` and `standings`; the places inside a standing are those of its moment, the
 * ones here are those of this moment.
 *
 * Owns the numbers of runners and groups, the times in columns, and the boards. What a page or an answer looks like is
 * leaderboard.ts's and runner-detail.ts's business.
 *
 * M1  A runner stands on the board of a mat and group exactly when there is a time to rank by there.
 * M2  Applying a record is O(log n) in the size of the field, and applying it twice is applying it once.
 * M3  A race's standings come in the order they came to be (one partition a race): what the last one of a runner says about
 *     the runner as a whole (status, projection) holds.
 */
import { compareBibs } from "../../jobs/lib/bib-order.ts";
import type { Entrant, Race, RunnerStatus, Standing } from "../../schemas/index.ts";
import { Board, type Column } from "./board.ts";

export type By = "overall" | "gender" | "division";

/** Whom a place is among. */
export interface Group {
  readonly by: By;
  /** `M`, `M 40-44`; empty for everybody. */
  readonly of: string;
  /** Runner numbers. */
  readonly members: number[];
  /** By mat; the last one is the live order. */
  readonly boards: readonly Board[];
}

/** Everything known of a runner as a whole. */
export interface Runner {
  /** Small integer, by which columns and boards know the runner. */
  readonly number: number;
  readonly bib: string;
  gender: string;
  division: string;
  country: string;
  status: RunnerStatus;
  projectedS: number | null;
  projectedPlace: number | null;
  /** The groups of this runner: everybody, then gender and division if known. */
  groups: readonly Group[];
  /** Index of the furthest mat with a counted time; -1: none. */
  lastMat: number;
  /** Mats with a counted time. */
  splits: number;
}

export interface Counts {
  /** On the start list. */
  runners: number;
  /** Those who have been seen in the race. */
  started: number;
  /** Not seen yet. */
  registered: number;
  running: number;
  overdue: number;
  finished: number;
  dnf: number;
  dsq: number;
}

/** The times at one mat. */
interface MatTimes {
  /** 1: a time counts here. */
  readonly counted: Column;
  readonly rankS: Column;
  readonly netS: Column;
  readonly gunS: Column;
  readonly paceSPerKm: Column;
  readonly legPaceSPerKm: Column;
}

export interface SplitOfRunner {
  readonly netS: number | null;
  readonly gunS: number | null;
  readonly rankS: number | null;
  readonly paceSPerKm: number | null;
  readonly legPaceSPerKm: number | null;
}

/** In the live order each mat less is this much more, in seconds: above any time of a race. */
const MAT_SPAN_S = 2 ** 24;
const UNRANKED_S = MAT_SPAN_S / 2;
const SUNK: Readonly<Partial<Record<RunnerStatus, number>>> = { overdue: 1, dnf: 2 };

export class RaceView {
  race: Race;
  /** Goes up with every record applied. */
  version = 0;
  /** Race clock, seconds since local midnight; null before anything happened. */
  asOfS: number | null = null;
  readonly matIndex: ReadonlyMap<string, number>;

  readonly #everybody: Group;
  readonly #groups = new Map<string, Group>();
  readonly #runners: Runner[] = [];
  readonly #byBib = new Map<string, Runner>();
  readonly #mats: readonly MatTimes[];
  /** The key of each runner in the live order; NaN: not in it. */
  readonly #live: Column = emptyColumn();
  readonly #columns: readonly Column[];
  /** How many have a place, by mat. */
  readonly #passed: number[];
  readonly #counts: Counts;
  /** Bibs that are plain numbers, as numbers: compared far more often than parsed. */
  readonly #bibNumbers: Column = emptyColumn();
  readonly #tieOrder = (a: number, b: number) => {
    const order = this.#bibNumbers.values[a]! - this.#bibNumbers.values[b]!;
    return order || compareBibs(this.#runners[a]!.bib, this.#runners[b]!.bib);
  };
  #bibsSorted: string[] = [];

  constructor(race: Race) {
    this.race = race;
    this.matIndex = new Map(race.mats.map((mat, index) => [mat.id, index]));
    this.#mats = race.mats.map(emptyTimes);
    this.#columns = [
      ...this.#mats.flatMap((times) => Object.values(times) as Column[]),
      this.#live,
      this.#bibNumbers,
    ];
    this.#passed = race.mats.map(() => 0);
    this.#everybody = this.#makeGroup("overall", "");
    this.#counts = {
      runners: 0,
      started: 0,
      registered: 0,
      running: 0,
      overdue: 0,
      finished: 0,
      dnf: 0,
      dsq: 0,
    };
  }

  /** Of boards: the one after the last mat's. */
  get liveIndex(): number {
    return this.#mats.length;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  runner(bib: string): Runner | undefined {
    return this.#byBib.get(bib);
  }

  runnerOf(number: number): Runner {
    return this.#runners[number]!;
  }

  /** The group, or undefined when no runner is in it. */
  group(by: By, of: string): Group | undefined {
    return by === "overall" ? this.#everybody : this.#groups.get(`${by} ${of}`);
  }

  /** Names of the groups of a kind, in natural order. */
  groupNames(by: By): string[] {
    const names: string[] = [];
    for (const group of this.#groups.values()) if (group.by === by) names.push(group.of);
    return names.sort(compareBibs);
  }

  /** The runner's times at a mat, or undefined when none counts there. */
  split(runner: Runner, mat: number): SplitOfRunner | undefined {
    const times = this.#mats[mat]!;
    const n = runner.number;
    if (times.counted.values[n] !== 1) return undefined;
    return {
      netS: orNull(times.netS.values[n]),
      gunS: orNull(times.gunS.values[n]),
      rankS: orNull(times.rankS.values[n]),
      paceSPerKm: orNull(times.paceSPerKm.values[n]),
      legPaceSPerKm: orNull(times.legPaceSPerKm.values[n]),
    };
  }

  /** How many have a place at a mat. */
  passed(mat: number): number {
    return this.#passed[mat]!;
  }

  /** The time places go by at a mat; NaN: no place there. */
  rankS(runner: Runner, mat: number): number {
    return this.#mats[mat]!.rankS.values[runner.number]!;
  }

  /** Bibs in natural order that begin with `prefix`, upper and lower case alike, at most `limit`. */
  bibsBeginning(prefix: string, limit: number): string[] {
    if (this.#bibsSorted.length !== this.#runners.length) {
      this.#bibsSorted = this.#runners.map((runner) => runner.bib).sort(compareBibs);
    }
    const wanted = prefix.toUpperCase();
    const found: string[] = [];
    for (const bib of this.#bibsSorted) {
      if (!bib.toUpperCase().startsWith(wanted)) continue;
      found.push(bib);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The race's description changed in what no place depends on. */
  redefine(race: Race): void {
    this.race = race;
    this.version++;
  }

  applyEntrant(entrant: Entrant): void {
    this.version++;
    const runner = this.#byBib.get(entrant.bib);
    if (!runner) {
      this.#addRunner(entrant);
      return;
    }
    runner.country = entrant.country;
    if (runner.gender === entrant.gender && runner.division === entrant.division) return;
    for (const group of runner.groups) {
      group.members.splice(group.members.indexOf(runner.number), 1);
      for (const board of group.boards) board.membersChanged();
    }
    runner.gender = entrant.gender;
    runner.division = entrant.division;
    runner.groups = this.#groupsOf(entrant.gender, entrant.division);
    this.#enterGroups(runner);
  }

  /** @throws Error when the standing names a mat the race does not have. */
  applyStanding(standing: Standing): void {
    const mat = standing.mat === "" ? -1 : this.matIndex.get(standing.mat);
    if (mat === undefined) throw new Error(`race ${this.race.id} has no mat "${standing.mat}"`);
    this.version++;
    const runner = this.#byBib.get(standing.bib) ?? this.#addRunner(standing);
    const startedBefore = hasStarted(runner);
    if (mat >= 0) this.#setTimes(runner, mat, standing);
    // M3
    runner.projectedS = standing.projectedS;
    runner.projectedPlace = standing.projectedPlace;
    this.#counts[runner.status]--;
    runner.status = standing.status;
    this.#counts[runner.status]++;
    if (standing.asOfS > (this.asOfS ?? 0)) this.asOfS = standing.asOfS;
    this.#counts.started += Number(hasStarted(runner)) - Number(startedBefore);
    this.#moveLive(runner);
  }

  #addRunner(entrant: Pick<Entrant, "bib" | "gender" | "division" | "country">): Runner {
    const { bib, gender, division, country } = entrant;
    const runner: Runner = {
      number: this.#runners.length,
      bib,
      gender,
      division,
      country,
      status: "registered",
      projectedS: null,
      projectedPlace: null,
      groups: this.#groupsOf(gender, division),
      lastMat: -1,
      splits: 0,
    };
    this.#runners.push(runner);
    this.#byBib.set(bib, runner);
    if (runner.number >= this.#live.values.length) this.#grow();
    this.#bibNumbers.values[runner.number] = /^\d{1,15}$/.test(bib) ? Number(bib) : Number.NaN;
    this.#enterGroups(runner);
    this.#counts.runners++;
    this.#counts.registered++;
    return runner;
  }

  #groupsOf(gender: string, division: string): Group[] {
    const groups = [this.#everybody];
    if (gender !== "") groups.push(this.#groupFor("gender", gender));
    if (division !== "") groups.push(this.#groupFor("division", divisionName(gender, division)));
    return groups;
  }

  #groupFor(by: By, of: string): Group {
    const key = `${by} ${of}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = this.#makeGroup(by, of);
      this.#groups.set(key, group);
    }
    return group;
  }

  #makeGroup(by: By, of: string): Group {
    const members: number[] = [];
    const columns = [...this.#mats.map((times) => times.rankS), this.#live];
    return { by, of, members, boards: columns.map((column) => new Board(column, members, this.#tieOrder)) };
  }

  #enterGroups(runner: Runner): void {
    const isNew = runner.number === this.#runners.length - 1 && runner.lastMat < 0;
    for (const group of runner.groups) {
      group.members.push(runner.number);
      // Who has no time yet stands on no board.
      if (!isNew) for (const board of group.boards) board.membersChanged();
    }
  }

  #setTimes(runner: Runner, mat: number, standing: Standing): void {
    const times = this.#mats[mat]!;
    const n = runner.number;
    const before = times.rankS.values[n]!;
    const after = standing.counted ? (standing.rankS ?? Number.NaN) : Number.NaN;
    const countedBefore = times.counted.values[n] === 1;
    runner.splits += Number(standing.counted) - Number(countedBefore);
    times.counted.values[n] = Number(standing.counted);
    times.netS.values[n] = standing.netS ?? Number.NaN;
    times.gunS.values[n] = standing.gunS ?? Number.NaN;
    times.paceSPerKm.values[n] = standing.paceSPerKm ?? Number.NaN;
    times.legPaceSPerKm.values[n] = standing.legPaceSPerKm ?? Number.NaN;
    if (!Object.is(before, after)) {
      times.rankS.values[n] = after;
      this.#passed[mat]! += Number(!Number.isNaN(after)) - Number(!Number.isNaN(before));
      for (const group of runner.groups) group.boards[mat]!.moved(n, before, after); // M1
    }
    if (standing.counted) runner.lastMat = Math.max(runner.lastMat, mat);
    else while (runner.lastMat >= 0 && this.#mats[runner.lastMat]!.counted.values[n] !== 1) runner.lastMat--;
  }

  #moveLive(runner: Runner): void {
    const n = runner.number;
    const before = this.#live.values[n]!;
    const after = this.#liveKey(runner);
    if (Object.is(before, after)) return;
    this.#live.values[n] = after;
    for (const group of runner.groups) group.boards[this.liveIndex]!.moved(n, before, after); // M1
  }

  /**
   * The order of the job's own field: who sinks (overdue, then DNF), then how far from the finish, then the time there;
   * without a time to rank by last of the mat. Nobody disqualified.
   */
  #liveKey(runner: Runner): number {
    const { lastMat, status } = runner;
    if (lastMat < 0 || status === "dsq") return Number.NaN;
    const mats = this.race.mats.length;
    const timeS = orNull(this.rankS(runner, lastMat)) ?? UNRANKED_S;
    return ((SUNK[status] ?? 0) * mats + (mats - 1 - lastMat)) * MAT_SPAN_S + timeS;
  }

  #grow(): void {
    const capacity = Math.max(1024, this.#live.values.length * 2);
    for (const column of this.#columns) {
      const larger = new Float64Array(capacity).fill(Number.NaN);
      larger.set(column.values);
      column.values = larger;
    }
  }
}

/** A division as it is asked for: named with its gender, `M 40-44`. */
export function divisionName(gender: string, division: string): string {
  return gender === "" ? division : `${gender} ${division}`;
}

function hasStarted(runner: Runner): boolean {
  return runner.splits > 0 || (runner.status !== "registered" && runner.status !== "dsq");
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function emptyColumn(): Column {
  return { values: new Float64Array(0) };
}

function emptyTimes(): MatTimes {
  return {
    counted: emptyColumn(),
    rankS: emptyColumn(),
    netS: emptyColumn(),
    gunS: emptyColumn(),
    paceSPerKm: emptyColumn(),
    legPaceSPerKm: emptyColumn(),
  };
}
