import { describe, expect, test } from "vitest";
import { ENGINES, enginesOf, orderOfRound } from "./engines.ts";
import { ratioOf, showSpread, spreadOf } from "./spread.ts";

describe("the spread of rounds", () => {
  test("is the middle value and the ends, in whatever order they came", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([])).toBeUndefined();
  });

  test("of a ratio is taken round by round, without rounds that lack one", () => {
    const ours = new Map([
      [0, 1],
      [1, 4],
      [2, 9],
    ]);
    const theirs = new Map([
      [0, 2],
      [1, 2],
    ]);
    expect(ratioOf(ours, theirs)).toEqual({ median: 1.25, min: 0.5, max: 2 });
    expect(ratioOf(ours, new Map())).toBeUndefined();
  });

  test("is left out of the text where there is none", () => {
    expect(showSpread({ median: 2, min: 2, max: 2 }, 1)).toBe("2.0");
    expect(showSpread({ median: 2, min: 1, max: 3 }, 0)).toBe("2 (1-3)");
    expect(showSpread(undefined, 1)).toBe("-");
  });
});

describe("the engines of a run", () => {
  test("take turns in going first", () => {
    expect([0, 1, 2, 3].map((round) => orderOfRound(["a", "b", "c"], round).join(""))).toEqual([
      "abc",
      "bca",
      "cab",
      "abc",
    ]);
  });

  test("are refused by a name that does not do this work, with those that do", () => {
    expect(enginesOf("windows", ["flink-rocksdb"])).toEqual([ENGINES[3]]);
    expect(() => enginesOf("alerts", ["flink-rocksdb"])).toThrow("give some of pacestream,flink,kstreams");
  });
});
