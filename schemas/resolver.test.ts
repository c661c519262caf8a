import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { codecOf } from "./codec.ts";

const record = (...fields: object[]) => ({ type: "record", name: "R", fields });
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });
const a = (type: unknown, more: object = {}) => record(field("a", type, more));
const enumOf = (symbols: string[], more: object = {}) => ({ type: "enum", name: "E", symbols, ...more });
const list = (items: unknown) => ({ type: "array", items });
const map = (values: unknown) => ({ type: "map", values });
const fixed = (size: number, name = "F") => ({ type: "fixed", name, size });

const read = (writer: unknown, reader: unknown, value: unknown): unknown =>
  codecOf("r", reader).reading(JSON.stringify(writer)).decode(codecOf("w", writer).encode(value));

describe("what was written with one schema is read with another", () => {
  test.each<[string, unknown, unknown, unknown, unknown]>([
    ["int as long", "int", "long", -5, -5],
    ["int as float", "int", "float", 2 ** 24 + 1, 2 ** 24],
    ["int as double", "int", "double", 5, 5],
    ["long as float", "long", "float", 2 ** 40, 2 ** 40],
    ["long as double, whole range", "long", "double", 2 ** 53 - 1, 2 ** 53 - 1],
    ["float as double", "float", "double", 0.5, 0.5],
    ["string as bytes", "string", "bytes", "é", Buffer.from("é")],
    ["bytes as string", "bytes", "string", Buffer.from("é"), "é"],
    [
      "a field added, with a default",
      a("int"),
      record(field("b", list("int"), { default: [1] }), field("a", "int")),
      { a: 5 },
      { b: [1], a: 5 },
    ],
    [
      "a field added, default of a union's first branch",
      a("int"),
      record(field("a", "int"), field("b", ["int", "null"], { default: 7 })),
      { a: 5 },
      { a: 5, b: 7 },
    ],
    [
      "a record added",
      a("int"),
      record(
        field("a", "int"),
        field(
          "b",
          { type: "record", name: "B", fields: [field("x", "bytes")] },
          { default: { x: "\u0001" } },
        ),
      ),
      { a: 5 },
      { a: 5, b: { x: Buffer.of(1) } },
    ],
    [
      "fields removed, of every type",
      record(
        field("x", "string"),
        field("a", "int"),
        field("y", map(list(["null", "long"]))),
        field("z", fixed(3)),
        field("e", enumOf(["X"])),
      ),
      a("int"),
      { x: "x", a: 5, y: { k: [null, 2 ** 40] }, z: Buffer.alloc(3), e: "X" },
      { a: 5 },
    ],
    [
      "fields in another order",
      record(field("a", "int"), field("b", "string")),
      record(field("b", "string"), field("a", "long")),
      { a: 5, b: "x" },
      { b: "x", a: 5 },
    ],
    ["an alias of a field", a("int"), record(field("b", "long", { aliases: ["a"] })), { a: 5 }, { b: 5 }],
    ["an alias of a record", a("int"), { ...a("int"), name: "Q", aliases: ["R"] }, { a: 5 }, { a: 5 }],
    [
      "another namespace",
      { ...a("int"), namespace: "one" },
      { ...a("int"), namespace: "two" },
      { a: 5 },
      { a: 5 },
    ],
    ["made optional", a("int"), a(["null", "int"]), { a: 5 }, { a: 5 }],
    ["made optional and wider", a("int"), a(["null", "long"]), { a: 5 }, { a: 5 }],
    ["made required, where no null was kept", a(["null", "int"]), a("int"), { a: 5 }, { a: 5 }],
    ["made required and wider", a(["null", "int"]), a("double"), { a: 5 }, { a: 5 }],
    [
      "a union's branches in another order",
      a(["null", "int", "string"]),
      a(["string", "null", "int"]),
      { a: "x" },
      { a: "x" },
    ],
    ["a branch more", a(["null", "int"]), a(["string", "null", "int"]), { a: null }, { a: null }],
    [
      "a branch less, which was not kept",
      a(["null", "int", "string"]),
      a(["null", "int"]),
      { a: 5 },
      { a: 5 },
    ],
    [
      "of a union the very type, before what it can become",
      a("string"),
      a(["bytes", "string"]),
      { a: "x" },
      { a: "x" },
    ],
    ["of a union what it can become", a("string"), a(["null", "bytes"]), { a: "x" }, { a: Buffer.from("x") }],
    ["optional items of a list", list("int"), list(["null", "long"]), [1, 2], [1, 2]],
    ["optional items of a list, back", list(["null", "int"]), list("int"), [1, 2], [1, 2]],
    ["values of a map", map(["null", "int"]), map("double"), { x: 1 }, { x: 1 }],
    [
      "records in a list in a map",
      map(list(a(["null", "int"]))),
      map(list(record(field("a", "long"), field("b", "string", { default: "" })))),
      { x: [{ a: 1 }] },
      { x: [{ a: 1, b: "" }] },
    ],
    ["symbols in another order", enumOf(["X", "Y"]), enumOf(["Y", "X"]), "Y", "Y"],
    [
      "a symbol more, of the writer, and a default",
      enumOf(["X", "Y", "Z"]),
      enumOf(["Y", "X"], { default: "X" }),
      "Z",
      "X",
    ],
    ["a fixed", fixed(2), fixed(2), Buffer.of(1, 2), Buffer.of(1, 2)],
    ["a logical type as its number", { type: "long", logicalType: "timestamp-millis" }, "long", 5, 5],
    ["a number as a logical type", "int", { type: "long", logicalType: "timestamp-millis" }, 5, 5],
    [
      "a record that holds its own kind",
      record(field("n", "int"), field("next", ["null", "R"])),
      record(field("next", ["null", "R"]), field("n", "long"), field("more", "int", { default: 1 })),
      { n: 1, next: { n: 2, next: null } },
      { next: { next: null, n: 2, more: 1 }, n: 1, more: 1 },
    ],
  ])("%s", (_what, writer, reader, value, expected) => {
    expect(read(writer, reader, value)).toEqual(expected);
  });

  test.each<[string, unknown, unknown, unknown, string]>([
    [
      "a null that was kept",
      a(["null", "int"]),
      a("int"),
      { a: null },
      "R.a is null in what was written, int now",
    ],
    [
      "a branch that is no more",
      a(["null", "string"]),
      a(["null", "int"]),
      { a: "x" },
      "R.a is string in what was written, [null, int] now",
    ],
    [
      "a symbol that is no more",
      enumOf(["X", "Y"]),
      enumOf(["X"]),
      "Y",
      "a symbol that the schema does not have",
    ],
    [
      "bytes that are no text",
      a("bytes"),
      a("string"),
      { a: Buffer.of(0xff) },
      "R.a is a text that is no UTF-8",
    ],
  ])("refused when it comes: %s", (_what, writer, reader, value, message) => {
    const codec = codecOf("r", reader).reading(JSON.stringify(writer));
    expect(() => codec.decode(codecOf("w", writer).encode(value))).toThrow(message);
  });

  test.each<[string, unknown, unknown, string]>([
    ["a narrower number", a("long"), a("int"), "R.a is long in what was written, int now"],
    ["a text as a number", a("string"), a("int"), "R.a is string in what was written, int now"],
    [
      "a field without default",
      a("int"),
      record(field("a", "int"), field("b", "int")),
      "R.b is not in what was written, and has no default",
    ],
    [
      "a record of another name",
      a("int"),
      { ...a("int"), name: "Q" },
      "the value is R in what was written, Q now",
    ],
    ["a fixed of another size", a(fixed(2)), a(fixed(3)), "R.a is F in what was written, F now"],
    [
      "a union none of whose branches fits",
      a(["null", "string"]),
      a("int"),
      "R.a is string in what was written, int now",
    ],
  ])("refused at once: %s", (_what, writer, reader, message) => {
    expect(() => codecOf("r", reader).reading(JSON.stringify(writer))).toThrow(`r: ${message}`);
  });

  it("refuses a long that is not exact in JavaScript, with the field's name, also one that is left out", () => {
    const bytes = Buffer.alloc(8, 0xff);
    const long = Buffer.concat([bytes, Buffer.of(0x7f, 0)]);
    const writer = JSON.stringify(record(field("a", "long"), field("b", "int")));
    expect(() => codecOf("r", JSON.parse(writer)).decode(long)).toThrow("r: R.a is a number beyond 2^53 - 1");
    expect(() => codecOf("r", a("double")).reading(writer).decode(long)).toThrow(
      "r: R.a is a number beyond 2^53 - 1",
    );
    expect(() => codecOf("r", a("long")).reading(writer).decode(long)).toThrow(
      "r: R.a is a number beyond 2^53 - 1",
    );
  });

  it("makes a default anew for each value", () => {
    const codec = codecOf<{ b: number[] }>("r", record(field("b", list("int"), { default: [] }))).reading(
      JSON.stringify(record()),
    );
    codec.decode(Buffer.alloc(0)).b.push(1);
    expect(codec.decode(Buffer.alloc(0))).toEqual({ b: [] });
  });
});

