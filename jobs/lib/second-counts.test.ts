import fc from "fast-check";
import { expect, it } from "vitest";
import { SecondCounts } from "./second-counts.ts";

it("counts as a plain list does, beyond a day too", () => {
  const time = fc.oneof(fc.integer({ min: -5_000, max: 20_000 }), fc.integer({ min: 0, max: 300_000_000 }));
  fc.assert(
    fc.property(fc.array(fc.record({ time, removed: fc.boolean() })), time, (drawn, asked) => {
      const counts = new SecondCounts();
      for (const { time } of drawn) counts.add(time);
      for (const { time, removed } of drawn) if (removed) counts.remove(time);
      const second = (ms: number) => Math.max(0, Math.floor(ms / 1000));
      const left = drawn.filter(({ removed }) => !removed);
      expect(counts.before(asked)).toBe(left.filter(({ time }) => second(time) < second(asked)).length);
    }),
  );
});
