import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSketch, mergeSketch, quantiles, RELATIVE_ACCURACY, type Sketch } from "./sketch.ts";

const sketchOf = (values: readonly number[]): Sketch => {
  const sketch: Sketch = { low: 0, counts: [] };
  for (const value of values) addToSketch(sketch, value);
  return sketch;
};
const rates = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 200 });

test("a quantile is as near to the exact one as promised", () => {
  fc.assert(
    fc.property(rates, fc.constantFrom(0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), (values, quantile) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.floor(quantile * (sorted.length - 1))]!;
      const [found] = quantiles(sketchOf(values), [quantile]);
      expect(Math.abs(found! - exact)).toBeLessThanOrEqual(exact * RELATIVE_ACCURACY * (1 + 1e-9));
    }),
  );
});

test("bins are the same in whatever order values come and sketches are merged", () => {
  fc.assert(
    fc.property(rates, rates, (first, second) => {
      const whole = sketchOf([...first, ...second]);
      expect(sketchOf([...second, ...first].reverse())).toEqual(whole);
      for (const [into, from] of [
        [sketchOf(first), sketchOf(second)],
        [sketchOf(second), sketchOf(first)],
      ] as const) {
        mergeSketch(into, from);
        expect(into).toEqual(whole);
      }
    }),
  );
});

test("merging with nothing changes nothing", () => {
  const sketch = sketchOf([60, 61, 180]);
  mergeSketch(sketch, { low: 0, counts: [] });
  expect(sketch).toEqual(sketchOf([60, 61, 180]));
  const empty: Sketch = { low: 0, counts: [] };
  mergeSketch(empty, sketch);
  expect(empty).toEqual(sketch);
});
