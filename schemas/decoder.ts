/**
 * Decoders of plain Avro binary, compiled from a schema into one function: what avsc does, at a third of its cost, because it
 * reads numbers where they lie and makes each record as one object literal. It gives what avsc gives (decoder.test.ts).
 *
 * D1  It never reads past the value's end, whatever the bytes say: a count or length that points beyond is an error.
 * D2  Short texts that come again and again (the key of a record) are the same string each time, found by their bytes: no new
 *     string, and look-ups by it compare pointers. A field whose texts are nearly all new stops trying.
 */
import type avro from "avsc";

export type Decoder = (bytes: Buffer, start: number, end: number) => unknown;

/** What is looked at of avsc's types. */
interface AnyType {
  readonly typeName: string;
  readonly name?: string;
  readonly fields?: readonly { readonly name: string; readonly type: AnyType }[];
  readonly itemsType?: AnyType;
  readonly valuesType?: AnyType;
  readonly types?: readonly AnyType[];
  readonly symbols?: readonly string[];
  readonly size?: number;
}

/** @param name of the codec, for errors. @returns the decoder of `type`, or `undefined` where it holds a type that only avsc reads (logical types). */
export function compileDecoder(name: string, type: avro.Type): Decoder | undefined {
  const source = new Source();
  const root = source.read(type as unknown as AnyType);
  if (root === undefined) return undefined;
  const make = new Function(
    "name",
    "symbols",
    "texts",
    "readText",
    `${RUNTIME}\n${source.functions.join("\n")}
return (bytes, start, end) => {
  if (bytes !== buf) {
    buf = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  at = start;
  limit = end;
  const value = ${root};
  if (at !== end) misfit();
  return value;
};`,
  );
  const texts = Array.from({ length: source.texts }, () => new TextField());
  return make(name, source.symbols, texts, readText) as Decoder;
}

/** Reading primitives, and where the reader stands. */
const RUNTIME = `
let buf, view, at = 0, limit = 0;
function misfit() {
  if (at > limit) truncated();
  throw new Error(name + ": " + (limit - at) + " bytes too many after the value");
}
function truncated() {
  throw new Error(name + ": the value is truncated");
}
function int() {
  const byte = buf[at++];
  return byte < 128 ? (byte >>> 1) ^ -(byte & 1) : longer(byte);
}
function long() {
  const byte = buf[at++];
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
  const value = longer(byte);
  if (!Number.isSafeInteger(value)) throw new Error(name + ": a number beyond 2^53");
  return value;
}
function longer(first) {
  let low = first & 127;
  for (let shift = 7; shift < 28; shift += 7) {
    const byte = buf[at++];
    low |= (byte & 127) << shift;
    if (byte < 128) return (low >>> 1) ^ -(low & 1);
  }
  let high = 0;
  let scale = 1;
  for (;;) {
    const byte = buf[at++];
    high += (byte & 127) * scale;
    if (byte < 128) break;
    scale *= 128;
    if (at > limit || scale > 2 ** 42) truncated();
  }
  const half = high * 134217728 + (low >>> 1);
  return low & 1 ? -half - 1 : half;
}
function float() {
  const from = at;
  if ((at += 4) > limit) truncated();
  return view.getFloat32(from, true);
}
function double() {
  const from = at;
  if ((at += 8) > limit) truncated();
  return view.getFloat64(from, true);
}
function text(field) {
  const length = int();
  const from = at;
  at += length;
  if (length < 0 || at > limit) truncated();
  return readText(field, buf, from, length);
}
function bytes(length) {
  const from = at;
  at += length;
  if (length < 0 || at > limit) truncated();
  return Buffer.from(buf.subarray(from, at));
}
function symbol(type) {
  const text = symbols[type][int()];
  if (text === undefined) throw new Error(name + ": a symbol that the schema does not have");
  return text;
}
function badBranch() {
  throw new Error(name + ": a branch of a union that the schema does not have");
}
/** Length of a block of an array or a map, the last one of which is 0. An item has a byte at least. */
function block() {
  let count = int();
  if (count < 0) {
    count = -count;
    long();
  }
  if (count > limit - at) truncated();
  return count;
}`;

class Source {
  readonly functions: string[] = [];
  readonly symbols: (readonly string[])[] = [];
  texts = 0;
  /** Functions of records, by their types: a record may hold its own kind. */
  readonly #records = new Map<AnyType, string>();
  #names = 0;

