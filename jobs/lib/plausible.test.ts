import { expect, test } from "vitest";
import type { Reading } from "../../schemas/index.ts";
import { ANIMAL, grownBy, isPosition, PERSON, plausible, READ_AT_MS, within } from "./plausible.ts";

const GOOD: Reading = {
  tsMs: Date.UTC(2026, 9, 11),
  hr: 150,
  lat: 48.1,
  lon: 11.6,
  distanceM: 1_200,
  steps: 1_100,
  cadence: 176,
  altitudeM: 520,
};

test("a plausible reading stays the object it is", () => {
  expect(plausible(GOOD, PERSON)).toBe(GOOD);
  const bare: Reading = { ...GOOD, hr: null, lat: null, lon: null, distanceM: null, steps: null };
  expect(plausible(bare, PERSON)).toBe(bare);
});

const NOT_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const IMPLAUSIBLE: readonly (readonly [keyof Reading, readonly number[]])[] = [
  ["hr", [0, 255, -5, 601, 2 ** 31 - 1, ...NOT_NUMBERS]],
  ["distanceM", [-1, 1e20, ...NOT_NUMBERS]],
  ["steps", [-1, 2 ** 31 - 1, ...NOT_NUMBERS]],
  ["cadence", [-1, 361, 65_535, ...NOT_NUMBERS]],
  ["altitudeM", [-501, 9_001, ...NOT_NUMBERS]],
];
for (const [name, values] of IMPLAUSIBLE)
  test.each(values)(`${name} of %s is no value, and the others of its reading are`, (value) => {
    expect(plausible({ ...GOOD, [name]: value }, PERSON)).toEqual({ ...GOOD, [name]: null });
  });

test("a position is both of its degrees or none of them", () => {
  for (const [lat, lon] of [
    [91, 0],
    [48, 181],
    [Number.NaN, 11],
    [48, null],
    [null, 11],
    [0, 0],
  ] as const)
    expect(plausible({ ...GOOD, lat, lon }, PERSON)).toEqual({ ...GOOD, lat: null, lon: null });
  expect(isPosition(0, 11)).toBe(true);
});

test("what a person cannot do an animal may", () => {
  const trotting = { ...GOOD, cadence: 700 };
  expect(plausible(trotting, ANIMAL)).toBe(trotting);
  expect(plausible(trotting, PERSON).cadence).toBeNull();
});

test("a counter that falls or grows faster than anybody can has grown by nothing", () => {
  expect(grownBy(100, 103, 1_000, PERSON.metres)).toBe(3);
  expect(grownBy(100, 240, 1_000, PERSON.metres)).toBe(140);
  expect(grownBy(100, 241, 1_000, PERSON.metres)).toBe(0);
  expect(grownBy(100, 3, 1_000, PERSON.metres)).toBe(0);
  expect(grownBy(100, 65_100, 1_000, PERSON.strides)).toBe(0);
});

test("clocks that begin anew, at 1970, GPS's zero or FIT's, are before any reading", () => {
  for (const at of ["1970-01-01", "1980-01-06", "1989-12-31"])
    expect(within(Date.parse(at), READ_AT_MS)).toBe(false);
});
