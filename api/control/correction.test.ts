/** On which day the time of day is that an official writes. */
import { expect, test } from "vitest";
import { EXAMPLE_RACE } from "../../jobs/lib/example-race.ts";
import { correctionOf } from "./correction.ts";

const HOUR_MS = 3_600_000;
const secondsOf = (gunH: number, mat: string, time: string | number) => {
  const race = { ...EXAMPLE_RACE, gunMs: gunH * HOUR_MS };
  return correctionOf(race, { bib: "7", kind: "add", mat, time }, 0).timeMs! / 1000;
};

test("after midnight in a race that began before it", () => {
  expect(secondsOf(20, "finish", "00:12:33")).toBe(86_400 + 753);
  expect(secondsOf(20, "half", "21:50:00")).toBe(78_600);
  expect(secondsOf(20, "finish", "24:12:33")).toBe(86_400 + 753);
});

test("what fits neither day stays as it was written, and so do seconds and the start", () => {
  expect(secondsOf(10, "finish", "00:12:33")).toBe(753);
  expect(secondsOf(20, "10k", "19:00:00")).toBe(68_400);
  expect(secondsOf(20, "finish", 753)).toBe(753);
  expect(secondsOf(20, "start", "00:12:33")).toBe(753);
});