  /** An expression that reads a value of `type`; `undefined`: not without avsc. */
  read(type: AnyType): string | undefined {
    switch (type.typeName) {
      case "null":
        return "null";
      case "boolean":
        return "buf[at++] !== 0";
      case "int":
        return "int()";
      case "long":
        return "long()";
      case "float":
        return "float()";
      case "double":
        return "double()";
      case "string":
        return `text(texts[${this.texts++}])`;
      case "bytes":
        return "bytes(int())";
      case "fixed":
        return `bytes(${type.size})`;
      case "enum":
        return `symbol(${this.symbols.push(type.symbols!) - 1})`;
      case "record":
      case "error":
        return this.#record(type);
      case "array":
        return this.#array(type);
      case "map":
        return this.#map(type);
      case "union:unwrapped":
        return this.#union(type);
      default:
        return undefined;
    }
  }

  #record(type: AnyType): string | undefined {
    const known = this.#records.get(type);
    if (known) return known;
    const name = this.#name();
    this.#records.set(type, `${name}()`);
    const fields: string[] = [];
    for (const field of type.fields!) {
      const value = this.read(field.type);
      if (value === undefined) return undefined;
      fields.push(`${JSON.stringify(field.name)}: ${value}`);
    }
    this.functions.push(`function ${name}() { return { ${fields.join(", ")} }; }`);
    return `${name}()`;
  }

  #array(type: AnyType): string | undefined {
    const item = this.read(type.itemsType!);
    if (item === undefined || isEmpty(type.itemsType!)) return undefined;
    const name = this.#name();
    // The first one in a literal: an empty array grows to seventeen places at once.
    this.functions.push(`function ${name}() {
  let left = block();
  if (left === 0) return [];
  const items = [${item}];
  left--;
  for (;;) {
    for (; left > 0; left--) {
      if (at > limit) truncated();
      items.push(${item});
    }
    if ((left = block()) === 0) return items;
  }
}`);
    return `${name}()`;
  }

  #map(type: AnyType): string | undefined {
    const key = `text(texts[${this.texts++}])`;
    const value = this.read(type.valuesType!);
    if (value === undefined) return undefined;
    const name = this.#name();
    this.functions.push(`function ${name}() {
  const entries = {};
  for (let left = block(); left > 0; left = block()) {
    for (; left > 0; left--) {
      if (at > limit) truncated();
      const key = ${key};
      entries[key] = ${value};
    }
  }
  return entries;
}`);
    return `${name}()`;
  }

  #union(type: AnyType): string | undefined {
    const branches: string[] = [];
    for (const branch of type.types!) {
      const value = this.read(branch);
      if (value === undefined) return undefined;
      branches.push(`case ${branches.length}: return ${value};`);
    }
    const name = this.#name();
    this.functions.push(`function ${name}() { switch (int()) { ${branches.join(" ")} } badBranch(); }`);
    return `${name}()`;
  }

  #name(): string {
    return `read${this.#names++}`;
  }
}

/** Whether its values have no bytes: any count of them would fit. */
const isEmpty = ({ typeName, fields = [], size }: AnyType): boolean =>
  typeName === "null" || size === 0 || (typeName === "record" && fields.every(({ type }) => isEmpty(type)));

/** Whether it pays to look a field's texts up (D2). */
class TextField {
  looksUp = true;
  tries = 0;
  hits = 0;
}

/** Longer texts are keys of few records. */
const TEXT_MAX = 32;
const SLOTS = 1 << 16;
/** So many tries are a judgement: more than a field of runners has keys. */
const JUDGED_AFTER = 1 << 17;

/** Texts that came lately, of all codecs of this thread: one a slot, the newest stays. */
const slots = new Array<string>(SLOTS).fill("");

/** Of Node's, not in its types: `toString` without the checks of its arguments. */
interface Bytes extends Buffer {
  utf8Slice(start: number, end: number): string;
}

function readText(field: TextField, buffer: Bytes, start: number, length: number): string {
  const end = start + length;
  if (!field.looksUp || length > TEXT_MAX) return buffer.utf8Slice(start, end);
  let hash = length;
  for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + buffer[at]!;
  const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
  const known = slots[slot]!;
  if (++field.tries === JUDGED_AFTER) {
    field.looksUp = 2 * field.hits >= field.tries;
    field.tries = field.hits = 0;
  }
  if (isText(known, buffer, start, length)) {
    field.hits++;
    return known;
  }
  const text = buffer.utf8Slice(start, end);
  // As many characters as bytes: ASCII, which `isText` can compare.
  if (text.length === length) slots[slot] = text;
  return text;
}

function isText(text: string, buffer: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== buffer[start + i]) return false;
  return true;
}
