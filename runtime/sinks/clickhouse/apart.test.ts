import fc from "fast-check";
import { expect, test } from "vitest";
import { countOf, fromRuns, isAmong, joinOffsets, toRuns } from "./apart.ts";

test("offsets survive as runs, whatever they are", () => {
  const list = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 50 });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.nat(64), list), { selector: ([partition]) => partition }),
      (all) => {
        const offsets = new Map(
          all.map(([partition, some]) => [partition, some.toSorted((a, b) => a - b)] as const),
        );
        expect(fromRuns(JSON.parse(JSON.stringify(toRuns(offsets))))).toEqual(offsets);
      },
    ),
  );
});

test("runs stay short where all rows of a batch are refused, and far below a record's limit where every second one is", () => {
  const rows = Array.from({ length: 100_000 }, (_, i) => 5_000_000_000 + i);
  expect(toRuns(new Map([[3, rows]]))).toEqual([[3, 5_000_000_000, 100_000]]);
  const everySecond = rows.map((offset) => offset * 2);
  expect(JSON.stringify(toRuns(new Map([[3, everySecond]]))).length).toBeLessThan(450_000);
});

test("joined offsets stand each once, in order", () => {
  const joined = joinOffsets(
    new Map([[0, [1, 5]]]),
    new Map([
      [0, [3, 5]],
      [1, [2]],
    ]),
  );
  expect(joined).toEqual(
    new Map([
      [0, [1, 3, 5]],
      [1, [2]],
    ]),
  );
  expect(countOf(joined)).toBe(4);
  const among = isAmong(joined);
  expect([among(0, 3), among(1, 3), among(2, 3)]).toEqual([true, false, false]);
});
