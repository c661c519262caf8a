/**
 * The door of every read model: a record of the log, as answers can hold it.
 *
 * RD1  JSON has no NaN and no infinities: one of them, in one record, made every answer that held it fail, the lists of all others too.
 *      A record with one is refused here, and its place and field are told; the read model goes on.
 */
import type { Codec } from "../../schemas/index.ts";

/** @throws Error where the bytes are no record of the codec, or hold a number that JSON cannot (RD1) */
export function readRecord<T>(codec: Codec<T>, bytes: Buffer, start: number, end: number): T {
  const record = codec.decode(bytes, start, end);
  const field = notFinite(record);
  if (field !== undefined) throw new Error(`${field.slice(1)} is no finite number`);
  return record;
}

/** Where a number stands that is none, such as `.mats.0.distanceM`; undefined: nowhere. */
function notFinite(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "";
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined;
  for (const name in value) {
    const found = notFinite((value as Readonly<Record<string, unknown>>)[name]);
    if (found !== undefined) return `.${name}${found}`;
  }
  return undefined;
}
