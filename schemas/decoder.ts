/**
 * Decoders of plain Avro binary, compiled from a schema into one function: what avsc does, at a third of its cost, because it
 * reads numbers where they lie and makes each record as one object literal. It gives what avsc gives (decoder.test.ts).
 * What was written with another schema is read by what resolver.ts adds.
 *
 * D1  It never reads past the value's end, whatever the bytes say: a count or length that points beyond is an error.
 * D2  Short texts that come again and again (the key of a record) are the same string each time, found by their bytes: no new
 *     string, and look-ups by it compare pointers. A field whose texts are nearly all new stops trying.
 * D3  What cannot be held as it was written is refused, with the field's name: a `long` beyond 2^53 - 1, bytes that are no UTF-8.
 */
import { isUtf8 } from "node:buffer";
import { type AvroType, EMPTY_ITEMS_MAX, isEmpty, property } from "./avro-type.ts";

export type Decoder = (bytes: Buffer, start: number, end: number) => unknown;

/** @param name of the codec, for errors. */
export function compileDecoder(name: string, type: AvroType): Decoder {
  const source = new DecoderSource();
  return build(name, source, source.read(type));
}

/** @param root an expression of `source` that reads the value. */
export function build(name: string, source: DecoderSource, root: string): Decoder {
  const make = new Function(
    "name",
    "constants",
    "texts",
    "readText",
    `${RUNTIME}\n${source.functions.join("\n")}
return (given, start, end) => {
  if (given !== buf) {
    buf = given;
    view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  }
  at = start;
  limit = end;
  const value = ${root};
  if (at !== end) misfit();
  return value;
};`,
  );
  const texts = source.textFields.map((field) => new TextField(field));
  return make(name, source.constants, texts, readText) as Decoder;
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
function int32(field) {
  const byte = buf[at++];
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
  const value = longer(byte);
  if ((value | 0) !== value) {
    if (at > limit) truncated();
    throw new Error(name + ": " + field + " is a number beyond 32 bits");
  }
  return value;
}
function long(field) {
  const byte = buf[at++];
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
  const value = longer(byte);
  if (!Number.isSafeInteger(value)) {
    if (at > limit) truncated();
    throw new Error(name + ": " + field + " is a number beyond 2^53 - 1");
  }
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
  const read = readText(field, buf, from, length);
  if (read === undefined) throw new Error(name + ": " + field.name + " is a text that is no UTF-8");
  return read;
}
function bytes(length) {
  const from = at;
  at += length;
  if (length < 0 || at > limit) truncated();
  return Buffer.from(buf.subarray(from, at));
}
function symbol(symbols) {
  const text = symbols[int()];
  if (text === undefined) throw new Error(name + ": a symbol that the schema does not have");
  return text;
}
function entry(entries, key, value) {
  if (key === "__proto__") Object.defineProperty(entries, key, { value, writable: true, enumerable: true, configurable: true });
  else entries[key] = value;
}
function badBranch() {
  throw new Error(name + ": a branch of a union that the schema does not have");
}
// Length of a block of an array or a map, the last one of which is 0. An item has a byte at least, or there may be so many.
function block(emptyMax) {
  let count = int();
  if (count < 0) {
    count = -count;
    long("a block's size");
  }
  if (count > limit - at + emptyMax) truncated();
  return count;
}`;

/** Collects the functions of a decoder. */
export class DecoderSource {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  /** The fields that hold texts, by name. */
  readonly textFields: string[] = [];
  /** Functions of records, by their types: a record may hold its own kind. */
  readonly #records = new Map<AvroType, string>();
  #names = 0;

  /** An expression that reads a value of `type`. @param field where it stands, for errors. */
  read(type: AvroType, field = "the value"): string {
    switch (type.typeName) {
      case "null":
        return "null";
      case "boolean":
        return "buf[at++] !== 0";
      case "int":
        return `int32(${JSON.stringify(field)})`;
      case "long":
        return `long(${JSON.stringify(field)})`;
      case "float":
        return "float()";
      case "double":
        return "double()";
      case "string":
        return this.text(field);
      case "bytes":
        return "bytes(int())";
      case "fixed":
        return `bytes(${type.size})`;
      case "enum":
        return `symbol(${this.constant(type.symbols)})`;
      case "record":
      case "error":
        return this.#record(type);
      case "array":
        return this.array(this.read(type.itemsType!, field), isEmpty(type.itemsType!));
      case "map":
        return this.map(this.read(type.valuesType!, field), field);
      default:
        return this.union(type.types!.map((branch) => `return ${this.read(branch, field)};`));
    }
  }

  #record(type: AvroType): string {
    const known = this.#records.get(type);
    if (known) return known;
    const name = this.name();
    this.#records.set(type, `${name}()`);
    const fields = type.fields!.map(
      (field) => `${property(field.name)}: ${this.read(field.type, fieldOf(type, field))}`,
    );
    this.functions.push(`function ${name}() { return { ${fields.join(", ")} }; }`);
    return `${name}()`;
  }

  text(field: string): string {
    return `text(texts[${this.textFields.push(field) - 1}])`;
  }

  /** @param item an expression that reads one. */
  array(item: string, itemIsEmpty: boolean): string {
    const name = this.name();
    const most = itemIsEmpty ? EMPTY_ITEMS_MAX : 0;
    // The first one in a literal: an empty array grows to seventeen places at once.
    this.functions.push(`function ${name}() {
  let left = block(${most});
  if (left === 0) return [];
  const items = [${item}];
  left--;
  for (;;) {
    for (; left > 0; left--) {
      if (at > limit) truncated();
      items.push(${item});
    }
    ${itemIsEmpty ? `if (items.length > ${most}) truncated();` : ""}
    if ((left = block(${most})) === 0) return items;
  }
}`);
    return `${name}()`;
  }

  map(value: string, field: string): string {
    const name = this.name();
    this.functions.push(`function ${name}() {
  const entries = {};
  for (let left = block(0); left > 0; left = block(0)) {
    for (; left > 0; left--) {
      if (at > limit) truncated();
      const key = ${this.text(field)};
      entry(entries, key, ${value});
    }
  }
  return entries;
}`);
    return `${name}()`;
  }

  /** @param branches statements that return what is read, or throw. */
  union(branches: readonly string[]): string {
    const name = this.name();
    const cases = branches.map((branch, index) => `case ${index}: ${branch}`);
    this.functions.push(`function ${name}() { switch (int()) { ${cases.join(" ")} } badBranch(); }`);
    return `${name}()`;
  }

  /** A value that the code refers to. */
  constant(value: unknown): string {
    return `constants[${this.constants.push(value) - 1}]`;
  }

  name(): string {
    return `read${this.#names++}`;
  }
}

/** As errors name it. */
export const fieldOf = (record: AvroType, field: { readonly name: string }): string =>
  `${record.name}.${field.name}`;

/** Whether it pays to look a field's texts up (D2). */
class TextField {
  readonly name: string;
  looksUp = true;
  tries = 0;
  hits = 0;

  constructor(name: string) {
    this.name = name;
  }
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

/** @returns `undefined` for bytes that are no UTF-8 (D3). */
function readText(field: TextField, buffer: Bytes, start: number, length: number): string | undefined {
  const end = start + length;
  if (!field.looksUp || length > TEXT_MAX) return asWritten(buffer.utf8Slice(start, end), buffer, start, end);
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
  // As many characters as bytes: ASCII, which `isText` can compare, or no UTF-8.
  if (text.length === length) slots[slot] = text;
  return asWritten(text, buffer, start, end);
}

/** Bytes that are no UTF-8 would be read as U+FFFD, and two such texts as one. */
function asWritten(text: string, buffer: Bytes, start: number, end: number): string | undefined {
  if (!text.includes("\ufffd")) return text;
  return isUtf8(buffer.subarray(start, end)) ? text : undefined;
}

function isText(text: string, buffer: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== buffer[start + i]) return false;
  return true;
}
