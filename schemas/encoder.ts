/**
 * Encoders into plain Avro binary, compiled from a schema: two functions of one shape, of which one writes and the other only
 * looks whether the value fits.
 *
 * EN1  What is taken comes back as it was: a number that its type cannot hold exactly and a text that UTF-8 cannot are refused.
 *      Two things are taken for what they nearly are: `float` keeps what 32 bits keep, and -0 in an `int` or `long` is 0.
 * EN2  Nothing is written beyond the buffer; how much is missing is known at the end.
 * EN3  A field that is `undefined` is its default, where it has one. What the schema does not name is left out.
 */
import { type AvroType, EMPTY_ITEMS_MAX, isEmpty, looksLike } from "./avro-type.ts";
import { misfitOf } from "./misfit.ts";

export interface Encoder {
  /** @returns where the value ends, or the bytes missing as a negative number. @throws Error naming what does not fit. */
  write(value: unknown, bytes: Buffer, position: number): number;
  /** @returns at most so many bytes the value has. @throws as `write`. */
  check(value: unknown): number;
}

export function compileEncoder(name: string, type: AvroType): Encoder {
  const source = new Source();
  const root = source.put(type, "value");
  const make = (runtime: string, entry: string) =>
    new Function(
      "constants",
      "Misfit",
      `${runtime}\n${source.constants.map((_, index) => `const c${index} = constants[${index}];`).join("\n")}
${source.functions.join("\n")}\n${entry.replace("ROOT", () => root)}`,
    )(source.constants, MISFIT) as (...args: unknown[]) => number;
  const write = make(
    WRITING,
    `return (value, given, position) => {
  if (given !== buf) {
    buf = given;
    view = new DataView(given.buffer, given.byteOffset, given.byteLength);
    limit = given.length;
  }
  at = position;
  ROOT
  return at > limit ? limit - at : at;
};`,
  );
  const check = make(CHECKING, "return (value) => { n = 0; ROOT return n; };");
  const told = (error: unknown, value: unknown): Error => {
    // Of itself in a circle, or nested beyond any stack.
    if (error instanceof RangeError) return new Error(`${name}: the value is nested too deep`);
    const misfit = misfitOf(type, value);
    return misfit === undefined && error instanceof Error ? error : new Error(`${name}: ${misfit}`);
  };
  return {
    write(value, bytes, position) {
      try {
        return write(value, bytes, position);
      } catch (error) {
        throw told(error, value);
      }
    },
    check(value) {
      try {
        return check(value);
      } catch (error) {
        throw told(error, value);
      }
    },
  };
}

/** Thrown inside: where and why is looked up once it has come out. */
const MISFIT = new Error("a value that does not fit its schema");

const SHARED = `
function bad() { throw Misfit; }
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
`;

/** The leaves that write. */
const WRITING = `${SHARED}
let buf, view, at = 0, limit = 0;
function none(v) { if (v !== null) bad(); }
function bool(v) { if (typeof v !== "boolean") bad(); buf[at++] = v ? 1 : 0; }
function count(n) { int(n); }
function int(v) {
  if ((v | 0) !== v) bad();
  let rest = ((v << 1) ^ (v >> 31)) >>> 0;
  while (rest > 127) { buf[at++] = (rest & 127) | 128; rest >>>= 7; }
  buf[at++] = rest;
}
function long(v) {
  if ((v | 0) === v) { int(v); return; }
  if (!Number.isSafeInteger(v)) bad();
  // The number less its sign: twice it would be more than a double holds.
  const half = v < 0 ? -v - 1 : v;
  const low = half % 64;
  let rest = (half - low) / 64;
  buf[at++] = (low << 1) | (v < 0 ? 1 : 0) | 128;
  while (rest > 0x7fffffff) { buf[at++] = (rest % 128) | 128; rest = Math.floor(rest / 128); }
  while (rest > 127) { buf[at++] = (rest & 127) | 128; rest >>>= 7; }
  buf[at++] = rest;
}
function float(v) {
  if (typeof v !== "number" || (Number.isFinite(v) && !Number.isFinite(Math.fround(v)))) bad();
  if (at + 4 <= limit) view.setFloat32(at, v, true);
  at += 4;
}
function double(v) {
  if (typeof v !== "number") bad();
  if (at + 8 <= limit) view.setFloat64(at, v, true);
  at += 8;
}
function text(v) {
  if (typeof v !== "string") bad();
  const length = v.length;
  if (length < 64) {
    const from = at + 1;
    let i = 0;
    for (; i < length; i++) {
      const code = v.charCodeAt(i);
      if (code > 127) break;
      buf[from + i] = code;
    }
    if (i === length) { buf[at] = length << 1; at = from + length; return; }
  }
  if (!v.isWellFormed()) bad();
  const bytes = Buffer.byteLength(v);
  int(bytes);
  if (at + bytes <= limit) buf.utf8Write(v, at, bytes);
  at += bytes;
}
function bytes(v) {
  if (!(v instanceof Uint8Array)) bad();
  int(v.length);
  raw(v);
}
function fixed(v, size) {
  if (!(v instanceof Uint8Array) || v.length !== size) bad();
  raw(v);
}
function raw(v) {
  if (at + v.length <= limit) buf.set(v, at);
  at += v.length;
}
function symbol(v, indices) {
  const index = indices.get(v);
  if (index === undefined) bad();
  int(index);
}
function branch(index) { int(index); }`;

