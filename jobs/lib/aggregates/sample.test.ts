import { describe, expect, test } from "vitest";
import { seconds } from "../../../runtime/index.ts";
import type { Reading, Upload } from "../../../schemas/index.ts";
import { PERSON } from "../plausible.ts";
import { isMoving } from "./moving.ts";
import { type Sampling, samplesOf, spanBetween } from "./sample.ts";
import { NOTHING } from "./testing/simulated.ts";

const SAMPLING: Sampling = { gapMaxMs: seconds(30), wearer: PERSON };
const T0 = Date.parse("2020-10-11T12:30:00Z");

const reading = (sinceMs: number, more: Partial<Reading> = {}): Reading => ({
  ...NOTHING,
  tsMs: T0 + sinceMs,
  ...more,
});
const upload = (...readings: Reading[]): Upload => ({
  participant: "p",
  event: null,
  device: "d",
  id: 1,
  sentMs: 0,
  receivedMs: 0,
  readings,
});

describe("samples of an upload", () => {
  test("have the span since the reading before; the first knows the last instead", () => {
    const samples = samplesOf(
      upload(
        reading(0, { distanceM: 10.004, steps: 5 }),
        reading(1_000, { distanceM: 13.006, steps: 8 }),
        reading(3_000, { distanceM: 13.006, steps: 8 }),
      ),
      SAMPLING,
    );
    expect(samples.map(({ span }) => span)).toEqual([
      null,
      { ms: 1_000, cm: 301, steps: 3 },
      { ms: 2_000, cm: 0, steps: 0 },
    ]);
    expect(samples.map(({ uploadEnd }) => uploadEnd?.tsMs)).toEqual([T0 + 3_000, undefined, undefined]);
  });
  test("add up to what the counter says, however its metres are rounded", () => {
    const readings = Array.from({ length: 1_000 }, (_, i) =>
      reading(i * 1_000, { distanceM: Math.fround(i * 2.777) }),
    );
    const cm = samplesOf(upload(...readings), SAMPLING).reduce((sum, { span }) => sum + (span?.cm ?? 0), 0);
    expect(cm).toBe(Math.round(Math.fround(999 * 2.777) * 100));
  });
  test("lack what cannot be, and have the rest", () => {
    const [first, second, ...more] = samplesOf(
      upload(
        reading(0, { hr: 0, cadence: 65_535, distanceM: 10, lat: 91, lon: 11 }),
        reading(1_000, { hr: 150, cadence: 170, distanceM: Number.NaN, lat: 48, lon: 11 }),
      ),
      SAMPLING,
    );
    expect(first).toMatchObject({ hr: null, cadence: null, distanceCm: 1_000, lat: null, lon: null });
    expect(second).toMatchObject({ hr: 150, cadence: 170, distanceCm: null, lat: 48, span: { cm: 0 } });
    expect(more).toEqual([]);
  });
  test("are not of readings that a clock without a time has dated", () => {
    const samples = samplesOf(upload(reading(0), reading(-T0), reading(1_000)), SAMPLING);
    expect(samples.map(({ tsMs, span }) => [tsMs - T0, span?.ms])).toEqual([
      [0, undefined],
      [1_000, 1_000],
    ]);
  });
  test("of an upload without a reading are an error", () => {
    expect(() => samplesOf(upload(), SAMPLING)).toThrow("holds no reading");
  });
});

describe("a span", () => {
  const mark = (tsMs: number, distanceCm: number | null) => ({ tsMs, distanceCm, steps: null });
  test("is none where readings are too far apart, or not in order", () => {
    expect(spanBetween(mark(0, 0), mark(30_000, 9), SAMPLING)).toEqual({ ms: 30_000, cm: 9, steps: 0 });
    expect(spanBetween(mark(0, 0), mark(30_001, 9), SAMPLING)).toBeNull();
    expect(spanBetween(mark(5, 0), mark(5, 9), SAMPLING)).toBeNull();
  });
  test("covers nothing where the counter leapt farther than anybody gets", () => {
    const leap = spanBetween(mark(0, 0), mark(1_000, 300_000), SAMPLING);
    expect(leap).toEqual({ ms: 1_000, cm: 0, steps: 0 });
    expect(spanBetween(mark(0, 0), mark(20_000, 300 * 100), SAMPLING)?.cm).toBe(30_000);
  });
  test("covers nothing where the counter fell, or was not measured", () => {
    expect(spanBetween(mark(0, 100), mark(1_000, 40), SAMPLING)?.cm).toBe(0);
    expect(spanBetween(mark(0, null), mark(1_000, 40), SAMPLING)?.cm).toBe(0);
  });
});

test("activity is ground covered, or steps, or a cadence, at least so fast; nothing is known without a span", () => {
  const isActive = isMoving({ metresPerS: 0.6, stepsPerMin: 40, cadence: 15 });
  const [first, ...others] = samplesOf(
    upload(
      reading(0, { distanceM: 0, steps: 0, cadence: 170 }),
      reading(10_000, { distanceM: 6, steps: 0 }),
      reading(20_000, { distanceM: 11.9, steps: 0 }),
      reading(30_000, { distanceM: 11.9, steps: 7 }),
      reading(40_000, { distanceM: 11.9, steps: 13 }),
      reading(50_000, { distanceM: 11.9, steps: 13, cadence: 15 }),
    ),
    SAMPLING,
  );
  expect(isActive(first!)).toBe(false);
  expect(others.map(isActive)).toEqual([true, false, true, false, true]);
});
