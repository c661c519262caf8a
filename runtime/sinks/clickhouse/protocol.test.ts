import { describe, expect, test } from "vitest";
import type { CommitOutcome } from "../../kafka/log.ts";
import { type Announcement, fromText, type Range, type RowsAtHand, tokenOf, toText } from "./announcement.ts";
import {
  decide,
  follow,
  type Happening,
  PROOF_MAX_MS,
  pauseMs,
  recover,
  type TableState,
  timeoutMs,
} from "./protocol.ts";

const range = (partition: number, first: number, end: number): Range => ({ partition, first, end });
const COMMITTED: CommitOutcome = { kind: "committed" };
const announced = (outcome: CommitOutcome, nowMs = 0) =>
  ({ kind: "announced", outcome, startedMs: nowMs, nowMs }) as const;

const rowsOf = (count: number, ends: [number, number][] = []): RowsAtHand => ({ count, ends: new Map(ends) });
const NONE = new Map<number, number[]>();

/** A table with two partitions from offset 0, with a batch of 10 and 5 records taken. */
function taken(rows = 15): TableState {
  return follow(recover(undefined, [0, 0]), {
    kind: "taken",
    ranges: [range(0, 0, 10), range(1, 0, 5)],
    rows: rowsOf(rows, rows > 0 ? [[0, 9]] : []),
  });
}

const steps = (state: TableState, ...happenings: Happening[]) => happenings.reduce(follow, state);

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
      letters: "malformed",
      announcement: {
        ranges: [range(0, 0, 10), range(1, 0, 5)],
        generation: 0,
        done: false,
        rows: rowsOf(15, [[0, 9]]),
        rowsTo: [0, 0],
      },
    });
    state = follow(state, announced(COMMITTED));
    expect(decide(state, 0)).toEqual({
      kind: "insert",
      ranges: [range(0, 0, 10), range(1, 0, 5)],
      generation: 0,
      timeoutMs: timeoutMs(0),
    });
    state = follow(state, { kind: "inserted" });
    expect(decide(state, 0)).toEqual({ kind: "take" });
    expect(state.rowsTo).toEqual([9, 0]);
    state = follow(state, { kind: "taken", ranges: [range(1, 5, 6)], rows: rowsOf(1) });
    expect(state.ranges).toEqual([range(0, 10, 10), range(1, 5, 6)]);
  });

  test("that does not join the one before is a bug", () => {
    const state = follow(follow(taken(), announced(COMMITTED)), { kind: "inserted" });
    expect(() => follow(state, { kind: "taken", ranges: [range(0, 11, 12)], rows: rowsOf(1) })).toThrow(
      "ranges join",
    );
  });

  test("without a good record is announced and not inserted", () => {
    expect(decide(follow(taken(0), announced(COMMITTED)), 0)).toEqual({ kind: "take" });
  });

  test("whose announcement was aborted is announced again after a pause, dead letters and all", () => {
    const state = follow(taken(), announced({ kind: "aborted", reason: "" }, 1000));
    expect(decide(state, 1000)).toEqual({ kind: "pause", untilMs: 1000 + pauseMs(1) });
    expect(decide(state, 1000 + pauseMs(1))).toMatchObject({ kind: "announce", letters: "malformed" });
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
    expect(decide(state, PROOF_MAX_MS + 1)).toMatchObject({ kind: "announce", letters: "none" });
  });
});

