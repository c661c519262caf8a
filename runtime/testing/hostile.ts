/**
 * Hostile values, by the type of an Avro schema: what a JavaScript author can hold where TypeScript says `number` or `string`, and
 * what a sender can put on a topic. Each is one value that is strange in one place, ordinary in all others, so that what breaks
 * can be blamed on it.
 *
 * For random jobs, and for tests of every door: a door refuses such a value with its reason, sets it apart, or carries it; nobody
 * else's result changes by it.
 */
import type { Codec } from "../../schemas/codec.ts";

export interface HostileValue {
  /** Where and what, such as `heartRates[0].bpm: NaN`. Unique among the values of one schema. */
  readonly name: string;
  readonly value: unknown;
}

/** Bytes of a value that its codec takes, as a sender puts them on a topic. */
export interface HostileBytes {
  readonly name: string;
  readonly bytes: Buffer;
}

type Schema = string | readonly Schema[] | { readonly type: Schema; readonly [property: string]: unknown };
type Field = { readonly name: string; readonly type: Schema; readonly default?: unknown };

/** @param schema an Avro schema: parsed, or as JSON text (`codec.schema`). */
export function hostileValues(schema: unknown): readonly HostileValue[] {
  const types = new Types();
  return types
    .hostile(parsed(schema), 0)
    .map(({ name, value }) => ({ name: name.replace(/^\./, ""), value }));
}

/** An ordinary value of a schema: short texts, small numbers, the first symbol, no list longer than one. */
export function ordinaryValue(schema: unknown): unknown {
  return new Types().ordinary(parsed(schema), 0);
}

/** Those of a codec's hostile values that it encodes, so that they reach who reads the topic. */
export function hostileBytes<T>(codec: Codec<T>): readonly HostileBytes[] {
  return hostileValues(codec.schema).flatMap(({ name, value }) => {
    try {
      return [{ name, bytes: codec.encode(value as T) }];
    } catch {
      return [];
    }
  });
}

const MEGABYTE = 1 << 20;
const YEAR_2999_MS = Date.UTC(2999, 11, 31);
const YEAR_1900_MS = Date.UTC(1900, 0, 1);

const NUMBERS: readonly HostileValue[] = [
  { name: "NaN", value: Number.NaN },
  { name: "Infinity", value: Number.POSITIVE_INFINITY },
  { name: "-Infinity", value: Number.NEGATIVE_INFINITY },
  { name: "-0", value: -0 },
  { name: "0, which as a time is 1970", value: 0 },
  { name: "-1", value: -1 },
  { name: "a text", value: "1" },
  { name: "null", value: null },
  { name: "undefined", value: undefined },
];

const INTEGERS: readonly HostileValue[] = [
  ...NUMBERS,
  { name: "0.5", value: 0.5 },
  { name: "2^31 - 1", value: 2 ** 31 - 1 },
  { name: "-2^31", value: -(2 ** 31) },
  { name: "2^31", value: 2 ** 31 },
  { name: "-2^31 - 1", value: -(2 ** 31) - 1 },
];

const LONGS: readonly HostileValue[] = [
  ...INTEGERS,
  { name: "the year 1900", value: YEAR_1900_MS },
  { name: "the year 2999", value: YEAR_2999_MS },
  { name: "2^53 - 1", value: Number.MAX_SAFE_INTEGER },
  { name: "-2^53 + 1", value: Number.MIN_SAFE_INTEGER },
  { name: "2^53", value: 2 ** 53 },
  { name: "2^63", value: 2 ** 63 },
  { name: "a bigint", value: 1n },
];

const REALS: readonly HostileValue[] = [
  ...NUMBERS,
  { name: "0.1 + 0.2", value: 0.1 + 0.2 },
  { name: "the largest double", value: Number.MAX_VALUE },
  { name: "the largest double, negative", value: -Number.MAX_VALUE },
  { name: "the smallest double", value: Number.MIN_VALUE },
  { name: "2^53 + 2", value: 2 ** 53 + 2 },
  { name: "the year 2999", value: YEAR_2999_MS },
];