// --- held against the rules of the specification, written plainly ------------------------------------------------------

type Schema =
  | string
  | Schema[]
  | {
      type: string;
      name?: string;
      fields?: { name: string; type: Schema; default?: unknown }[];
      items?: Schema;
      values?: Schema;
      symbols?: string[];
      default?: string;
      size?: number;
    };

const NO = Symbol("cannot be read");
const kindOf = (schema: Schema): string =>
  typeof schema === "string" ? schema : Array.isArray(schema) ? "union" : schema.type;
const PROMOTIONS = [
  "int long",
  "int float",
  "int double",
  "long float",
  "long double",
  "float double",
  "string bytes",
  "bytes string",
];

/** Which branch of a union a value was written as. */
function branchOf(union: Schema[], value: unknown): Schema {
  const looks =
    value === null
      ? ["null"]
      : Array.isArray(value)
        ? ["array"]
        : Buffer.isBuffer(value)
          ? ["bytes", "fixed"]
          : {
              boolean: ["boolean"],
              number: ["int", "long", "float", "double"],
              string: ["string", "enum"],
              object: ["record", "map"],
            }[typeof value as "boolean"];
  return union.find((branch) => looks.includes(kindOf(branch)))!;
}

/** "Schema Resolution" of the specification, over values instead of bytes. */
function resolved(writer: Schema, reader: Schema, value: unknown): unknown {
  if (Array.isArray(writer)) return resolved(branchOf(writer, value), reader, value);
  if (Array.isArray(reader)) {
    const exact = reader.filter((branch) => kindOf(branch) === kindOf(writer));
    for (const branch of [...exact, ...reader.filter((branch) => !exact.includes(branch))]) {
      const read = resolved(writer, branch, value);
      if (read !== NO) return read;
    }
    return NO;
  }
  const [from, to] = [kindOf(writer), kindOf(reader)];
  if (from !== to) {
    if (!PROMOTIONS.includes(`${from} ${to}`)) return NO;
    if (to === "bytes") return Buffer.from(value as string);
    if (to === "string") return (value as Buffer).toString();
    return to === "float" ? Math.fround(value as number) : value;
  }
  if (typeof writer === "string" || typeof reader === "string") return value;
  switch (to) {
    case "array": {
      const items = (value as unknown[]).map((item) => resolved(writer.items!, reader.items!, item));
      return items.includes(NO) ? NO : items;
    }
    case "map": {
      const entries = Object.entries(value as object).map(([key, held]) => [
        key,
        resolved(writer.values!, reader.values!, held),
      ]);
      return entries.some(([, held]) => held === NO) ? NO : Object.fromEntries(entries);
    }
    case "enum":
      return reader.symbols!.includes(value as string) ? value : (reader.default ?? NO);
    case "fixed":
      return writer.size === reader.size ? value : NO;
    default: {
      const read = reader.fields!.map(({ name, type, default: preset = NO }) => {
        const written = writer.fields!.find((candidate) => candidate.name === name);
        return [
          name,
          written ? resolved(written.type, type, (value as Record<string, unknown>)[name]) : preset,
        ];
      });
      return read.some(([, held]) => held === NO) ? NO : Object.fromEntries(read);
    }
  }
}

