import { describe, expect, it } from "vitest";
import { rewound, unproven } from "./held.ts";
import type { Announcement } from "./protocol.ts";

const FIRST = [0, 0, 5];
const announced = (done: boolean): Announcement => ({
  ranges: [
    { partition: 0, first: 10, end: 20 },
    { partition: 1, first: 30, end: 30 },
    { partition: 2, first: 5, end: 8 },
  ],
  generation: 2,
  done,
});

describe("what a table has, held against what was announced", () => {
  it("proves everything known to be there when rows reach its end", () => {
    const ends = [
      [0, 20],
      [1, 30],
      [2, 8],
    ] as const;
    expect(unproven(announced(true), new Map(ends), FIRST)).toEqual([]);
    // What is announced and not done may be missing: only what lies before it is known.
    expect(unproven(announced(false), new Map([ends[0], ends[1]]), FIRST)).toEqual([]);
  });

  it("leaves open what lies behind the last row, from the first offset that Kafka keeps", () => {
    expect(unproven(announced(true), new Map([[0, 12]]), FIRST)).toEqual([
      { partition: 0, first: 12, end: 20 },
      { partition: 1, first: 0, end: 30 },
      { partition: 2, first: 5, end: 8 },
    ]);
  });

  it("goes on behind the last row, and keeps in mind up to where dead letters are written", () => {
    const back = rewound(announced(true), new Map([[0, 12]]), FIRST);
    expect(back.ranges.map(({ end }) => end)).toEqual([12, 0, 5]);
    expect(back.lettersFrom).toEqual([20, 30, 8]);
    const again = rewound(back, new Map(), FIRST);
    expect(again.ranges.map(({ end }) => end)).toEqual([0, 0, 5]);
    expect(again.lettersFrom).toEqual([20, 30, 8]);
  });
});