const TEXTS: readonly HostileValue[] = [
  { name: "empty", value: "" },
  { name: "a blank", value: " " },
  { name: "the first half of a surrogate pair", value: "Ann\ud83d" },
  { name: "the second half of a surrogate pair", value: "\ude00Ann" },
  { name: "U+FFFD", value: "\ufffd" },
  { name: "a NUL", value: "a\0b" },
  { name: "line ends", value: "a\r\nb\u2028c" },
  { name: "an escape of a terminal", value: "\u001b[2J\u001b]0;title\u0007" },
  { name: "written from right to left", value: "\u202egnp.exe" },
  { name: "composed otherwise than it looks", value: "e\u0301" },
  { name: "__proto__", value: "__proto__" },
  { name: "constructor", value: "constructor" },
  { name: "a path", value: "../../etc/passwd" },
  { name: "HTML", value: "<img src=x onerror=alert(1)>" },
  { name: "SQL", value: "'; DROP TABLE results; --" },
  { name: "a formula", value: "=1+1" },
  { name: "NaN as a text", value: "NaN" },
  { name: "a megabyte", value: "x".repeat(MEGABYTE) },
  { name: "a number", value: 1 },
  { name: "null", value: null },
  { name: "undefined", value: undefined },
];

const PRIMITIVES: Readonly<
  Record<string, { readonly ordinary: unknown; readonly hostile: readonly HostileValue[] }>
> = {
  null: { ordinary: null, hostile: [{ name: "undefined", value: undefined }] },
  boolean: {
    ordinary: true,
    hostile: [
      { name: "a text", value: "false" },
      { name: "0", value: 0 },
      { name: "null", value: null },
      { name: "undefined", value: undefined },
    ],
  },
  int: { ordinary: 1, hostile: INTEGERS },
  long: { ordinary: 1, hostile: LONGS },
  float: { ordinary: 1.5, hostile: REALS },
  double: { ordinary: 1.5, hostile: REALS },
  string: { ordinary: "a", hostile: TEXTS },
  bytes: {
    ordinary: Buffer.from("a"),
    hostile: [
      { name: "empty", value: Buffer.alloc(0) },
      { name: "a megabyte", value: Buffer.alloc(MEGABYTE) },
      { name: "not UTF-8", value: Buffer.from([0xff, 0xfe, 0x00]) },
      { name: "a text", value: "a" },
      { name: "null", value: null },
    ],
  },
};

/** How deep a schema that holds itself is followed. */
const DEPTH_MAX = 6;
/** More items than a count in one byte says. */
const MANY = 1_000;

class Types {
  /** Named types met so far: a schema refers to them by name. */
  readonly #named = new Map<string, Schema>();

  hostile(schema: Schema, depth: number): readonly HostileValue[] {
    if (depth > DEPTH_MAX) return [];
    if (Array.isArray(schema)) return this.#ofUnion(schema as readonly Schema[], depth);
    const type = this.#resolved(schema);
    if (typeof type === "string") return PRIMITIVES[type]?.hostile ?? unknownType(type);
    switch (type.type) {
      case "record":
        return this.#ofRecord(type, depth);
      case "array":
        return this.#ofArray(type.items as Schema, depth);
      case "map":
        return this.#ofMap(type.values as Schema, depth);
      case "enum":
        return [
          { name: ": a symbol that it does not have", value: "no_such_symbol" },
          { name: ": constructor", value: "constructor" },
          { name: ": a number", value: 0 },
          { name: ": null", value: null },
        ];
      case "fixed":
        return [
          { name: ": too short", value: Buffer.alloc(Number(type.size) - 1) },
          { name: ": too long", value: Buffer.alloc(Number(type.size) + 1) },
        ];
      default:
        return this.hostile(type.type, depth);
    }
  }

