import { describe, expect, it } from "vitest";
import type { Announcement } from "./announcement.ts";
import { lacking, rewound } from "./held.ts";

const FIRST = [0, 0, 5];
const LATEST: Announcement = {
  ranges: [
    { partition: 0, first: 10, end: 20 },
    { partition: 1, first: 30, end: 30 },
    { partition: 2, first: 5, end: 8 },
  ],
  generation: 2,
  done: true,
  rowsTo: [18, 30, 0],
};

describe("what a table has, held against what was known to be there", () => {
  it("is whole when its rows reach as far, whatever else its topic holds", () => {
    const ends = new Map([
      [0, 18],
      [1, 31],
    ]);
    expect(lacking(LATEST.rowsTo!, ends, FIRST)).toEqual([]);
  });

  it("lacks what lies behind its last row, where Kafka still keeps it", () => {
    expect(lacking(LATEST.rowsTo!, new Map([[0, 12]]), FIRST)).toEqual([0, 1]);
    expect(lacking(LATEST.rowsTo!, new Map([[0, 12]]), [18, 29, 0])).toEqual([1]);
  });

  it("goes on behind the last row, and keeps in mind up to where dead letters are written", () => {
    const back = rewound(LATEST, new Map([[0, 12]]), FIRST);
    expect(back.ranges.map(({ end }) => end)).toEqual([12, 0, 5]);
    expect(back.lettersFrom).toEqual([20, 30, 8]);
    expect(back.rowsTo).toEqual([12, 0, 0]);
    expect(lacking(back.rowsTo!, new Map([[0, 12]]), FIRST)).toEqual([]);
    const again = rewound(back, new Map(), FIRST);
    expect(again.ranges.map(({ end }) => end)).toEqual([0, 0, 5]);
    expect(again.lettersFrom).toEqual([20, 30, 8]);
  });
});
