import avro from "avsc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { avroType } from "./avro-type.ts";
import { codecOf } from "./codec.ts";
import { compileEncoder } from "./encoder.ts";

const SCHEMA = {
  type: "record",
  name: "Everything",
  fields: [
    { name: "text", type: "string" },
    { name: "int", type: "int" },
    { name: "long", type: "long" },
    { name: "float", type: "float" },
    { name: "double", type: "double" },
    { name: "flag", type: "boolean" },
    { name: "bytes", type: "bytes" },
    { name: "fixed", type: { type: "fixed", name: "Three", size: 3 } },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["one", "two"] } },
    { name: "maybe", type: ["null", "string", "long", "bytes"] },
    { name: "numbers", type: { type: "array", items: "int" } },
    { name: "byName", type: { type: "map", values: ["null", "double"] } },
    { name: "preset", type: "int", default: 7 },
    { name: "children", type: { type: "array", items: "Everything" } },
  ],
};
const codec = codecOf<Record<string, unknown>>("everything", SCHEMA);
const theirs = avro.Type.forSchema(SCHEMA as avro.Schema, { wrapUnions: "never" });

const int = fc.integer();
const safe = fc.oneof(
  int,
  fc.maxSafeInteger(),
  fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53, 2 ** 31, -(2 ** 31) - 1),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "é".repeat(80), "r00001".repeat(40)),
);
const buffer = (size: fc.IntArrayConstraints) => fc.uint8Array(size).map((bytes) => Buffer.from(bytes));
const ofLongs = (long: fc.Arbitrary<number>) =>
  fc.letrec<{ everything: Record<string, unknown> }>((tie) => ({
    everything: fc.record({
      text,
      int,
      long,
      float: fc.float(),
      double: fc.double(),
      flag: fc.boolean(),
      bytes: buffer({}),
      fixed: buffer({ minLength: 3, maxLength: 3 }),
      kind: fc.constantFrom("one", "two"),
      maybe: fc.oneof(fc.constant(null), text, long, buffer({})),
      numbers: fc.array(int),
      byName: fc.dictionary(
        text.filter((key) => key !== "__proto__"),
        fc.option(fc.double()),
      ),
      preset: int,
      children: fc.oneof(
        { depthSize: "small" },
        fc.constant([]),
        fc.array(tie("everything"), { maxLength: 2 }),
      ),
    }),
  })).everything;

const everything = (change: object) => ({
  text: "a",
  int: 1,
  long: 1,
  float: 1,
  double: 1,
  flag: true,
  bytes: Buffer.of(1),
  fixed: Buffer.alloc(3),
  kind: "one",
  maybe: null,
  numbers: [],
  byName: {},
  preset: 1,
  children: [],
  ...change,
});

