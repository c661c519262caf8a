import { expect, test } from "vitest";
import { sharedClock, startTempo } from "./tempo.ts";

test("at speed 60 a race minute is a second on the wall", () => {
  const tempo = startTempo(60, 27_000_000, 5000);
  expect(tempo.raceMsAt(5000)).toBe(27_000_000);
  expect(tempo.raceMsAt(6000)).toBe(27_060_000);
  expect(tempo.waitMs(27_060_000, 5250)).toBe(750);
});

test("a late tick finds more due, and does not shift what follows", () => {
  const tempo = startTempo(10, 0, 0);
  expect(tempo.waitMs(1000, 400)).toBe(0);
  expect(tempo.waitMs(5000, 400)).toBe(100);
});

test("at top speed everything is due", () => {
  const tempo = startTempo("max", 0, 0);
  expect(tempo.raceMsAt(0)).toBe(Number.POSITIVE_INFINITY);
  expect(tempo.waitMs(1e9, 0)).toBe(0);
});

test("plays that share a clock keep together, whichever begins first", () => {
  const start = sharedClock(60);
  expect(start(10_000, 0).waitMs(70_000, 0)).toBe(1000);
  expect(start(70_000, 500).waitMs(70_000, 500)).toBe(500);
});
