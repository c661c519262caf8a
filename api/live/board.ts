/**
 * The runners of one group at one mat, ranked. Most of the hundreds of boards of a race are never looked at, and a replay
 * at top speed changes each of them thousands of times a second: so the ordered list behind a board exists only while it
 * pays, and can at any time be made from the times themselves.
 *
 * B1  With or without its list a board gives the same answers.
 * B2  The list is made when a page is asked for, or when single places have been counted often; it is dropped when keeping
 *     it since it was last asked for has cost more than making it anew.
 */
import { RankedList, type TieOrder } from "../../jobs/lib/ranked-list.ts";

/** A number of each runner, by runner number; NaN: none. */
export interface Column {
  values: Float64Array<ArrayBuffer>;
}

/** How a time stands among those of a board. */
export interface Standing {
  /** 1 + how many are strictly faster. */
  readonly place: number;
  /** How many are ranked here. */
  readonly passed: number;
  readonly leaderS: number;
  /** The time of the nearest who is strictly faster; the own time for who leads. */
  readonly aheadS: number;
}

const COUNTS_BEFORE_LIST = 64;
/** Upkeep that a list is allowed without being asked for, beside its size. */
const UPKEEP_FREE = 1000;

export class Board {
  readonly #column: Column;
  /** Runner numbers of the group; shared with the other boards of it. */
  readonly #members: readonly number[];
  readonly #order: TieOrder;
  #list: RankedList | undefined;
  #upkeep = 0;
  #counted = 0;

  constructor(column: Column, members: readonly number[], order: TieOrder) {
    this.#column = column;
    this.#members = members;
    this.#order = order;
  }

  /** How many are ranked here, and the best time. */
  head(): { passed: number; leaderS: number | undefined } {
    const list = this.#asked();
    return { passed: list.size, leaderS: list.at(0)?.key };
  }

  /** Up to `limit` runners from `offset` on, in order, with their places. */
  page(offset: number, limit: number): { number: number; key: number; place: number }[] {
    const list = this.#asked();
    const rows: { number: number; key: number; place: number }[] = [];
    list.forEach(offset, limit, (key, number, index) => {
      const above = rows.at(-1);
      const place = above?.key === key ? above.place : above ? index + 1 : list.rank(key) + 1;
      rows.push({ number, key, place });
    });
    return rows;
  }

  /** Where a runner with this time stands. */
  standingOf(key: number): Standing {
    const list = this.#list
      ? this.#asked()
      : ++this.#counted > COUNTS_BEFORE_LIST
        ? this.#asked()
        : undefined;
    if (!list) return this.#count(key);
    const before = list.rank(key);
    return {
      place: before + 1,
      passed: list.size,
      leaderS: list.at(0)?.key ?? key,
      aheadS: before > 0 ? list.at(before - 1)!.key : key,
    };
  }

  /** The time of `number`, a member, changed in the column. */
  moved(number: number, before: number, after: number): void {
    const list = this.#list;
    if (!list) return;
    if (++this.#upkeep > UPKEEP_FREE + 2 * list.size) {
      this.#list = undefined;
      this.#counted = 0;
      return;
    }
    if (!Number.isNaN(before)) list.remove(before, number);
    if (!Number.isNaN(after)) list.insert(after, number);
  }

  /** The group has other members now. */
  membersChanged(): void {
    this.#list = undefined;
  }

  #asked(): RankedList {
    this.#upkeep = 0;
    this.#list ??= this.#make();
    return this.#list;
  }

  #make(): RankedList {
    const { values } = this.#column;
    const ranked = this.#members.filter((number) => !Number.isNaN(values[number]));
    ranked.sort((a, b) => values[a]! - values[b]! || this.#order(a, b));
    const list = new RankedList(this.#order);
    // In order: the list's cheap case.
    for (const number of ranked) list.insert(values[number]!, number);
    return list;
  }

  #count(key: number): Standing {
    const { values } = this.#column;
    let before = 0;
    let passed = 0;
    let leaderS = key;
    let aheadS = Number.NEGATIVE_INFINITY;
    for (const number of this.#members) {
      const other = values[number]!;
      if (Number.isNaN(other)) continue;
      passed++;
      if (other >= key) continue;
      before++;
      if (other < leaderS) leaderS = other;
      if (other > aheadS) aheadS = other;
    }
    return { place: before + 1, passed, leaderS, aheadS: before > 0 ? aheadS : key };
  }
}
