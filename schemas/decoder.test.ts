import avro from "avsc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AvroType, avroType } from "./avro-type.ts";
import { compileDecoder } from "./decoder.ts";

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
    { name: "maybe", type: ["null", "string", "long"] },
    { name: "numbers", type: { type: "array", items: "int" } },
    { name: "byName", type: { type: "map", values: "double" } },
    { name: "children", type: { type: "array", items: "Everything" } },
  ],
};
const type = avro.Type.forSchema(SCHEMA as avro.Schema, { wrapUnions: "never" });
const decode = compileDecoder("everything", avroType(SCHEMA));
const decoderOf = (name: string, of: avro.Type) => compileDecoder(name, of as unknown as AvroType);

const int = fc.integer();
/** All that avsc writes. */
const long = fc.integer({ min: 2 - 2 ** 53, max: 2 ** 53 - 2 });
const buffer = (size: fc.IntArrayConstraints) => fc.uint8Array(size).map((bytes) => Buffer.from(bytes));
const { everything } = fc.letrec<{ everything: Record<string, unknown> }>((tie) => ({
  everything: fc.record({
    text: fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("r00001", "r00002", "")),
    int,
    long,
    float: fc.float({ noNaN: true }),
    double: fc.double({ noNaN: true }),
    flag: fc.boolean(),
    bytes: buffer({}),
    fixed: buffer({ minLength: 3, maxLength: 3 }),
    kind: fc.constantFrom("one", "two"),
    maybe: fc.oneof(fc.constant(null), fc.string(), long),
    numbers: fc.array(int),
    byName: fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      fc.double({ noNaN: true }),
    ),
    children: fc.oneof(
      { depthSize: "small" },
      fc.constant([]),
      fc.array(tie("everything"), { maxLength: 2 }),
    ),
  }),
}));

/** avsc makes instances of its own classes; what counts is what is in them. */
const plain = (value: unknown): unknown => structuredClone(value);

describe("a compiled decoder", () => {
  it("gives what avsc gives, anywhere in a larger buffer", () => {
    fc.assert(
      fc.property(everything, fc.nat(40), fc.nat(40), (value, before, after) => {
        const bytes = type.toBuffer(value);
        const large = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(after, 0xff)]);
        const decoded = decode(large, before, before + bytes.length);
        expect(plain(decoded)).toEqual(plain(type.fromBuffer(bytes)));
        expect(type.toBuffer(decoded)).toEqual(bytes);
      }),
    );
  });

  it("refuses a value that is cut off at any byte, or longer than it is", () => {
    fc.assert(
      fc.property(
        everything,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (value, share) => {
          const bytes = type.toBuffer(value);
          const end = Math.floor(share * bytes.length);
          expect(() => decode(bytes, 0, end)).toThrow("everything: ");
          expect(() => decode(bytes.subarray(0, end), 0, end)).toThrow("everything: ");
          expect(() => decode(Buffer.concat([bytes, Buffer.alloc(1)]), 0, bytes.length + 1)).toThrow(
            "1 bytes too many",
          );
        },
      ),
    );
  });

  it("ends with an error, at once, on bytes that mean nothing", () => {
    fc.assert(
      fc.property(buffer({ maxLength: 400 }), (bytes) => {
        let decoded: unknown;
        try {
          decoded = decode(bytes, 0, bytes.length);
        } catch (error) {
          expect((error as Error).message).toMatch(/^everything: /);
          return;
        }
        expect(plain(decoded)).toEqual(plain(type.fromBuffer(bytes)));
      }),
      { numRuns: 1_000 },
    );
  });

  it("does not make room for a count that the bytes cannot hold", () => {
    const numbers = avro.Type.forSchema({ type: "array", items: "int" });
    const count = avro.Type.forSchema("long").toBuffer(2 ** 40);
    expect(() => decoderOf("numbers", numbers)(count, 0, count.length)).toThrow("truncated");
  });

  it("reads what an array's blocks say of their size", () => {
    const numbers = avro.Type.forSchema({ type: "array", items: "int" });
    // Two items in a block of two bytes, one in a plain block, the end.
    const bytes = Buffer.from([3, 4, 2, 4, 2, 6, 0]);
    expect(decoderOf("numbers", numbers)(bytes, 0, bytes.length)).toEqual([1, 2, 3]);
  });

  it("refuses an int of more than 32 bits, with its field", () => {
    const long = avro.Type.forSchema({ type: "record", name: "R", fields: [{ name: "a", type: "long" }] });
    const int = avro.Type.forSchema({ type: "record", name: "R", fields: [{ name: "a", type: "int" }] });
    for (const a of [2 ** 31 - 1, -(2 ** 31)]) {
      const bytes = long.toBuffer({ a });
      expect(decoderOf("record", int)(bytes, 0, bytes.length)).toEqual({ a });
    }
    for (const a of [2 ** 31, -(2 ** 31) - 1, 2 ** 40]) {
      const bytes = long.toBuffer({ a });
      expect(() => decoderOf("record", int)(bytes, 0, bytes.length)).toThrow(
        "record: R.a is a number beyond 32 bits",
      );
    }
  });

  it("refuses a number that JavaScript cannot hold", () => {
    const long64 = avro.Type.forSchema("long");
    const bytes = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    expect(() => decoderOf("number", long64)(bytes, 0, bytes.length)).toThrow("number: ");
  });

  it("keeps texts apart that hash alike or differ in one byte", () => {
    const text = avro.Type.forSchema("string");
    const read = decoderOf("text", text);
    const texts = ["Aa", "BB", "AaAa", "BBBB", "AaBB", "r00001", "r00002", "é", "Ã©", "", "\0"];
    for (let round = 0; round < 3; round++) {
      for (const each of texts) {
        const bytes = text.toBuffer(each);
        expect(read(bytes, 0, bytes.length)).toBe(each);
      }
    }
  });

  it("reads lists of values that have no bytes, up to a number", () => {
    const nulls = avro.Type.forSchema({ type: "array", items: "null" });
    const bytes = nulls.toBuffer([null, null, null]);
    expect(decoderOf("nulls", nulls)(bytes, 0, bytes.length)).toEqual([null, null, null]);
    const count = avro.Type.forSchema("long").toBuffer(2 ** 30);
    expect(() => decoderOf("nulls", nulls)(count, 0, count.length)).toThrow("truncated");
  });

  it("refuses a text that is no UTF-8, with its field, wherever it stands and however long it is", () => {
    const text = avro.Type.forSchema({ type: "record", name: "R", fields: [{ name: "a", type: "string" }] });
    for (const before of [0, 100]) {
      const bytes = Buffer.concat([
        Buffer.from([2 * (before + 2)].flatMap((n) => (n > 127 ? [(n & 127) | 128, n >> 7] : [n]))),
        Buffer.alloc(before, 97),
        Buffer.from([0xc3, 0x28]),
      ]);
      expect(() => decoderOf("record", text)(bytes, 0, bytes.length)).toThrow(
        "record: R.a is a text that is no UTF-8",
      );
    }
    const replacement = text.toBuffer({ a: "\ufffd" });
    expect(decoderOf("record", text)(replacement, 0, replacement.length)).toEqual({ a: "\ufffd" });
  });

  it("gives a map whatever keys it has", () => {
    const map = avro.Type.forSchema({ type: "map", values: "int" });
    const bytes = Buffer.from([2, 18, ...Buffer.from("__proto__"), 14, 0]);
    expect(Object.entries(decoderOf("map", map)(bytes, 0, bytes.length) as object)).toEqual([
      ["__proto__", 7],
    ]);
  });
});