  ordinary(schema: Schema, depth: number): unknown {
    if (Array.isArray(schema))
      return this.ordinary(ordinaryBranch(schema as readonly Schema[], depth), depth);
    const type = this.#resolved(schema);
    if (typeof type === "string") return (PRIMITIVES[type] ?? unknownType(type)).ordinary;
    switch (type.type) {
      case "record":
        return Object.fromEntries(
          (type.fields as readonly Field[]).map(({ name, type }) => [name, this.ordinary(type, depth + 1)]),
        );
      case "array":
        return depth >= DEPTH_MAX ? [] : [this.ordinary(type.items as Schema, depth + 1)];
      case "map":
        return depth >= DEPTH_MAX ? {} : { a: this.ordinary(type.values as Schema, depth + 1) };
      case "enum":
        return (type.symbols as readonly string[])[0];
      case "fixed":
        return Buffer.alloc(Number(type.size));
      default:
        return this.ordinary(type.type, depth);
    }
  }

  #ofUnion(branches: readonly Schema[], depth: number): readonly HostileValue[] {
    const values = new Map<string, HostileValue>();
    for (const branch of branches)
      for (const hostile of this.hostile(branch, depth)) values.set(hostile.name, hostile);
    return [...values.values()];
  }

  #ofRecord(type: Exclude<Schema, string>, depth: number): readonly HostileValue[] {
    const { fields } = type as unknown as { readonly fields: readonly Field[] };
    const ordinary = this.ordinary(type, depth) as Record<string, unknown>;
    const values: HostileValue[] = [];
    for (const { name, type } of fields) {
      for (const { name: what, value } of this.hostile(type, depth + 1))
        values.push({ name: `.${name}${separated(what)}`, value: { ...ordinary, [name]: value } });
      const { [name]: _, ...without } = ordinary;
      values.push({ name: `.${name}: missing`, value: without });
    }
    values.push({ name: ": a field more", value: { ...ordinary, unheardOf: 1 } });
    if (depth === 0) values.push({ name: ": null", value: null }, { name: ": a text", value: "text" });
    return values;
  }

  #ofArray(items: Schema, depth: number): readonly HostileValue[] {
    const ordinary = this.ordinary(items, depth + 1);
    return [
      { name: ": empty", value: [] },
      { name: `: ${MANY} items`, value: Array(MANY).fill(ordinary) },
      { name: ": null", value: null },
      ...this.hostile(items, depth + 1).map(({ name, value }) => ({
        name: `[1]${separated(name)}`,
        value: [ordinary, value],
      })),
    ];
  }

  #ofMap(values: Schema, depth: number): readonly HostileValue[] {
    const ordinary = this.ordinary(values, depth + 1);
    return [
      { name: ": empty", value: {} },
      { name: ": null", value: null },
      ...TEXTS.flatMap(({ name, value }) =>
        typeof value === "string"
          ? [{ name: `: a key that is ${name}`, value: withKey(value, ordinary) }]
          : [],
      ),
      ...this.hostile(values, depth + 1).map(({ name, value }) => ({
        name: `.a${separated(name)}`,
        value: { a: value },
      })),
    ];
  }

  #resolved(schema: Schema): Exclude<Schema, readonly Schema[]> {
    if (typeof schema === "string") {
      const named = this.#named.get(schema);
      return (named ?? schema) as Exclude<Schema, readonly Schema[]>;
    }
    const type = schema as { readonly type: Schema; readonly name?: string; readonly namespace?: string };
    if (type.name !== undefined) {
      this.#named.set(type.name, schema);
      if (type.namespace !== undefined) this.#named.set(`${type.namespace}.${type.name}`, schema);
    }
    return schema as Exclude<Schema, readonly Schema[]>;
  }
}

const parsed = (schema: unknown): Schema =>
  typeof schema === "string" && /^[[{"]/.test(schema.trim()) ? JSON.parse(schema) : (schema as Schema);

/** Deeper than its bound, the branch that ends it. */
function ordinaryBranch(branches: readonly Schema[], depth: number): Schema {
  const filled = branches.find((branch) => branch !== "null");
  return depth < DEPTH_MAX && filled !== undefined ? filled : branches[0]!;
}

const separated = (name: string): string => (/^[.:[]/.test(name) ? name : `: ${name}`);

/** As an own property, also where the key is `__proto__`. */
const withKey = (key: string, value: unknown): object => Object.fromEntries([[key, value]]);

function unknownType(type: string): never {
  throw new Error(`hostile values: no such Avro type: "${type}"`);
}
