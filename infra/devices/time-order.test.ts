import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inOrder, isReversed, longestStretch } from "./time-order.ts";

const kept = (times: readonly number[]) => [...inOrder(times)].map((at) => times[at]!);

/** By trying every set. */
function largest(times: readonly number[]): number {
  let best = 0;
  for (let set = 0; set < 1 << times.length; set++) {
    const chosen = times.filter((_, i) => set & (1 << i));
    if (chosen.every((time, i) => i === 0 || time >= chosen[i - 1]!)) best = Math.max(best, chosen.length);
  }
  return best;
}

describe("points in order of time", () => {
  test("are all kept where none goes back, equal times too", () => {
    expect(kept([1, 2, 2, 5])).toEqual([1, 2, 2, 5]);
    expect(kept([])).toEqual([]);
  });

  test("lose the one that goes back, not those before it", () => {
    expect(kept([0, 5, 2, 6])).toEqual([0, 5, 6]);
    expect(kept([5, 1, 6])).toEqual([5, 6]);
  });

  test("lose the few whose clock was wrong, ahead or behind", () => {
    expect(kept([900, 901, 902, 10, 11, 12, 13])).toEqual([10, 11, 12, 13]);
    expect(kept([10, 11, 12, 13, 2, 3])).toEqual([10, 11, 12, 13]);
  });

  test("are a largest set, whatever the times", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 11 }), (times) => {
        const found = inOrder(times);
        expect(found.length).toBe(largest(times));
        for (let i = 1; i < found.length; i++) {
          expect(found[i]!).toBeGreaterThan(found[i - 1]!);
          expect(times[found[i]!]!).toBeGreaterThanOrEqual(times[found[i - 1]!]!);
        }
      }),
    );
  });
});

test("a file has its newest point first when most steps go back", () => {
  expect(isReversed([5, 4, 3, 4, 2])).toBe(true);
  expect(isReversed([1, 2, 3, 2, 3])).toBe(false);
  expect(isReversed([7, 7])).toBe(false);
});

test("the longest stretch is the one with most points, the first of equals", () => {
  expect(longestStretch([0, 1, 100, 101, 102, 900], 10)).toEqual({ from: 2, to: 5 });
  expect(longestStretch([0, 1, 100, 101], 10)).toEqual({ from: 0, to: 2 });
  expect(longestStretch([], 10)).toEqual({ from: 0, to: 0 });
});
