/**
 * Keys of a changelog: one compacted topic a stage, partitioned as the stage's inputs.
 *
 *   p                                   progress of the partition: offsets, watermarks, epoch
 *   s \0 step.state \0 id               a schema that values of the state were written with
 *   v \0 step.state \0 key              a value
 *   m \0 step.state \0 length:key name  an entry of a map (length of the key, since both may hold any character)
 *   t \0 step \0 domain time \0 key     a timer; domain `e` or `p`
 *   c \0 step.state \0 index:kind rest  a part of a value that is too large for one record; `kind` and `rest` are of its key
 *
 * A null value deletes. Names of steps and states hold no \0 (checked by the planner).
 */

import { assert } from "../errors.ts";

export type ChangelogKey =
  | { readonly kind: "progress" }
  | { readonly kind: "schema"; readonly state: string; readonly id: number }
  | { readonly kind: "value"; readonly state: string; readonly key: string }
  | { readonly kind: "map"; readonly state: string; readonly key: string; readonly name: string }
  | {
      readonly kind: "part";
      readonly index: number /** The changelog key of the value. */;
      readonly of: string;
    }
  | {
      readonly kind: "timer";
      readonly step: string;
      readonly domain: "event" | "processing";
      readonly timeMs: number;
      readonly key: string;
    };

export const PROGRESS_KEY = "p";
export const schemaKey = (state: string, id: number): string => `s\0${state}\0${id}`;
export const valueKey = (state: string, key: string): string => `v\0${state}\0${key}`;
export const mapKey = (state: string, key: string, name: string): string =>
  `m\0${state}\0${key.length}:${key}${name}`;
export const timerKey = (step: string, domain: "event" | "processing", timeMs: number, key: string): string =>
  `t\0${step}\0${domain === "event" ? "e" : "p"}${timeMs}\0${key}`;

/** @param of the changelog key of a value. */
export function partKey(of: string, index: number): string {
  const nameEnd = of.indexOf("\0", 2);
  return `c${of.slice(1, nameEnd + 1)}${index}:${of[0]}${of.slice(nameEnd + 1)}`;
}

export function parseChangelogKey(text: string): ChangelogKey {
  if (text === PROGRESS_KEY) return { kind: "progress" };
  const nameEnd = text.indexOf("\0", 2);
  assert(text[1] === "\0" && nameEnd > 0, () => `changelog key ${JSON.stringify(text)}`);
  return keyOf(text[0]!, text.slice(2, nameEnd), text.slice(nameEnd + 1));
}

/**
 * Parses keys where they lie in a fetch. What a key begins with, its kind and its state, is mostly that of the key before: it
 * is compared, not decoded, and no longer text stays in memory for the sake of the key in it.
 */
export class ChangelogKeyReader {
  #head = Buffer.alloc(0);
  #kind = "";
  #name = "";

  /** The key in `bytes[start, end)`. */
  read(bytes: Buffer, start: number, end: number): ChangelogKey {
    if (!this.#beginsAsBefore(bytes, start, end)) {
      const nameEnd = bytes.indexOf(0, start + 2);
      if (bytes[start + 1] !== 0 || nameEnd < 0 || nameEnd >= end)
        return parseChangelogKey(bytes.toString("utf8", start, end));
      this.#head = Buffer.from(bytes.subarray(start, nameEnd + 1));
      this.#kind = String.fromCharCode(bytes[start]!);
      this.#name = bytes.toString("utf8", start + 2, nameEnd);
    }
    return keyOf(this.#kind, this.#name, bytes.toString("utf8", start + this.#head.length, end));
  }

  #beginsAsBefore(bytes: Buffer, start: number, end: number): boolean {
    const head = this.#head;
    if (head.length === 0 || start + head.length > end) return false;
    // From its end: kinds and states that are not the same differ there most often.
    for (let i = head.length - 1; i >= 0; i--) if (bytes[start + i] !== head[i]) return false;
    return true;
  }
}

function keyOf(kind: string, name: string, rest: string): ChangelogKey {
  switch (kind) {
    case "s":
      return { kind: "schema", state: name, id: Number(rest) };
    case "v":
      return { kind: "value", state: name, key: rest };
    case "m": {
      const colon = rest.indexOf(":");
      const length = Number(rest.slice(0, colon));
      return {
        kind: "map",
        state: name,
        key: rest.slice(colon + 1, colon + 1 + length),
        name: rest.slice(colon + 1 + length),
      };
    }
    case "c": {
      const colon = rest.indexOf(":");
      const of = `${rest[colon + 1]}\0${name}\0${rest.slice(colon + 2)}`;
      return { kind: "part", index: Number(rest.slice(0, colon)), of };
    }
    case "t": {
      const end = rest.indexOf("\0");
      return {
        kind: "timer",
        step: name,
        domain: rest[0] === "e" ? "event" : "processing",
        timeMs: Number(rest.slice(1, end)),
        key: rest.slice(end + 1),
      };
    }
    default:
      throw new Error(
        `changelog key of an unknown kind ${JSON.stringify(kind)} of "${name}": written by a newer version?`,
      );
  }
}
