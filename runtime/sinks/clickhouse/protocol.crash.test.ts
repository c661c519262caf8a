/**
 * The protocol against a simulated Kafka and ClickHouse in which anything may fail at any step, under a seed: owners crash,
 * answers get lost, tokens burn, rows are refused, a fenced owner goes on for as long as it can.
 */
import { expect, test } from "vitest";
import type { CommitOutcome } from "../../kafka/log.ts";
import {
  type Announcement,
  fromText,
  hasRecords,
  type Range,
  type RowsAtHand,
  tokenOf,
  toText,
} from "./announcement.ts";
import { isAmong, NO_OFFSETS, type Offsets } from "./apart.ts";
import { type Action, decide, follow, type Happening, recover, type TableState } from "./protocol.ts";

const PARTITIONS = 2;
const SEEDS = 200;

/** Every 7th record is malformed; ClickHouse refuses some rows of those that are not: under a third of the seeds none, or all. */
const isMalformed = (offset: number) => offset % 7 === 3;
const REFUSED = [
  () => false,
  (offset: number) => offset % 5 === 1,
  (offset: number) => offset % 50 === 0,
  () => true,
];

class World {
  readonly random: () => number;
  nowMs = 0;
  faults = true;
  readonly ends = Array.from({ length: PARTITIONS }, () => 0);
  announcement: Announcement | undefined;
  /** Of the transactional id. */
  epoch = 0;
  readonly deadLetters: string[] = [];
  /** And the rows that came with each. */
  readonly tokens = new Map<string, readonly string[]>();
  readonly rows: string[] = [];
  readonly isRefused: (offset: number) => boolean;

  constructor(seed: number) {
    this.random = mulberry32(seed);
    this.isRefused = REFUSED[seed % REFUSED.length]!;
  }

  chance(probability: number): boolean {
    return this.faults && this.random() < probability;
  }

  commit(epoch: number, announcement: Announcement, bad: readonly string[]): CommitOutcome | "crash" {
    if (this.chance(0.05)) return "crash";
    if (epoch !== this.epoch) return { kind: "fenced", reason: "a newer owner" };
    if (this.chance(0.05)) return { kind: "aborted", reason: "broker" };
    if (this.chance(0.03)) return { kind: "lost", reason: "not committed" };
    this.announcement = fromText(toText(announcement), "the announcement");
    this.deadLetters.push(...bad);
    if (this.chance(0.03)) return { kind: "lost", reason: "committed" };
    return this.chance(0.05) ? "crash" : { kind: "committed" };
  }

  insert(token: string, rows: readonly string[]): "taken" | "refused" | "failed" | "crash" {
    if (this.chance(0.05)) return "crash";
    if (this.chance(0.1)) return "failed";
    if (rows.some((row) => this.isRefused(offsetOf(row)))) return this.chance(0.1) ? "failed" : "refused";
    if (!this.tokens.has(token)) {
      this.tokens.set(token, rows);
      // ClickHouse is killed after it wrote the token down, before it kept the rows.
      if (this.chance(0.05)) return this.chance(0.5) ? "crash" : "failed";
      this.rows.push(...rows);
    }
    if (this.chance(0.1)) return "failed";
    return this.chance(0.05) ? "crash" : "taken";
  }
}

class Owner {
  readonly #world: World;
  readonly #epoch: number;
  #state: TableState;
  /** Refused rows of the batch at hand, whose dead letters are to be written. */
  #apart: Offsets = NO_OFFSETS;
  over = false;
  idle = false;

