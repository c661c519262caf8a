import { expect, test } from "vitest";
import { compareOffsets } from "./reconcile.ts";

const compare = (committed: number[], rows: number[]) =>
  compareOffsets(Float64Array.from(committed), Float64Array.from(rows));

test("the same offsets, gaps of control records included, are exact", () => {
  expect(compare([0, 1, 3, 9], [0, 1, 3, 9])).toEqual({
    missing: 0,
    doubled: 0,
    foreign: 0,
    firstDifference: undefined,
  });
});

test("a row too few, one too many and one of no record are told apart", () => {
  expect(compare([0, 1, 2], [0, 2])).toMatchObject({
    missing: 1,
    doubled: 0,
    foreign: 0,
    firstDifference: 1,
  });
  expect(compare([0, 1, 2], [0, 1, 1, 1, 2])).toMatchObject({
    missing: 0,
    doubled: 2,
    foreign: 0,
    firstDifference: 1,
  });
  expect(compare([0, 2], [0, 1, 2])).toMatchObject({
    missing: 0,
    doubled: 0,
    foreign: 1,
    firstDifference: 1,
  });
  expect(compare([0, 1, 2, 3], [0])).toMatchObject({ missing: 3, firstDifference: 1 });
  expect(compare([], [])).toMatchObject({ missing: 0, foreign: 0 });
});
