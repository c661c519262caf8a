/**
 * Schemas are the `*.avsc` files beside this one; a codec turns a value into the bytes of one and back.
 * Nothing outside this folder imports avsc: whoever needs bytes takes a `Codec`. avsc knows the schemas, encodes and resolves;
 * what was written with the very schema is read by a function compiled for it (decoder.ts).
 *
 * S1  Plain Avro binary, no framing: the schema is known from the topic or the state's name.
 * S2  Decoding checks that it ends where the value ends: a truncated or longer value is an error, not a guess.
 */
import { readFileSync } from "node:fs";
import avro from "avsc";
import { compileDecoder } from "./decoder.ts";

export interface Codec<T> {
  /** The schema's name, as in its file: `timing-message`. */
  readonly name: string;
  /** The Avro schema as JSON text. */
  readonly schema: string;
  /** @throws Error naming the field when `value` does not fit the schema. */
  encode(value: T): Buffer;
  /**
   * Encodes into `bytes` from `position` on. @returns where the value ends, or, when it does not fit, the bytes that are
   * missing as a negative number; what was written then is to be written over.
   */
  encodeInto(value: T, bytes: Buffer, position: number): number;
  /** Decodes `bytes[start, end)` in place. @throws Error when they are not exactly one value. */
  decode(bytes: Buffer, start?: number, end?: number): T;
  /** A codec whose `decode` reads values written with another schema (Avro schema resolution). @throws when it cannot. */
  reading(writerSchema: string): Codec<T>;
}

/**
 * The codec of `schemas/NAME.avsc`. 64-bit integers are JS numbers: a value beyond 2^53 is refused by both directions.
 */
export function codec<T>(name: string): Codec<T> {
  return codecOf<T>(name, JSON.parse(readFileSync(new URL(`./${name}.avsc`, import.meta.url), "utf8")));
}

/** A codec of a schema given in the code: a state's own format, a test's. */
export function codecOf<T>(name: string, schema: unknown): Codec<T> {
  return fromType<T>(
    name,
    JSON.stringify(schema),
    avro.Type.forSchema(schema as avro.Schema, { wrapUnions: "never" }),
  );
}

/** The codec of lists of what `element` is the codec of. */
export function listOf<T>(element: Codec<T>): Codec<T[]> {
  return codecOf<T[]>(`${element.name}-list`, { type: "array", items: JSON.parse(element.schema) });
}

function fromType<T>(name: string, schema: string, type: avro.Type, writer?: avro.Type): Codec<T> {
  const resolver = writer && type.createResolver(writer);
  const decode = writer ? undefined : compileDecoder(name, type);
  return {
    name,
    schema,
    encode: (value) => type.toBuffer(value),
    encodeInto: (value, bytes, position) => type.encode(value, bytes, position),
    decode(bytes, start = 0, end = bytes.length) {
      if (decode) return decode(bytes, start, end) as T;
      // avsc reads past `end` into a neighbour without noticing: the check is ours (S2).
      const { value, offset } = type.decode(bytes, start, resolver);
      if (offset !== end) {
        throw new Error(
          offset < 0 || offset > end
            ? `${name}: the value is truncated`
            : `${name}: ${end - offset} bytes too many after the value`,
        );
      }
      return value as T;
    },
    reading: (writerSchema) =>
      fromType<T>(
        name,
        schema,
        type,
        avro.Type.forSchema(JSON.parse(writerSchema) as avro.Schema, { wrapUnions: "never" }),
      ),
  };
}
