import fc from "fast-check";
import { expect, test } from "vitest";
import { HEART_OF_PERSON } from "../plausible.ts";
import type { Sample } from "./sample.ts";
import { addSample, type Measures, mergeTotals, noTotals, statsOf, Totals } from "./totals.ts";

const measures: Measures = { heart: HEART_OF_PERSON, isActive: ({ span }) => (span?.cm ?? 0) > 100 };
const samples = fc.array(
  fc.record({
    participant: fc.constant("p"),
    event: fc.constantFrom(null, "a", "b"),
    device: fc.constant("d"),
    upload: fc.constant(1),
    tsMs: fc.integer({ min: 1, max: 50 }),
    hr: fc.option(fc.integer({ min: 0, max: 300 })),
    cadence: fc.option(fc.integer({ min: 0, max: 200 })),
    distanceCm: fc.constant(null),
    steps: fc.constant(null),
    lat: fc.constant(null),
    lon: fc.constant(null),
    span: fc.option(fc.record({ ms: fc.nat(1_000), cm: fc.nat(300), steps: fc.nat(4) })),
    uploadEnd: fc.constant(null),
  }),
  { maxLength: 30 },
);
const totalsOf = (all: readonly Sample[]): Totals =>
  all.reduce((totals, sample) => addSample(totals, sample, measures), noTotals());

test("totals are the same in whatever order samples come, and however they are put together", () => {
  fc.assert(
    fc.property(samples, samples, (first, second) => {
      const whole = totalsOf([...first, ...second]);
      expect(totalsOf([...second, ...first].reverse())).toEqual(whole);
      expect(mergeTotals(totalsOf(first), totalsOf(second))).toEqual(whole);
      expect(mergeTotals(totalsOf(second), totalsOf(first))).toEqual(whole);
      expect(mergeTotals(noTotals(), whole)).toEqual(whole);
    }),
  );
});

test("totals are kept in a checkpoint as they are", () => {
  fc.assert(
    fc.property(samples, (all) => {
      const totals = totalsOf(all);
      expect({ ...Totals.decode(Totals.encode(totals)) }).toMatchObject(totals);
    }),
  );
});

test("heart rates that no heart has are not counted; quantiles stay within what was measured", () => {
  const at = (hr: number): Sample => ({
    participant: "p",
    event: null,
    device: "d",
    upload: 1,
    tsMs: hr,
    hr,
    cadence: null,
    distanceCm: null,
    steps: null,
    lat: null,
    lon: null,
    span: null,
    uploadEnd: null,
  });
  const stats = statsOf(totalsOf([0, 24, 25, 240, 241].map(at)));
  expect(stats).toMatchObject({ readings: 5, hrCount: 2, hrMin: 25, hrMax: 240, hrMean: 132.5 });
  expect(stats.hrP05).toBeGreaterThanOrEqual(25);
  expect(stats.hrP95).toBeLessThanOrEqual(240);
  expect(statsOf(totalsOf([at(0)]))).toMatchObject({ readings: 1, hrMean: null, hrP50: null });
});