/** The leaves that only look; bytes are counted as the most they could be. */
const CHECKING = `${SHARED}
let n = 0;
function none(v) { if (v !== null) bad(); }
function bool(v) { if (typeof v !== "boolean") bad(); n++; }
function count() { n += 5; }
function int(v) { if ((v | 0) !== v) bad(); n += 5; }
function long(v) { if ((v | 0) !== v && !Number.isSafeInteger(v)) bad(); n += 8; }
function float(v) {
  if (typeof v !== "number" || (Number.isFinite(v) && !Number.isFinite(Math.fround(v)))) bad();
  n += 4;
}
function double(v) { if (typeof v !== "number") bad(); n += 8; }
function text(v) {
  if (typeof v !== "string" || !v.isWellFormed()) bad();
  n += 5 + 3 * v.length;
}
function bytes(v) { if (!(v instanceof Uint8Array)) bad(); n += 5 + v.length; }
function fixed(v, size) { if (!(v instanceof Uint8Array) || v.length !== size) bad(); n += size; }
function symbol(v, indices) { if (!indices.has(v)) bad(); n += 5; }
function branch() { n += 1; }`;

class Source {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  /** Functions of records, by their types: a record may hold its own kind. */
  readonly #records = new Map<AvroType, string>();
  #names = 0;

  /** A statement that puts `value`, an expression without effects. */
  put(type: AvroType, value: string): string {
    switch (type.typeName) {
      case "null":
        return `none(${value});`;
      case "boolean":
        return `bool(${value});`;
      case "int":
      case "long":
      case "float":
      case "double":
      case "bytes":
        return `${type.typeName}(${value});`;
      case "string":
        return `text(${value});`;
      case "fixed":
        return `fixed(${value}, ${type.size});`;
      case "enum":
        return `symbol(${value}, ${this.#constant(new Map(type.symbols!.map((symbol, index) => [symbol, index])))});`;
      case "record":
      case "error":
        return `${this.#record(type)}(${value});`;
      case "array":
        return `${this.#array(type)}(${value});`;
      case "map":
        return `${this.#map(type)}(${value});`;
      default:
        return `${this.#union(type)}(${value});`;
    }
  }

  #record(type: AvroType): string {
    const known = this.#records.get(type);
    if (known) return known;
    const name = this.#name();
    this.#records.set(type, name);
    const fields = type.fields!.map((field, index) => {
      const held = `v[${JSON.stringify(field.name)}]`;
      const value = field.defaultValue();
      if (value === undefined) return this.put(field.type, held);
      const given = `f${index}`;
      return `const ${given} = ${held} === undefined ? ${this.#constant(value)} : ${held}; ${this.put(field.type, given)}`;
    });
    this.functions.push(`function ${name}(v) { if (!isObject(v)) bad(); ${fields.join("\n")} }`);
    return name;
  }

  #array(type: AvroType): string {
    const name = this.#name();
    const most = isEmpty(type.itemsType!) ? `if (v.length > ${EMPTY_ITEMS_MAX}) bad();` : "";
    this.functions.push(`function ${name}(v) {
  if (!Array.isArray(v)) bad();
  ${most}
  if (v.length > 0) {
    count(v.length);
    for (let i = 0; i < v.length; i++) { const item = v[i]; ${this.put(type.itemsType!, "item")} }
  }
  count(0);
}`);
    return name;
  }

  #map(type: AvroType): string {
    const name = this.#name();
    this.functions.push(`function ${name}(v) {
  if (!isObject(v)) bad();
  const keys = Object.keys(v);
  if (keys.length > 0) {
    count(keys.length);
    for (let i = 0; i < keys.length; i++) { const key = keys[i]; text(key); const item = v[key]; ${this.put(type.valuesType!, "item")} }
  }
  count(0);
}`);
    return name;
  }

  #union(type: AvroType): string {
    const name = this.#name();
    const branches = type.types!.map(
      (branch, index) =>
        `if (${looksLike(branch, "v")}) { branch(${index}); ${this.put(branch, "v")} return; }`,
    );
    this.functions.push(`function ${name}(v) { ${branches.join("\n")} bad(); }`);
    return name;
  }

  #constant(value: unknown): string {
    return `c${this.constants.push(value) - 1}`;
  }

  #name(): string {
    return `put${this.#names++}`;
  }
}