let names = 0;
const leaf = fc.constantFrom<Schema>(
  "null",
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "string",
  "bytes",
  { type: "enum", name: "E", symbols: ["X", "Y", "Z"] },
  { type: "fixed", name: "F", size: 2 },
);
/** Each name once in a schema: names say what belongs together, by where it stands. */
const { schema: schemas } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    tie("schema").map((items): Schema => ({ type: "array", items })),
    tie("schema").map((values): Schema => ({ type: "map", values })),
    fc
      .tuple(
        fc.constantFrom<Schema>("null", "string"),
        fc.constantFrom<Schema>("int", "long", "boolean", "bytes"),
        fc.boolean(),
      )
      .map(([x, y, turned]): Schema => (turned ? [y, x] : [x, y])),
    fc.array(tie("schema"), { maxLength: 4 }).map(
      (types): Schema => ({
        type: "record",
        fields: types.map((type, index) => ({ name: `f${index}`, type })),
      }),
    ),
  ),
}));

/** What an author might make of a schema, good or bad. */
function evolved(schema: Schema, draw: (most: number) => number): Schema {
  const turn = draw(12);
  if (turn === 0 && !Array.isArray(schema) && kindOf(schema) !== "null")
    return draw(1) ? ["null", schema] : [schema, "null"];
  if (turn === 1 && schema === "int") return ["long", "float", "double"][draw(2)]!;
  if (turn === 2 && schema === "string") return "bytes";
  if (turn === 3 && schema === "bytes") return "string";
  if (Array.isArray(schema))
    return turn < 4
      ? schema[draw(1)]!
      : turn < 7
        ? schema.toReversed()
        : schema.map((branch) => (branch === "int" && draw(1) ? "long" : branch));
  if (typeof schema === "string") return schema;
  switch (schema.type) {
    case "array":
      return { ...schema, items: evolved(schema.items!, draw) };
    case "map":
      return { ...schema, values: evolved(schema.values!, draw) };
    case "enum":
      return { ...schema, symbols: schema.symbols!.slice(draw(1)), ...(draw(1) && { default: "Z" }) };
    case "fixed":
      return { ...schema, size: 2 + (draw(5) === 0 ? 1 : 0) };
    default: {
      const kept = schema
        .fields!.filter(() => draw(5) > 0)
        .map(({ name, type }) => ({ name, type: evolved(type, draw) }));
      const added =
        draw(2) === 0 ? [{ name: "added", type: "int" as Schema, ...(draw(3) > 0 && { default: 9 }) }] : [];
      return { ...schema, fields: draw(1) ? [...added, ...kept] : [...kept.toReversed(), ...added] };
    }
  }
}

