/**
 * Decoders of what was written with another schema, by the rules of Avro's schema resolution.
 *
 * RS1  What can never be read is found when the decoder is made; what depends on the value (a branch of a union, a symbol) is
 *      found when such a value comes. So `["null", "int"]` is read as `int` as long as no null was kept.
 * RS2  Of a union of the reader's the first branch of the very type counts; else the first that the type can become.
 */
import { type AvroField, type AvroType, isEmpty, property } from "./avro-type.ts";
import { build, type Decoder, DecoderSource, fieldOf } from "./decoder.ts";

/** @throws Error naming the field that can never be read. */
export function compileResolver(name: string, writer: AvroType, reader: AvroType): Decoder {
  const source = new ResolverSource();
  try {
    return build(name, source, source.resolve(writer, reader, "the value"));
  } catch (error) {
    if (error instanceof Unreadable) throw new Error(`${name}: ${error.message}`);
    throw error;
  }
}

class Unreadable extends Error {}

/** What a number that was read is called before it is another type's. `long` is exact in a double, for none is beyond 2^53. */
const PROMOTED: Readonly<Record<string, readonly string[]>> = {
  int: ["long", "float", "double"],
  long: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
  bytes: ["string"],
};

class ResolverSource extends DecoderSource {
  /** Functions of records, by both types, in the order they were begun. */
  readonly #pairs: { readonly writer: AvroType; readonly reader: AvroType; readonly call: string }[] = [];

  /** An expression that reads what `writer` wrote as `reader` has it. */
  resolve(writer: AvroType, reader: AvroType, field: string): string {
    if (isUnion(writer)) return this.#fromUnion(writer, reader, field);
    if (isUnion(reader)) return this.#toUnion(writer, reader, field);
    if (!isSameType(writer, reader)) return this.#promoted(writer, reader, field);
    switch (reader.typeName) {
      case "record":
      case "error":
        return this.#record(writer, reader);
      case "array":
        return this.array(
          this.resolve(writer.itemsType!, reader.itemsType!, field),
          isEmpty(writer.itemsType!),
        );
      case "map":
        return this.map(this.resolve(writer.valuesType!, reader.valuesType!, field), field);
      case "enum":
        return this.#symbol(writer, reader);
      default:
        return this.read(reader, field);
    }
  }

  #fromUnion(writer: AvroType, reader: AvroType, field: string): string {
    let readable = 0;
    let last: Unreadable | undefined;
    const branches = writer.types!.map((branch) => {
      try {
        const value = this.resolve(branch, reader, field);
        readable++;
        return `return ${value};`;
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        last = error;
        return `throw new Error(name + ${JSON.stringify(`: ${error.message}`)});`;
      }
    });
    if (readable === 0 && last) throw last;
    return this.union(branches);
  }

  #toUnion(writer: AvroType, reader: AvroType, field: string): string {
    const exact = reader.types!.filter((branch) => isSameType(writer, branch));
    const others = reader.types!.filter((branch) => !exact.includes(branch)); // RS2
    for (const branch of [...exact, ...others]) {
      try {
        return this.resolve(writer, branch, field);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
      }
    }
    throw new Unreadable(`${field} is ${named(writer)} in what was written, ${named(reader)} now`);
  }

  #promoted(writer: AvroType, reader: AvroType, field: string): string {
    if (!PROMOTED[writer.typeName]?.includes(reader.typeName))
      throw new Unreadable(`${field} is ${named(writer)} in what was written, ${named(reader)} now`);
    switch (reader.typeName) {
      case "bytes":
        return this.read(reader, field);
      case "string":
        return this.text(field);
      case "float":
        return `Math.fround(${this.read(writer, field)})`;
      default:
        return this.read(writer, field);
    }
  }

  #symbol(writer: AvroType, reader: AvroType): string {
    const symbols = writer.symbols!.map((symbol) =>
      reader.symbols!.includes(symbol) ? symbol : reader.default,
    );
    return `symbol(${this.constant(symbols)})`;
  }

  #record(writer: AvroType, reader: AvroType): string {
    const known = this.#pairs.find((pair) => pair.writer === writer && pair.reader === reader);
    if (known) return known.call;
    const name = this.name();
    const begun = this.#pairs.length;
    this.#pairs.push({ writer, reader, call: `${name}()` });
    try {
      this.functions.push(`function ${name}() { ${this.#fields(writer, reader)} }`);
    } catch (error) {
      // Those begun since may call this one.
      this.#pairs.length = begun;
      throw error;
    }
    return `${name}()`;
  }

  /** Fields come as they were written, and are put together as the reader has them. */
  #fields(writer: AvroType, reader: AvroType): string {
    const takers = new Map<AvroField, AvroField>();
    for (const field of reader.fields!) {
      const from = sourceOf(field, writer);
      if (from) takers.set(from, field);
    }
    const reads = writer.fields!.map((from, index) => {
      const field = takers.get(from);
      if (!field) return `${this.read(from.type, fieldOf(writer, from))};`;
      return `const f${index} = ${this.resolve(from.type, field.type, fieldOf(reader, field))};`;
    });
    const fields = reader.fields!.map((field) => {
      const from = sourceOf(field, writer);
      if (from) return `${property(field.name)}: f${writer.fields!.indexOf(from)}`;
      const value = field.defaultValue();
      if (value === undefined)
        throw new Unreadable(`${fieldOf(reader, field)} is not in what was written, and has no default`);
      return `${property(field.name)}: ${this.constant(() => fresh(value))}()`;
    });
    return `${reads.join(" ")} return { ${fields.join(", ")} };`;
  }
}

const isUnion = (type: AvroType): boolean => type.types !== undefined;

const sourceOf = (field: AvroField, writer: AvroType): AvroField | undefined =>
  writer.fields!.find(({ name }) => name === field.name) ??
  writer.fields!.find(({ name }) => field.aliases.includes(name));

/** Whether both are one type before one looks into them. Names count without their namespaces. */
function isSameType(writer: AvroType, reader: AvroType): boolean {
  if (writer.typeName !== reader.typeName) return false;
  switch (reader.typeName) {
    case "record":
    case "error":
    case "enum":
      return hasName(writer, reader);
    case "fixed":
      return hasName(writer, reader) && writer.size === reader.size;
    default:
      return true;
  }
}

function hasName(writer: AvroType, reader: AvroType): boolean {
  if (writer.name === undefined || reader.name === undefined) return true;
  return [reader.name, ...(reader.aliases ?? [])].some(
    (name) => unqualified(name) === unqualified(writer.name!),
  );
}

const unqualified = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

const named = (type: AvroType): string =>
  isUnion(type) ? `[${type.types!.map(named).join(", ")}]` : (type.name ?? type.typeName);

/** A default is made anew for each value: what one is given to must not change another's. */
function fresh(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fresh);
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, fresh(held)]));
}