  constructor(world: World) {
    this.#world = world;
    this.#epoch = ++world.epoch;
    this.#state = recover(
      world.announcement,
      world.ends.map(() => 0),
    );
  }

  step(): void {
    const action = decide(this.#state, this.#world.nowMs);
    if (action.kind === "end") {
      if (action.end.why === "broken") throw new Error(action.end.reason);
      this.over = true;
      return;
    }
    const happening = this.#perform(action);
    if (happening === "crash") this.over = true;
    else if (happening) this.#state = follow(this.#state, happening);
  }

  #perform(action: Exclude<Action, { kind: "end" }>): Happening | "crash" | undefined {
    const world = this.#world;
    switch (action.kind) {
      case "reread":
        return { kind: "reread", rows: atHand(rowsOf(action.ranges, action.without)) };
      case "take": {
        const ranges = this.#state.ranges
          .map(({ partition, end }) => ({
            partition,
            first: end,
            end: Math.min(world.ends[partition]!, end + 1 + Math.floor(world.random() * 5)),
          }))
          .filter(hasRecords);
        this.idle = ranges.length === 0;
        return this.idle ? { kind: "idle" } : { kind: "taken", ranges, rows: atHand(rowsOf(ranges)) };
      }
      case "announce": {
        const { ranges } = action.announcement;
        const bad = { none: [], malformed: malformedOf(ranges), refused: textsOf(this.#apart) }[
          action.letters
        ];
        const outcome = world.commit(this.#epoch, action.announcement, bad);
        if (outcome === "crash") return outcome;
        return { kind: "announced", outcome, startedMs: world.nowMs, nowMs: world.nowMs };
      }
      case "insert": {
        const token = tokenOf("t", "topic", action.ranges, action.generation);
        const rows = rowsOf(action.ranges, this.#state.without);
        const answer = world.insert(token, rows);
        // X4: whoever inserts, and how often, it is the same under the same token.
        if (world.tokens.has(token)) expect(String(world.tokens.get(token))).toBe(String(rows));
        if (answer === "crash") return answer;
        if (answer === "failed") return { kind: "failed", nowMs: world.nowMs };
        return { kind: answer === "taken" ? "inserted" : "refused" };
      }
      case "count": {
        if (world.chance(0.1)) return { kind: "failed", nowMs: world.nowMs };
        const expected = new Set(rowsOf(action.ranges));
        return { kind: "counted", rows: world.rows.filter((row) => expected.has(row)).length };
      }
      case "examine": {
        if (world.chance(0.05)) return "crash";
        if (world.chance(0.1)) return { kind: "failed", nowMs: world.nowMs };
        const { ranges, without } = this.#state;
        // The first two at fault, as a search does that is bounded.
        const found = rowsOf(ranges, without)
          .filter((row) => world.isRefused(offsetOf(row)))
          .slice(0, 2);
        this.#apart = offsetsOf(found);
        const rows = atHand(rowsOf(ranges, without).filter((row) => !found.includes(row)));
        return { kind: "examined", apart: this.#apart, rows, nowMs: world.nowMs };
      }
      case "pause":
        return undefined;
    }
  }
}

const offsetOf = (row: string) => Number(row.split(":")[1]);

function recordsOf(ranges: readonly Range[]): string[] {
  return ranges.flatMap(({ partition, first, end }) =>
    Array.from({ length: end - first }, (_, i) => `${partition}:${first + i}`),
  );
}

const malformedOf = (ranges: readonly Range[]) =>
  recordsOf(ranges).filter((record) => isMalformed(offsetOf(record)));

function rowsOf(ranges: readonly Range[], without: Offsets = NO_OFFSETS): string[] {
  const isApart = isAmong(without);
  return recordsOf(ranges).filter((record) => {
    const [partition, offset] = record.split(":").map(Number);
    return !isMalformed(offset!) && !isApart(partition!, offset!);
  });
}

function atHand(rows: readonly string[]): RowsAtHand {
  return {
    count: rows.length,
    ends: new Map(rows.map((row) => [Number(row.split(":")[0]), offsetOf(row) + 1])),
  };
}

function offsetsOf(rows: readonly string[]): Offsets {
  const offsets = new Map<number, number[]>();
  for (const row of rows) {
    const partition = Number(row.split(":")[0]);
    offsets.set(partition, [...(offsets.get(partition) ?? []), offsetOf(row)]);
  }
  return offsets;
}

const textsOf = (offsets: Offsets) =>
  [...offsets].flatMap(([partition, list]) => list.map((offset) => `${partition}:${offset}`));

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function run(seed: number): World {
  const world = new World(seed);
  const owners = [new Owner(world)];
  for (let step = 0; step < 400; step++) {
    world.nowMs += Math.floor(world.random() * 400);
    const partition = Math.floor(world.random() * PARTITIONS);
    world.ends[partition]! += Math.floor(world.random() * 4);
    // A newcomer takes over from a dead owner, or from a living one that does not know it yet.
    if (owners.every(({ over }) => over) || world.chance(0.03)) owners.push(new Owner(world));
    const alive = owners.filter(({ over }) => !over);
    alive[Math.floor(world.random() * alive.length)]?.step();
  }
  world.faults = false;
  const last = new Owner(world);
  for (let step = 0; step < 10_000 && !last.idle; step++) {
    world.nowMs += 100;
    last.step();
  }
  return world;
}

test("whatever fails and whoever goes on, every record arrives once: as a row, or set apart", {
  timeout: 120_000,
}, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = run(seed);
    const all = recordsOf(world.ends.map((end, partition) => ({ partition, first: 0, end })));
    const isApart = (record: string) => isMalformed(offsetOf(record)) || world.isRefused(offsetOf(record));
    expect(world.rows.toSorted(), `rows, seed ${seed}`).toEqual(
      all.filter((record) => !isApart(record)).sort(),
    );
    expect(world.deadLetters.toSorted(), `dead letters, seed ${seed}`).toEqual(all.filter(isApart).sort());
  }
});
