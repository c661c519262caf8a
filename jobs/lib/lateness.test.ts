import fc from "fast-check";
import { expect, it } from "vitest";
import { DueList } from "./lateness.ts";

it("tells who is due first, however often and in which direction times were moved", () => {
  const change = fc.record({
    bib: fc.constantFrom("1", "2", "3", "4"),
    dueMs: fc.option(fc.integer({ min: 0, max: 20 })),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const list = new DueList();
      const model = new Map<string, number>();
      for (const { bib, dueMs } of changes) {
        list.set(bib, dueMs);
        if (dueMs === null) model.delete(bib);
        else model.set(bib, dueMs);
        const [first] = [...model].sort(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1));
        const due = list.first();
        expect(due && [due.bib, due.dueMs]).toEqual(first);
      }
    }),
  );
});