describe("an insert without an answer", () => {
  const failed = steps(taken(), announced(COMMITTED), { kind: "failed", nowMs: 0 });
  const again = steps(failed, { kind: "counted", rows: 0 }, announced(COMMITTED));

  test("is counted after a pause: when its rows are there, nothing is sent again", () => {
    expect(decide(failed, 0)).toEqual({ kind: "pause", untilMs: pauseMs(1) });
    expect(decide(failed, pauseMs(1))).toMatchObject({ kind: "count" });
    expect(decide(follow(failed, { kind: "counted", rows: 15 }), 0)).toEqual({ kind: "take" });
  });

  test("that left none is made again under the same token, with more time, after a new proof, and then counted", () => {
    expect(decide(follow(failed, { kind: "counted", rows: 0 }), 0)).toMatchObject({
      kind: "announce",
      letters: "none",
    });
    expect(decide(again, 0)).toEqual({
      kind: "insert",
      ranges: [range(0, 0, 10), range(1, 0, 5)],
      generation: 0,
      timeoutMs: timeoutMs(1),
    });
    const counting = follow(again, { kind: "inserted" });
    expect(decide(counting, 0)).toMatchObject({ kind: "count" });
    expect(decide(follow(counting, { kind: "counted", rows: 15 }), 0)).toEqual({ kind: "take" });
  });

  test("pauses longer each time, up to ten seconds, and gets more time, up to ten minutes", () => {
    expect([1, 2, 3, 9].map(pauseMs)).toEqual([200, 400, 800, 10_000]);
    expect([0, 1, 2, 9].map(timeoutMs)).toEqual([60_000, 120_000, 240_000, 600_000]);
    let state = again;
    for (let attempt = 2; attempt < 5; attempt++) {
      state = steps(state, { kind: "failed", nowMs: 0 }, { kind: "counted", rows: 0 }, announced(COMMITTED));
      expect(decide(state, 0)).toMatchObject({ kind: "insert", timeoutMs: timeoutMs(attempt) });
    }
  });

  const counting = follow(again, { kind: "inserted" });

  test("that burnt its token goes out under the next generation, announced first", () => {
    const burnt = follow(counting, { kind: "counted", rows: 0 });
    expect(decide(burnt, 0)).toMatchObject({
      kind: "announce",
      announcement: { generation: 1 },
      letters: "none",
    });
    expect(decide(follow(burnt, announced(COMMITTED)), 0)).toMatchObject({ kind: "insert", generation: 1 });
  });

  test("that left a part of its rows needs a person, once the id is known to be ours", () => {
    const surprised = follow(counting, { kind: "counted", rows: 7 });
    expect(decide(surprised, 0)).toMatchObject({ kind: "announce", letters: "none" });
    expect(decide(follow(surprised, announced({ kind: "fenced", reason: "epoch" })), 0)).toMatchObject({
      kind: "end",
      end: { why: "fenced" },
    });
    const proven = follow(surprised, announced(COMMITTED));
    expect(decide(proven, 0)).toMatchObject({ kind: "count" });
    expect(decide(follow(proven, { kind: "counted", rows: 7 }), 0)).toMatchObject({
      kind: "end",
      end: { why: "broken" },
    });
    expect(decide(follow(proven, { kind: "counted", rows: 15 }), 0)).toEqual({ kind: "take" });
  });
});

describe("a refused insert", () => {
  const refused = steps(taken(), announced(COMMITTED), { kind: "refused" });
  const examined = (apart: ReadonlyMap<number, number[]>, count: number) =>
    steps(refused, { kind: "counted", rows: 0 }, { kind: "examined", apart, rows: rowsOf(count), nowMs: 0 });

  test("is counted, and then searched for who is at fault", () => {
    expect(decide(refused, 0)).toMatchObject({ kind: "count" });
    expect(decide(follow(refused, { kind: "counted", rows: 0 }), 0)).toEqual({ kind: "examine" });
    // An earlier attempt had been taken after all.
    expect(decide(follow(refused, { kind: "counted", rows: 15 }), 0)).toEqual({ kind: "take" });
  });

  test("is announced again without those at fault, with their dead letters, under the next token", () => {
    let state = examined(new Map([[0, [3]]]), 14);
    const announcement = { generation: 1, done: false, rows: rowsOf(14), without: new Map([[0, [3]]]) };
    expect(decide(state, 0)).toMatchObject({ kind: "announce", letters: "refused", announcement });
    state = follow(state, announced({ kind: "aborted", reason: "" }));
    expect(decide(state, pauseMs(1))).toMatchObject({ kind: "announce", letters: "refused", announcement });
    state = follow(state, announced(COMMITTED));
    expect(decide(state, 0)).toMatchObject({ kind: "insert", generation: 1 });
    // Another one is found, as those of one search are bounded.
    const more = new Map([[1, [4]]]);
    state = steps(
      state,
      { kind: "refused" },
      { kind: "counted", rows: 0 },
      { kind: "examined", apart: more, rows: rowsOf(13), nowMs: 0 },
    );
    expect(decide(state, 0)).toMatchObject({
      letters: "refused",
      announcement: { generation: 2, without: new Map([[0, [3]], ...more]) },
    });
    state = steps(state, announced(COMMITTED), { kind: "inserted" }, { kind: "counted", rows: 13 });
    expect(decide(state, 0)).toEqual({ kind: "take" });
    state = follow(state, { kind: "taken", ranges: [range(0, 10, 11)], rows: rowsOf(1) });
    expect(decide(state, 0)).toMatchObject({ announcement: { generation: 0, without: undefined } });
  });

  test("of nothing but rows at fault needs no insert", () => {
    expect(decide(follow(examined(new Map([[0, [3]]]), 0), announced(COMMITTED)), 0)).toEqual({
      kind: "take",
    });
  });

  test("for which nobody is to blame is made again, after longer and longer pauses", () => {
    let state = examined(NONE, 15);
    expect(decide(state, 0)).toEqual({ kind: "pause", untilMs: pauseMs(1) });
    expect(decide(state, pauseMs(1))).toMatchObject({
      kind: "announce",
      letters: "none",
      announcement: { generation: 0 },
    });
    state = steps(
      state,
      announced(COMMITTED),
      { kind: "refused" },
      { kind: "counted", rows: 0 },
      { kind: "examined", apart: NONE, rows: rowsOf(15), nowMs: 0 },
    );
    expect(decide(state, 0)).toEqual({ kind: "pause", untilMs: pauseMs(2) });
  });

  test("whose search fails is searched again after a pause", () => {
    const state = steps(refused, { kind: "counted", rows: 0 }, { kind: "failed", nowMs: 0 });
    expect(decide(state, 0)).toEqual({ kind: "pause", untilMs: pauseMs(1) });
    expect(decide(state, pauseMs(1))).toEqual({ kind: "examine" });
  });
});

