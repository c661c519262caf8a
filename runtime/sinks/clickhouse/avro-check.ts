/**
 * Checks that bytes are exactly one value of an Avro schema, by walking over them: nothing is decoded or allocated.
 *
 * A schema is compiled to nested steps once. A step takes the position of its value and returns the position after it, or
 * -1 when the bytes are no such value. Owns what "malformed" means for a table, the same on every run: a pure function of
 * bytes and schema.
 */

import { isUtf8 } from "node:buffer";

/** Returns the position after the value that begins at `at`, or -1. */
export type Step = (bytes: Buffer, at: number, end: number) => number;

/** Walks over one value of `schema` (its JSON text). `bytes[start, end)` are exactly one when it ends at `end`. */
export function valueWalk(schema: string): Step {
  return compile(JSON.parse(schema), new Map(), "");
}

function compile(schema: unknown, named: Map<string, Step>, namespace: string): Step {
  if (typeof schema === "string") return PRIMITIVES[schema] ?? reference(schema, named, namespace);
  if (Array.isArray(schema)) return union(schema.map((branch) => compile(branch, named, namespace)));
  const complex = schema as Complex;
  const inner = complex.namespace ?? namespace;
  switch (complex.type) {
    case "record": {
      const steps: Step[] = [];
      // Named before its fields are compiled: a record may hold itself.
      const step = record(steps);
      define(complex, inner, named, step);
      for (const field of complex.fields ?? []) steps.push(compile(field.type, named, inner));
      return step;
    }
    case "enum":
      return define(complex, inner, named, index(complex.symbols?.length ?? 0));
    case "fixed":
      return define(complex, inner, named, fixed(complex.size ?? 0));
    case "array":
      return blocks(compile(complex.items, named, inner));
    case "map": {
      const value = compile(complex.values, named, inner);
      return blocks((bytes, at, end) => chain(value, bytes, text(bytes, at, end), end));
    }
    default:
      // A primitive in its long form, { "type": "string" }, or with a logical type.
      return compile(complex.type, named, inner);
  }
}

interface Complex {
  readonly type: unknown;
  readonly name?: string;
  readonly namespace?: string;
  readonly fields?: readonly { readonly type: unknown }[];
  readonly symbols?: readonly string[];
  readonly size?: number;
  readonly items?: unknown;
  readonly values?: unknown;
}

function define(complex: Complex, namespace: string, named: Map<string, Step>, step: Step): Step {
  const name = complex.name ?? "";
  named.set(name.includes(".") ? name : `${namespace}.${name}`, step);
  return step;
}

function reference(name: string, named: Map<string, Step>, namespace: string): Step {
  const step = named.get(name.includes(".") ? name : `${namespace}.${name}`);
  if (!step) throw new Error(`the schema names a type it does not define: ${name}`);
  return step;
}

function record(steps: readonly Step[]): Step {
  return (bytes, at, end) => {
    let position = at;
    for (let i = 0; i < steps.length && position >= 0; i++) position = steps[i]!(bytes, position, end);
    return position;
  };
}

function union(branches: readonly Step[]): Step {
  return (bytes, at, end) => {
    // The branch number of any real union fits one byte: zigzag of 0..63.
    const byte = at < end ? bytes[at]! : 1;
    const branch = (byte & 0x81) === 0 ? branches[byte >> 1] : undefined;
    return branch === undefined ? -1 : branch(bytes, at + 1, end);
  };
}

function index(count: number): Step {
  return (bytes, at, end) => {
    const after = varint(bytes, at, end, 5);
    return after >= 0 && varintValue >= 0 && varintValue < count ? after : -1;
  };
}

function fixed(size: number): Step {
  return (_bytes, at, end) => (at + size <= end ? at + size : -1);
}

function blocks(item: Step): Step {
  return (bytes, at, end) => {
    let position = at;
    for (;;) {
      position = varint(bytes, position, end, 10);
      if (position < 0) return -1;
      let count = varintValue;
      if (count === 0) return position;
      if (count < 0) {
        // A negative count is followed by the size of the block in bytes.
        count = -count;
        position = varint(bytes, position, end, 10);
      }
      // Items may be empty (null), so a wrong count could run for long: no block has more items than a value has bytes.
      if (count > end - at) return -1;
      for (let i = 0; i < count && position >= 0; i++) position = item(bytes, position, end);
      if (position < 0) return -1;
    }
  };
}

function lengthPrefixed(bytes: Buffer, at: number, end: number): number {
  const after = varint(bytes, at, end, 10);
  if (after < 0 || varintValue < 0 || varintValue > end - after) return -1;
  return after + varintValue;
}

/** Bytes that are no UTF-8 are no text, for the codec neither. */
function text(bytes: Buffer, at: number, end: number): number {
  const after = lengthPrefixed(bytes, at, end);
  // All but the first byte that is no ASCII are looked at by the engine.
  for (let position = after - varintValue; position < after; position++)
    if (bytes[position]! > 127) return isUtf8(bytes.subarray(position, after)) ? after : -1;
  return after;
}

function chain(next: Step, bytes: Buffer, at: number, end: number): number {
  return at < 0 ? -1 : next(bytes, at, end);
}

/** Value of the last `varint`: a second result without an allocation. Beyond 2^53 it is rounded, which no caller minds. */
let varintValue = 0;

function varint(bytes: Buffer, at: number, end: number, bytesMax: number): number {
  let raw = 0;
  let scale = 1;
  const limit = Math.min(end, at + bytesMax);
  for (let position = at; position < limit; position++) {
    const byte = bytes[position]!;
    raw += (byte & 127) * scale;
    if (byte < 128) {
      varintValue = raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      return position + 1;
    }
    scale *= 128;
  }
  return -1;
}

const PRIMITIVES: Readonly<Record<string, Step>> = {
  null: (_bytes, at) => at,
  boolean: (bytes, at, end) => (at < end && bytes[at]! <= 1 ? at + 1 : -1),
  int: (bytes, at, end) => {
    const after = varint(bytes, at, end, 5);
    return after >= 0 && varintValue >= -(2 ** 31) && varintValue < 2 ** 31 ? after : -1;
  },
  long: (bytes, at, end) => varint(bytes, at, end, 10),
  float: fixed(4),
  double: fixed(8),
  string: text,
  bytes: lengthPrefixed,
};
