import { describe, expect, test } from "vitest";
import type { CommitOutcome } from "../../kafka/log.ts";
import {
  type Announcement,
  decide,
  follow,
  PROOF_MAX_MS,
  pauseMs,
  type Range,
  recover,
  type TableState,
  tokenOf,
} from "./protocol.ts";

const range = (partition: number, first: number, end: number): Range => ({ partition, first, end });
const COMMITTED: CommitOutcome = { kind: "committed" };
const announced = (outcome: CommitOutcome, nowMs = 0) =>
  ({ kind: "announced", outcome, startedMs: nowMs, nowMs }) as const;

/** A table with two partitions from offset 0, with a batch of 10 and 5 records taken. */
function taken(rows = 15): TableState {
  return follow(recover(undefined, [0, 0]), {
    kind: "taken",
    ranges: [range(0, 0, 10), range(1, 0, 5)],
    rows,
  });
}

describe("the first start", () => {
  test("begins each partition at the first offset Kafka keeps", () => {
    expect(recover(undefined, [7, 0]).ranges).toEqual([range(0, 7, 7), range(1, 0, 0)]);
    expect(decide(recover(undefined, [7, 0]), 0)).toEqual({ kind: "take" });
  });
});

describe("a batch", () => {
  test("is announced with its dead letters, then inserted, and then the next is taken", () => {
    let state = taken();
    expect(decide(state, 0)).toEqual({
      kind: "announce",
      deadLetters: true,
      announcement: { ranges: [range(0, 0, 10), range(1, 0, 5)], generation: 0, done: false },
    });
    state = follow(state, announced(COMMITTED));
    expect(decide(state, 0)).toEqual({
      kind: "insert",
      ranges: [range(0, 0, 10), range(1, 0, 5)],
      generation: 0,
    });
    state = follow(state, { kind: "inserted" });
    expect(decide(state, 0)).toEqual({ kind: "take" });
    state = follow(state, { kind: "taken", ranges: [range(1, 5, 6)], rows: 1 });
    expect(state.ranges).toEqual([range(0, 10, 10), range(1, 5, 6)]);
  });

  test("that does not join the one before is a bug", () => {
    const state = follow(follow(taken(), announced(COMMITTED)), { kind: "inserted" });
    expect(() => follow(state, { kind: "taken", ranges: [range(0, 11, 12)], rows: 1 })).toThrow(
      "ranges join",
    );
  });

  test("without a good record is announced and not inserted", () => {
    expect(decide(follow(taken(0), announced(COMMITTED)), 0)).toEqual({ kind: "take" });
  });

  test("whose announcement was aborted is announced again after a pause, dead letters and all", () => {
    const state = follow(taken(), announced({ kind: "aborted", reason: "" }, 1000));
    expect(decide(state, 1000)).toEqual({ kind: "pause", untilMs: 1000 + pauseMs(1) });
    expect(decide(state, 1000 + pauseMs(1))).toMatchObject({ kind: "announce", deadLetters: true });
  });

  test("whose announcement's outcome is not known makes the sink start over", () => {
    const state = follow(taken(), announced({ kind: "lost", reason: "time-out" }));
    expect(decide(state, 0)).toEqual({ kind: "end", end: { why: "unsure", reason: "time-out" } });
  });

  test("of a fenced owner ends it", () => {
    const state = follow(taken(), announced({ kind: "fenced", reason: "epoch" }));
    expect(decide(state, 0)).toEqual({ kind: "end", end: { why: "fenced", reason: "epoch" } });
  });

  test("is announced again when the proof of ownership grew old before the insert", () => {
    const state = follow(taken(), announced(COMMITTED, 0));
    expect(decide(state, PROOF_MAX_MS)).toMatchObject({ kind: "insert" });
    expect(decide(state, PROOF_MAX_MS + 1)).toMatchObject({ kind: "announce", deadLetters: false });
  });
});

describe("an insert without an answer", () => {
  const failed = follow(follow(taken(), announced(COMMITTED)), { kind: "failed", nowMs: 0 });

  test("is made again under the same token, after a pause and a new proof, and then counted", () => {
    expect(decide(failed, 0)).toEqual({ kind: "pause", untilMs: pauseMs(1) });
    expect(decide(failed, pauseMs(1))).toMatchObject({ kind: "announce", deadLetters: false });
    const again = follow(failed, announced(COMMITTED));
    expect(decide(again, 0)).toEqual({
      kind: "insert",
      ranges: [range(0, 0, 10), range(1, 0, 5)],
      generation: 0,
    });
    const counting = follow(again, { kind: "inserted" });
    expect(decide(counting, 0)).toMatchObject({ kind: "count" });
    expect(decide(follow(counting, { kind: "counted", rows: 15 }), 0)).toEqual({ kind: "take" });
  });

  test("pauses longer each time, up to ten seconds", () => {
    expect([1, 2, 3, 9].map(pauseMs)).toEqual([200, 400, 800, 10_000]);
  });

  const counting = follow(follow(failed, announced(COMMITTED)), { kind: "inserted" });

  test("that burnt its token goes out under the next generation, announced first", () => {
    const burnt = follow(counting, { kind: "counted", rows: 0 });
    expect(decide(burnt, 0)).toMatchObject({
      kind: "announce",
      announcement: { generation: 1 },
      deadLetters: false,
    });
    expect(decide(follow(burnt, announced(COMMITTED)), 0)).toMatchObject({ kind: "insert", generation: 1 });
  });

  test("that left a part of its rows needs a person", () => {
    expect(decide(follow(counting, { kind: "counted", rows: 7 }), 0)).toMatchObject({
      kind: "end",
      end: { why: "broken" },
    });
  });
});

describe("a restart", () => {
  const latest: Announcement = { ranges: [range(0, 10, 20), range(1, 5, 5)], generation: 0, done: false };

  test("replays the announced ranges and counts them before it goes on where they end", () => {
    let state = recover(latest, [0, 0, 3]);
    expect(decide(state, 0)).toEqual({ kind: "reread", ranges: [range(0, 10, 20)] });
    state = follow(state, { kind: "reread", rows: 10 });
    expect(decide(state, 0)).toMatchObject({ kind: "announce", deadLetters: false });
    state = follow(state, announced(COMMITTED));
    expect(decide(state, 0)).toMatchObject({ kind: "insert", ranges: [range(0, 10, 20)] });
    state = follow(follow(state, { kind: "inserted" }), { kind: "counted", rows: 10 });
    expect(state.ranges.map(({ end }) => end)).toEqual([20, 5, 3]);
    expect(decide(state, 0)).toEqual({ kind: "take" });
  });

  test("replays nothing that Kafka knows to be done, so retention may take it", () => {
    expect(decide(recover({ ...latest, done: true }, [20, 5]), 0)).toEqual({ kind: "take" });
  });
});

test("an idle table tells Kafka once that everything is in ClickHouse", () => {
  let state = follow(follow(taken(), announced(COMMITTED)), { kind: "inserted" });
  state = follow(state, { kind: "idle" });
  expect(decide(state, 0)).toMatchObject({
    kind: "announce",
    announcement: { done: true },
    deadLetters: false,
  });
  state = follow(follow(state, announced(COMMITTED)), { kind: "idle" });
  expect(decide(state, 0)).toEqual({ kind: "take" });
});

test("a token says what is inserted", () => {
  expect(tokenOf("t", "topic", [range(0, 0, 10), range(3, 5, 6)], 0)).toBe("t/topic/0:0-9,3:5-5");
  expect(tokenOf("t", "topic", [range(0, 0, 10)], 2)).toBe("t/topic/0:0-9/2");
});