/** Names by where a type stands in the schema it came from: the same before and after. */
function withNames(schema: Schema, path: string): Schema {
  if (Array.isArray(schema)) return schema.map((branch) => withNames(branch, path));
  if (typeof schema === "string") return schema;
  const name = ["record", "enum", "fixed"].includes(schema.type) ? { name: `${schema.type}_${path}` } : {};
  return {
    ...schema,
    ...name,
    ...(schema.items !== undefined && { items: withNames(schema.items, `${path}i`) }),
    ...(schema.values !== undefined && { values: withNames(schema.values, `${path}v`) }),
    ...(schema.fields && {
      fields: schema.fields.map((each) => ({ ...each, type: withNames(each.type, `${path}_${each.name}`) })),
    }),
  };
}

function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema)) return fc.oneof(...schema.map(valuesOf));
  switch (kindOf(schema)) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "int":
      return fc.integer();
    case "long":
      return fc.maxSafeInteger();
    case "float":
      return fc.float({ noNaN: true });
    case "double":
      return fc.double({ noNaN: true });
    case "string":
      return fc.string({ unit: "binary", maxLength: 5 });
    case "bytes":
      return fc.string({ unit: "binary", maxLength: 5 }).map((text) => Buffer.from(text));
  }
  if (typeof schema === "string") throw new Error(schema);
  switch (schema.type) {
    case "enum":
      return fc.constantFrom(...schema.symbols!);
    case "fixed":
      return fc.constant(Buffer.of(1, 2));
    case "array":
      return fc.array(valuesOf(schema.items!), { maxLength: 3 });
    case "map":
      return fc.dictionary(fc.constantFrom("x", "y"), valuesOf(schema.values!), { noNullPrototype: true });
    default:
      return fc.record(Object.fromEntries(schema.fields!.map(({ name, type }) => [name, valuesOf(type)])), {
        noNullPrototype: true,
      });
  }
}

it("does with random schemas and values what the specification says", () => {
  const seen = { read: 0, refused: 0 };
  const evolution = schemas.chain((schema) => {
    const writer = withNames(schema, `r${names++}`);
    return fc.tuple(fc.constant(writer), valuesOf(writer), fc.infiniteStream(fc.nat()));
  });
  fc.assert(
    fc.property(evolution, ([writer, value, stream]) => {
      const reader = evolved(writer, (most) => stream.next().value % (most + 1));
      const expected = resolved(writer, reader, value);
      let got: unknown;
      try {
        got = read(writer, reader, value);
      } catch (error) {
        // What can never be read is refused whatever the value: a list may be empty.
        if (expected !== NO) expect((error as Error).message).toMatch(/in what was written/);
        seen.refused++;
        return;
      }
      seen.read++;
      expect(got).toEqual(expected);
    }),
    { numRuns: 3_000 },
  );
  expect(seen.read).toBeGreaterThan(1_000);
  expect(seen.refused).toBeGreaterThan(50);
});