describe("a restart", () => {
  const latest: Announcement = {
    ranges: [range(0, 10, 20), range(1, 5, 5)],
    generation: 1,
    done: false,
    rows: rowsOf(9, [[0, 20]]),
    rowsTo: [10, 4],
    without: new Map([[0, [12]]]),
  };

  test("counts what was announced last: when it is there, nothing is replayed", () => {
    const state = recover(latest, [0, 0, 3]);
    expect(decide(state, 0)).toEqual({ kind: "count", ranges: [range(0, 10, 20)] });
    const counted = follow(state, { kind: "counted", rows: 9 });
    expect(decide(counted, 0)).toEqual({ kind: "take" });
    expect(counted.ranges.map(({ end }) => end)).toEqual([20, 5, 3]);
    expect(counted.rowsTo).toEqual([20, 4, 0]);
  });

  test("replays the announced ranges where none is there, without what was set apart, and counts again", () => {
    let state = follow(recover(latest, [0, 0]), { kind: "counted", rows: 0 });
    expect(decide(state, 0)).toEqual({
      kind: "reread",
      ranges: [range(0, 10, 20)],
      without: latest.without,
    });
    state = follow(state, { kind: "reread", rows: rowsOf(9) });
    expect(decide(state, 0)).toMatchObject({
      kind: "announce",
      letters: "none",
      announcement: { without: latest.without },
    });
    state = follow(state, announced(COMMITTED));
    expect(decide(state, 0)).toMatchObject({ kind: "insert", ranges: [range(0, 10, 20)], generation: 1 });
    state = steps(state, { kind: "inserted" }, { kind: "counted", rows: 9 });
    expect(decide(state, 0)).toEqual({ kind: "take" });
  });

  test("replays what an older version announced, which did not say how many rows", () => {
    const older = { ranges: latest.ranges, generation: 0, done: false };
    expect(decide(recover(older, [0, 0]), 0)).toEqual({
      kind: "reread",
      ranges: [range(0, 10, 20)],
      without: NONE,
    });
  });

  test("replays nothing that Kafka knows to be done, so retention may take it", () => {
    expect(decide(recover({ ...latest, done: true }, [20, 5]), 0)).toEqual({ kind: "take" });
  });

  test("goes on with what Kafka keeps, when it deleted records that were never taken", () => {
    expect(recover({ ...latest, done: true }, [25, 5]).ranges).toEqual([range(0, 25, 25), range(1, 5, 5)]);
  });

  test("reads what was written", () => {
    expect(fromText(toText(latest), "it")).toEqual(latest);
    expect(fromText('{"v":1,"done":true,"generation":3,"ranges":[[0,1,2]]}', "it")).toEqual({
      ranges: [range(0, 1, 2)],
      generation: 3,
      done: true,
    });
    expect(() => fromText('{"v":2}', "offset 7")).toThrow("offset 7 is not an announcement");
  });
});

test("an idle table tells Kafka once that everything is in ClickHouse", () => {
  let state = follow(follow(taken(), announced(COMMITTED)), { kind: "inserted" });
  state = follow(state, { kind: "idle" });
  expect(decide(state, 0)).toMatchObject({
    kind: "announce",
    announcement: { done: true },
    letters: "none",
  });
  state = follow(follow(state, announced(COMMITTED)), { kind: "idle" });
  expect(decide(state, 0)).toEqual({ kind: "take" });
});

test("a token says what is inserted", () => {
  expect(tokenOf("t", "topic", [range(0, 0, 10), range(3, 5, 6)], 0)).toBe("t/topic/0:0-9,3:5-5");
  expect(tokenOf("t", "topic", [range(0, 0, 10)], 2)).toBe("t/topic/0:0-9/2");
});
