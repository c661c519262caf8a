import { expect, test } from "vitest";
import { AnswerCache } from "./answer-cache.ts";

function cache() {
  let nowMs = 0;
  let made = 0;
  const answers = new AnswerCache(() => nowMs);
  return {
    pass: (ms: number) => {
      nowMs += ms;
    },
    made: () => made,
    get: (key: string, version: number, costMs = 0, size = 10) =>
      answers
        .get(key, version, () => {
          nowMs += costMs;
          made++;
          return `${key}${version}`.padEnd(size);
        })
        .body.toString()
        .trim(),
  };
}

test("what has not changed is written once", () => {
  const it = cache();
  for (let i = 0; i < 5; i++) {
    expect(it.get("a", 1)).toBe("a1");
    it.pass(60_000);
  }
  expect(it.made()).toBe(1);
});

test("what changes all the time is given again for four times what it cost, and no longer", () => {
  const it = cache();
  expect(it.get("a", 1, 5)).toBe("a1");
  it.pass(19);
  expect(it.get("a", 2, 5)).toBe("a1");
  it.pass(1);
  expect(it.get("a", 3, 5)).toBe("a3");
});

test("what costs nothing is never old", () => {
  const it = cache();
  for (let version = 0; version < 5; version++) expect(it.get("a", version)).toBe(`a${version}`);
});

test("what is kept is bounded, and the longest unasked goes first", () => {
  const it = cache();
  const MB = 1024 * 1024;
  for (const key of ["a", "b", "c"]) it.get(key, 1, 0, 5 * MB);
  it.get("a", 1);
  it.get("d", 1, 0, 5 * MB);
  expect(it.made()).toBe(4);
  it.get("a", 1);
  expect(it.made()).toBe(4);
  it.get("b", 1);
  expect(it.made()).toBe(5);
});
