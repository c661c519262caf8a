import { describe, expect, test } from "vitest";
import { seconds } from "../../../runtime/index.ts";
import type { Reading, Upload } from "../../../schemas/index.ts";
import { isMoving } from "./moving.ts";
import { samplesOf, spanBetween } from "./sample.ts";
import { NOTHING } from "./testing/simulated.ts";

const reading = (tsMs: number, more: Partial<Reading> = {}): Reading => ({
  ...NOTHING,
  tsMs,
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
      seconds(30),
    );
    expect(samples.map(({ span }) => span)).toEqual([
      null,
      { ms: 1_000, cm: 301, steps: 3 },
      { ms: 2_000, cm: 0, steps: 0 },
    ]);
    expect(samples.map(({ uploadEnd }) => uploadEnd?.tsMs)).toEqual([3_000, undefined, undefined]);
  });
  test("add up to what the counter says, however its metres are rounded", () => {
    const readings = Array.from({ length: 1_000 }, (_, i) =>
      reading(i * 1_000, { distanceM: Math.fround(i * 2.777) }),
    );
    const cm = samplesOf(upload(...readings), seconds(30)).reduce(
      (sum, { span }) => sum + (span?.cm ?? 0),
      0,
    );
    expect(cm).toBe(Math.round(Math.fround(999 * 2.777) * 100));
  });
  test("of an upload without a reading are an error", () => {
    expect(() => samplesOf(upload(), seconds(30))).toThrow("holds no reading");
  });
});

describe("a span", () => {
  const mark = (tsMs: number, distanceCm: number | null) => ({ tsMs, distanceCm, steps: null });
  test("is none where readings are too far apart, or not in order", () => {
    expect(spanBetween(mark(0, 0), mark(30_000, 9), 30_000)).toEqual({ ms: 30_000, cm: 9, steps: 0 });
    expect(spanBetween(mark(0, 0), mark(30_001, 9), 30_000)).toBeNull();
    expect(spanBetween(mark(5, 0), mark(5, 9), 30_000)).toBeNull();
  });
  test("covers nothing where the counter fell, or was not measured", () => {
    expect(spanBetween(mark(0, 100), mark(1_000, 40), 30_000)?.cm).toBe(0);
    expect(spanBetween(mark(0, null), mark(1_000, 40), 30_000)?.cm).toBe(0);
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
    seconds(30),
  );
  expect(isActive(first!)).toBe(false);
  expect(others.map(isActive)).toEqual([true, false, true, false, true]);
});