describe("a compiled encoder", () => {
  it("writes what avsc writes, of all that avsc writes right", () => {
    fc.assert(
      fc.property(ofLongs(fc.integer({ min: -(2 ** 52), max: 2 ** 52 })), (value) => {
        expect(codec.encode(value)).toEqual(theirs.toBuffer(value));
      }),
    );
  });

  it("comes back as it was, every long a JavaScript number holds exactly among it", () => {
    fc.assert(
      fc.property(ofLongs(safe), (value) => {
        const same = (a: unknown) =>
          JSON.stringify(a, (_, held) =>
            typeof held === "number" ? (Object.is(held, -0) ? 0 : `${held}`) : held,
          );
        expect(same(codec.decode(codec.encode(value)))).toBe(same(value));
      }),
    );
  });

  it("writes nothing beyond the buffer, says how much is missing, and counts no less when it only looks", () => {
    const encoder = compileEncoder("everything", avroType(SCHEMA));
    fc.assert(
      fc.property(ofLongs(safe), fc.double({ min: 0, max: 1, noNaN: true }), (value, share) => {
        const bytes = codec.encode(value);
        const room = Math.floor(share * bytes.length);
        const around = Buffer.alloc(room + 100, 0xee);
        const end = encoder.write(value, around.subarray(0, room), 0);
        expect(end).toBe(room >= bytes.length ? bytes.length : room - bytes.length);
        expect(around.subarray(room)).toEqual(Buffer.alloc(100, 0xee));
        expect(codec.check(value)).toBeGreaterThanOrEqual(bytes.length);
      }),
    );
  });

  it("agrees with avsc on which values of one type are none of another", () => {
    const types = [
      "null",
      "boolean",
      "int",
      "float",
      "double",
      "string",
      { type: "array", items: "int" },
      { type: "map", values: "int" },
    ];
    const any = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        0.5,
        2 ** 31,
        -(2 ** 31),
        "",
        "a",
        [],
        [1],
        {},
        { a: 1 },
        undefined,
        [null],
        { a: "b" },
      ),
      fc.double({ noNaN: true, min: -3e38, max: 3e38 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), any, (schema, value) => {
        const fits = avro.Type.forSchema(schema as avro.Schema).isValid(value);
        const check = () => codecOf("value", schema).check(value);
        if (fits) expect(check()).toBeGreaterThanOrEqual(0);
        else expect(check).toThrow("value: ");
      }),
    );
  });

  it.each<[string, object, string]>([
    ["a fraction in an int", { int: 0.5 }, "int is 0.5, not an int"],
    ["NaN in an int", { int: Number.NaN }, "int is NaN, not an int"],
    ["33 bits in an int", { int: 2 ** 31 }, "int is 2147483648, not an int"],
    ["NaN in a long", { long: Number.NaN }, "long is NaN, not a long"],
    ["an infinity in a long", { long: Number.POSITIVE_INFINITY }, "long is Infinity, not a long"],
    ["a long that is not exact", { long: 2 ** 53 }, "long is 9007199254740992, not a long"],
    ["a bigint", { long: 1n }, "long is 1n, not a long"],
    ["a bigint in an int", { int: 1n }, "int is 1n, not an int"],
    ["a float beyond its range", { float: 1e300 }, "float is 1e+300, not a float"],
    ["half of a surrogate pair", { text: "Ann\ud83d" }, "text is"],
    ["half of one in a long text", { text: `${"x".repeat(500)}\ud83d` }, "half of a surrogate pair"],
    [
      "half of one in a key of a map",
      { byName: { "a\udc00": 1 } },
      "a key of byName has half of a surrogate pair",
    ],
    ["nothing", { text: undefined }, "text is undefined, not a string"],
    ["nothing in a union", { maybe: undefined }, "maybe is undefined, not one of null, string, long, bytes"],
    ["a symbol that there is not", { kind: "three" }, 'kind is "three", not one of one, two'],
    ["bytes of another length", { fixed: Buffer.alloc(4) }, "fixed is 4 bytes, not 3 bytes"],
    ["nothing in a list", { numbers: [1, undefined, 3] }, "numbers[1] is undefined, not an int"],
    [
      "a misfit far down",
      { children: [everything({}), everything({ byName: { a: "b" } })] },
      'children[1].byName["a"] is "b", not one of null, double',
    ],
    ["a record that is none", { children: [3] }, "children[0] is 3, not a Everything"],
  ])("refuses %s, and says where and what", (_what, change, message) => {
    expect(() => codec.encode(everything(change))).toThrow(message);
    expect(() => codec.check(everything(change))).toThrow(message);
    expect(() => codec.check(everything(change))).toThrow("everything: ");
  });

  it("refuses a value that holds itself", () => {
    const children: unknown[] = [];
    const circle = everything({ children });
    children.push(circle);
    expect(() => codec.check(circle)).toThrow("nested too deep");
    expect(() => codec.encode(circle)).toThrow("nested too deep");
  });

  it("takes a field that is left out for its default", () => {
    expect(codec.decode(codec.encode(everything({ preset: undefined })))).toMatchObject({ preset: 7 });
  });

  it("encodes what is larger than any buffer it kept, and after it what is small", () => {
    const large = everything({
      text: "é".repeat(2_000_000),
      numbers: Array.from({ length: 300_000 }, (_, i) => i),
    });
    expect(codec.decode(codec.encode(large))).toEqual(large);
    expect(codec.decode(codec.encode(everything({})))).toEqual(everything({}));
  });
});
