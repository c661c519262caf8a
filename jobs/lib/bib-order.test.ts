import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBibs } from "./bib-order.ts";

test("bibs stand in natural order, numbers before letters", () => {
  const bibs = ["F10", "10", "F2", "2", "W1", "100", "F1", "7", "07", "", "A-1", "A1"];
  expect(bibs.sort(compareBibs)).toEqual([
    "",
    "2",
    "07",
    "7",
    "10",
    "100",
    "A1",
    "A-1",
    "F1",
    "F2",
    "F10",
    "W1",
  ]);
});

test("numbers longer than a double keep their order", () => {
  expect(compareBibs("12345678901234567890", "12345678901234567891")).toBeLessThan(0);
});

test("it is a total order: antisymmetric, transitive, zero only for the same bib", () => {
  const bib = fc.string({ unit: fc.constantFrom("0", "1", "2", "9", "A", "-"), maxLength: 5 });
  fc.assert(
    fc.property(bib, bib, bib, (a, b, c) => {
      expect(Math.sign(compareBibs(a, b))).toBe(0 - Math.sign(compareBibs(b, a)));
      expect(compareBibs(a, b) === 0).toBe(a === b);
      if (compareBibs(a, b) < 0 && compareBibs(b, c) < 0) expect(compareBibs(a, c)).toBeLessThan(0);
    }),
    { numRuns: 2000 },
  );
});
