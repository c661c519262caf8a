/**
 * The protocol against a simulated Kafka and ClickHouse in which anything may fail at any step, under a seed: owners crash,
 * answers get lost, tokens burn, a fenced owner goes on for as long as it can.
 */
import { expect, test } from "vitest";
import type { CommitOutcome } from "../../kafka/log.ts";
import {
  type Action,
  type Announcement,
  decide,
  follow,
  type Happening,
  hasRecords,
  type Range,
  recover,
  type TableState,
  tokenOf,
} from "./protocol.ts";

const PARTITIONS = 2;
const SEEDS = 500;

/** Every 7th record is malformed. */
const isGood = (offset: number) => offset % 7 !== 3;

class World {
  readonly random: () => number;
  nowMs = 0;
  faults = true;
  readonly ends = Array.from({ length: PARTITIONS }, () => 0);
  announcement: Announcement | undefined;
  /** Of the transactional id. */
  epoch = 0;
  readonly deadLetters: string[] = [];
  readonly tokens = new Set<string>();
  readonly rows: string[] = [];

  constructor(seed: number) {
    this.random = mulberry32(seed);
  }

  chance(probability: number): boolean {
    return this.faults && this.random() < probability;
  }

  commit(epoch: number, announcement: Announcement, bad: readonly string[]): CommitOutcome | "crash" {
    if (this.chance(0.05)) return "crash";
    if (epoch !== this.epoch) return { kind: "fenced", reason: "a newer owner" };
    if (this.chance(0.05)) return { kind: "aborted", reason: "broker" };
    if (this.chance(0.03)) return { kind: "lost", reason: "not committed" };
    this.announcement = announcement;
    this.deadLetters.push(...bad);
    if (this.chance(0.03)) return { kind: "lost", reason: "committed" };
    return this.chance(0.05) ? "crash" : { kind: "committed" };
  }

  insert(token: string, rows: readonly string[]): "taken" | "failed" | "crash" {
    if (this.chance(0.05)) return "crash";
    if (this.chance(0.1)) return "failed";
    if (!this.tokens.has(token)) {
      this.tokens.add(token);
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
      expect(action.end.why).not.toBe("broken");
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
        return { kind: "reread", rows: rowsOf(action.ranges).length };
      case "take": {
        const ranges = this.#state.ranges
          .map(({ partition, end }) => ({
            partition,
            first: end,
            end: Math.min(world.ends[partition]!, end + 1 + Math.floor(world.random() * 5)),
          }))
          .filter(hasRecords);
        this.idle = ranges.length === 0;
        return this.idle ? { kind: "idle" } : { kind: "taken", ranges, rows: rowsOf(ranges).length };
      }
      case "announce": {
        const bad = action.deadLetters ? recordsOf(action.announcement.ranges, false) : [];
        const outcome = world.commit(this.#epoch, action.announcement, bad);
        if (outcome === "crash") return outcome;
        return { kind: "announced", outcome, startedMs: world.nowMs, nowMs: world.nowMs };
      }
      case "insert": {
        const token = tokenOf("t", "topic", action.ranges, action.generation);
        const answer = world.insert(token, rowsOf(action.ranges));
        if (answer === "crash") return answer;
        return answer === "taken" ? { kind: "inserted" } : { kind: "failed", nowMs: world.nowMs };
      }
      case "count": {
        if (world.chance(0.1)) return { kind: "failed", nowMs: world.nowMs };
        const expected = new Set(rowsOf(action.ranges));
        return { kind: "counted", rows: world.rows.filter((row) => expected.has(row)).length };
      }
      case "pause":
        return undefined;
    }
  }
}

function recordsOf(ranges: readonly Range[], good: boolean): string[] {
  return ranges.flatMap(({ partition, first, end }) =>
    Array.from({ length: end - first }, (_, i) => first + i)
      .filter((offset) => isGood(offset) === good)
      .map((offset) => `${partition}:${offset}`),
  );
}

const rowsOf = (ranges: readonly Range[]) => recordsOf(ranges, true);

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

test("whatever fails and whoever goes on, every record arrives once", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = run(seed);
    const all = world.ends.map((end, partition) => ({ partition, first: 0, end }));
    expect([...world.rows].sort(), `rows, seed ${seed}`).toEqual(recordsOf(all, true).sort());
    expect([...world.deadLetters].sort(), `dead letters, seed ${seed}`).toEqual(recordsOf(all, false).sort());
  }
});
