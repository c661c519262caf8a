import { expect, test } from "vitest";
import type { DeadLetter } from "../../schemas/index.ts";
import { Newest } from "./newest-letters.ts";

const letter = (offset: number, more: Partial<DeadLetter> = {}): DeadLetter => ({
  job: "clickhouse-sink",
  stage: "clickhouse",
  step: "sink uploads_log",
  topic: "uploads",
  partition: 0,
  offset,
  timestampMs: 0,
  reason: "Unexpected inf or nan to integer conversion",
  key: Buffer.from("race/17"),
  value: Buffer.alloc(10),
  ...more,
});

test("of many the newest are held, oldest first, and the others counted", () => {
  const newest = new Newest(3, {});
  for (let offset = 0; offset < 1_000; offset++) newest.add(letter(offset), (offset * 7) % 1_000);
  const { letters, left } = newest.take();
  expect(letters.map(({ setApartMs }) => setApartMs)).toEqual([997, 998, 999]);
  expect(left).toBe(997);
});

test("a large value is cut, and its length said", () => {
  const newest = new Newest(3, {});
  newest.add(letter(0, { value: Buffer.alloc(900_000) }), 0);
  newest.add(letter(1, { value: null, key: null }), 1);
  const [large, none] = newest.take().letters;
  expect([large!.value!.length, large!.valueBytes]).toEqual([16_384, 900_000]);
  expect([none!.value, none!.valueBytes]).toEqual([null, null]);
});

test("those are held that are asked for: by topic, and by what step, reason and key contain", () => {
  const all = [
    letter(0),
    letter(1, { topic: "standings", step: "sink standings_log" }),
    letter(2, { reason: "the value is truncated" }),
    letter(3, { key: Buffer.from("race/18") }),
    letter(4, { key: null }),
  ];
  const offsets = (wanted: ConstructorParameters<typeof Newest>[1]) => {
    const newest = new Newest(10, wanted);
    for (const [at, one] of all.entries()) newest.add(one, at);
    return newest.take().letters.map(({ offset }) => offset);
  };
  expect(offsets({ topic: "standings" })).toEqual([1]);
  expect(offsets({ step: "UPLOADS" })).toEqual([0, 2, 3, 4]);
  expect(offsets({ reason: "nan" })).toEqual([0, 1, 3, 4]);
  expect(offsets({ key: "/18" })).toEqual([3]);
  expect(offsets({ reason: "nan", key: "/17", topic: "uploads" })).toEqual([0]);
});
