import fc from "fast-check";
import { expect, test } from "vitest";
import { type Codec, codecOf, PassingOutcome, Race } from "../../../schemas/index.ts";
import { valueWalk } from "./avro-check.ts";

const passing = (over: Partial<PassingOutcome> = {}): PassingOutcome => ({
  race: "chicago-2023",
  id: "r1",
  bib: "17",
  mat: "half",
  timeS: 31000.5,
  receivedS: 31001,
  fate: "counted",
  reason: "",
  netS: 3990.25,
  gunS: null,
  ...over,
});

function check(codec: Codec<unknown>, bytes: Buffer): boolean {
  // In the middle of other bytes, as in a fetched batch.
  const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0)]);
  const end = 3 + bytes.length;
  return valueWalk(codec.schema)(around, 3, end) === end;
}

test("a value of the schema passes", () => {
  expect(check(PassingOutcome, PassingOutcome.encode(passing()))).toBe(true);
  expect(
    check(
      PassingOutcome,
      PassingOutcome.encode(passing({ reason: "ä".repeat(300), netS: null, fate: "voided" })),
    ),
  ).toBe(true);
  const mats = [
    { id: "start", distanceM: 0 },
    { id: "finish", distanceM: 42195 },
  ];
  const race: Race = {
    id: "r",
    name: "n",
    date: "2023-10-08",
    timezone: "America/Chicago",
    gunMs: 27_002_000,
    rankBy: "net",
    distanceM: 42195,
    mats,
    overdueAfterMs: 1,
    dnfAfterMs: 2,
  };
  expect(check(Race, Race.encode(race))).toBe(true);
});

test("a value that is cut, or has one byte too many, does not", () => {
  const bytes = PassingOutcome.encode(passing());
  for (let length = 0; length < bytes.length; length++)
    expect(check(PassingOutcome, bytes.subarray(0, length))).toBe(false);
  expect(check(PassingOutcome, Buffer.concat([bytes, Buffer.of(0)]))).toBe(false);
});

test("an enum or a union beyond its symbols does not pass, nor a boolean of two", () => {
  const small = codecOf<unknown>("small", {
    type: "record",
    name: "Small",
    fields: [
      { name: "kind", type: { type: "enum", name: "Kind", symbols: ["a", "b"] } },
      { name: "maybe", type: ["null", "Kind"] },
      { name: "flag", type: "boolean" },
    ],
  });
  expect(check(small, Buffer.of(2, 2, 0, 1))).toBe(true);
  expect(check(small, Buffer.of(4, 0, 1))).toBe(false);
  expect(check(small, Buffer.of(0, 4, 0, 1))).toBe(false);
  expect(check(small, Buffer.of(0, 0, 2))).toBe(false);
  expect(check(small, Buffer.of(1, 0, 1))).toBe(false);
});

test("it says of any bytes what the codec says", () => {
  const mixed = codecOf<unknown>("mixed", {
    type: "record",
    name: "Mixed",
    fields: [
      { name: "count", type: "int" },
      { name: "names", type: { type: "array", items: "string" } },
      { name: "byName", type: { type: "map", values: ["null", "boolean"] } },
      { name: "raw", type: "bytes" },
    ],
  });
  const decodes = (bytes: Buffer) => {
    try {
      mixed.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const value = fc.record({
    count: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    names: fc.array(fc.string(), { maxLength: 5 }),
    byName: fc.dictionary(fc.string(), fc.option(fc.boolean()), { maxKeys: 4 }),
    raw: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  });
  fc.assert(
    fc.property(value, fc.nat(), fc.integer({ min: 0, max: 255 }), (good, at, byte) => {
      const bytes = mixed.encode(good);
      expect(check(mixed, bytes)).toBe(true);
      bytes[at % bytes.length] = byte;
      // A changed byte may still be a value; what the check lets through, the codec can read.
      if (check(mixed, bytes)) expect(decodes(bytes)).toBe(true);
    }),
  );
});
