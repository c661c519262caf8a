import { expect, test } from "vitest";
import { type AgreedClock, advanced, NOT_BEGUN } from "./agreed-clock.ts";

const after = (...said: readonly (readonly [who: string | undefined, atMs: number])[]) =>
  said.reduce<AgreedClock>((clock, [who, atMs]) => advanced(clock, who, atMs), NOT_BEGUN).agreedMs;

test("a clock goes as far as two have come", () => {
  expect(after(["a", 5])).toBe(Number.NEGATIVE_INFINITY);
  expect(after(["a", 5], ["b", 7])).toBe(5);
  expect(after(["a", 5], ["b", 7], ["a", 9])).toBe(7);
  expect(after(["a", 5], ["b", 7], ["c", 6])).toBe(6);
});

test("one who is a day ahead moves nothing, however often; the others go on without them", () => {
  expect(after(["a", 5], ["x", 86_400], ["x", 86_500], ["b", 7], ["a", 9])).toBe(9);
});

test("a heartbeat needs nobody else's word, and no clock goes back", () => {
  expect(after([undefined, 8], ["a", 5], ["b", 7])).toBe(8);
  expect(after(["a", 5], ["b", 7], [undefined, 3])).toBe(5);
});
