/**
 * Schemas are the `*.avsc` files beside this one; a codec turns a value into the bytes of one and back.
 * Whoever needs bytes takes a `Codec`. avsc parses and checks schemas (avro-type.ts); values are written, looked at and read by
 * functions compiled for their schema (encoder.ts, decoder.ts), those of older schemas by resolver.ts.
 *
 * S1  Plain Avro binary, no framing: the schema is known from the topic or the state's name.
 * S2  Decoding checks that it ends where the value ends: a truncated or longer value is an error, not a guess.
 * S3  64-bit integers are JS numbers, exact within ±(2^53 - 1); others are refused by both directions, with the field's name.
 */
import { readFileSync } from "node:fs";
import { type AvroType, avroType } from "./avro-type.ts";
import { compileDecoder, type Decoder } from "./decoder.ts";
import { compileEncoder, type Encoder } from "./encoder.ts";
import { compileResolver } from "./resolver.ts";

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
  /** Looks whether `value` fits, for less than it costs to encode it. @returns at most so many bytes it has. @throws as `encode` */
  check(value: T): number;
  /** Decodes `bytes[start, end)` in place. @throws Error when they are not exactly one value. */
  decode(bytes: Buffer, start?: number, end?: number): T;
  /** A codec whose `decode` reads values written with another schema (Avro schema resolution). @throws when it cannot. */
  reading(writerSchema: string): Codec<T>;
}

/** The codec of `schemas/NAME.avsc`. */
export function codec<T>(name: string): Codec<T> {
  return codecOf<T>(name, JSON.parse(readFileSync(new URL(`./${name}.avsc`, import.meta.url), "utf8")));
}

/** A codec of a schema given in the code: a state's own format, a test's. */
export function codecOf<T>(name: string, schema: unknown): Codec<T> {
  const type = avroType(schema);
  return codecWith<T>(name, JSON.stringify(schema), type, () => compileDecoder(name, type));
}

/** The codec of lists of what `element` is the codec of. */
export function listOf<T>(element: Codec<T>): Codec<T[]> {
  return codecOf<T[]>(`${element.name}-list`, { type: "array", items: JSON.parse(element.schema) });
}

const SCRATCH_BYTES = 1 << 12;
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Functions are compiled when they are first used: most programs use few of all the schemas there are. */
function codecWith<T>(name: string, schema: string, type: AvroType, makeDecoder: () => Decoder): Codec<T> {
  let encoder: Encoder | undefined;
  let decoder: Decoder | undefined;
  const encoderOf = () => {
    encoder ??= compileEncoder(name, type);
    return encoder;
  };
  return {
    name,
    schema,
    encode(value) {
      const { write } = encoder ?? encoderOf();
      let end = write(value, scratch, 0);
      if (end < 0) {
        scratch = Buffer.allocUnsafeSlow(Math.max(scratch.length - end, 2 * scratch.length));
        end = write(value, scratch, 0);
      }
      const bytes = Buffer.from(scratch.subarray(0, end));
      // What one large value needed is given back.
      if (scratch.length > 1 << 20) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
      return bytes;
    },
    encodeInto: (value, bytes, position) => (encoder ?? encoderOf()).write(value, bytes, position),
    check: (value) => (encoder ?? encoderOf()).check(value),
    decode(bytes, start = 0, end = bytes.length) {
      decoder ??= makeDecoder();
      return decoder(bytes, start, end) as T;
    },
    reading(writerSchema) {
      // What can never be read is found here.
      const resolver = compileResolver(name, avroType(JSON.parse(writerSchema)), type);
      return codecWith<T>(name, schema, type, () => resolver);
    },
  };
}
