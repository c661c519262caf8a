import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ChangelogKeyReader,
  mapKey,
  PROGRESS_KEY,
  parseChangelogKey,
  schemaKey,
  timerKey,
  valueKey,
} from "./changelog-key.ts";

const name = fc.constantFrom("count.count", "count.counts", "é.a", "a.é", "x.y");
const key = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "\0", "a\0:7é", "p", "v\0x.y\0a"));
const written = fc.oneof(
  fc.constant(PROGRESS_KEY),
  fc.tuple(name, fc.nat(100)).map(([state, id]) => schemaKey(state, id)),
  fc.tuple(name, key).map(([state, of]) => valueKey(state, of)),
  fc.tuple(name, key, key).map(([state, of, entry]) => mapKey(state, of, entry)),
  fc
    .tuple(name, fc.constantFrom("event" as const, "processing" as const), fc.nat(), key)
    .map(([step, domain, timeMs, of]) => timerKey(step, domain, timeMs, of)),
);

describe("keys of a changelog, read where they lie", () => {
  it("are what was written, whatever came before and lies around them", () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 20 }), (keys) => {
        const bytes = Buffer.from(keys.join(""), "utf8");
        const reader = new ChangelogKeyReader();
        let start = 0;
        for (const text of keys) {
          const end = start + Buffer.byteLength(text);
          expect(reader.read(bytes, start, end)).toEqual(parseChangelogKey(text));
          start = end;
        }
      }),
    );
  });

  it("that end too early are refused, also where the bytes after them would complete them", () => {
    const bytes = Buffer.from("v\0count.count\0key");
    const reader = new ChangelogKeyReader();
    expect(reader.read(bytes, 0, bytes.length)).toEqual({ kind: "value", state: "count.count", key: "key" });
    expect(() => reader.read(bytes, 0, 5)).toThrow("changelog key");
  });
});
