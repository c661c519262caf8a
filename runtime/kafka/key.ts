/**
 * What may be a key: of a record, of state, of a name in a map. A key is text in memory and UTF-8 in Kafka; one that is not the same
 * in both would be another after a restart.
 */
import { isUtf8 } from "node:buffer";

/** Keys stand in every record of state: one that is as long as a record would leave no room for state. */
export const KEY_MAX = 10_000;

/** @throws Error unless `key` is a text that comes back from UTF-8 as it was, and is not too long. @param what as the error begins. */
export function checkKey(what: string, key: unknown): asserts key is string {
  if (typeof key !== "string") throw new Error(`${what} ${String(key)}: a key is a string`);
  if (key.length > KEY_MAX)
    throw new Error(`${what} a key of ${key.length} characters, more than ${KEY_MAX}`);
  if (!key.isWellFormed())
    throw new Error(
      `${what} ${JSON.stringify(shown(key))}, with half of a surrogate pair in it (a text cut within a character): it has no UTF-8`,
    );
}

const shown = (key: string): string => (key.length > 100 ? `${key.slice(0, 100)}…` : key);

/** The key of a record, in `bytes[start, end)`. @throws Error when it is no text: two such keys would be read as one. */
export function keyText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end)))
    throw new Error("the record's key is no UTF-8");
  return text;
}
