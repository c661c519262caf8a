import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codec, codecOf } from "../../schemas/codec.ts";
import { hostileBytes, hostileValues, ordinaryValue } from "./hostile.ts";

const SCHEMAS = readdirSync(new URL("../../schemas", import.meta.url))
  .filter((file) => file.endsWith(".avsc"))
  .map((file) => codec<unknown>(file.slice(0, -".avsc".length)));

const names = (schema: unknown): readonly string[] => hostileValues(schema).map(({ name }) => name);

describe("hostile values", () => {
  it("an ordinary value of each schema is one that its codec takes and gives back", () => {
    expect(SCHEMAS.length).toBeGreaterThan(10);
    for (const one of SCHEMAS) {
      const value = ordinaryValue(one.schema);
      expect(one.decode(one.encode(value))).toEqual(value);
    }
  });

  it("each schema has some that go through its codec, and some that do not", () => {
    for (const one of SCHEMAS) {
      const all = names(one.schema);
      const taken = hostileBytes(one).map(({ name }) => name);
      expect(new Set(all).size).toBe(all.length);
      expect(taken.length).toBeGreaterThan(0);
      expect(taken.length).toBeLessThan(all.length);
    }
  });

  it("are strange in one place, which the name tells", () => {
    const Reading = {
      type: "record",
      name: "Reading",
      fields: [
        { name: "hr", type: "int" },
        { name: "at", type: ["null", "long"] },
        { name: "names", type: { type: "array", items: "string" } },
      ],
    };
    const values = new Map(hostileValues(Reading).map(({ name, value }) => [name, value]));
    expect(values.get("hr: NaN")).toEqual({ hr: Number.NaN, at: 1, names: ["a"] });
    expect(values.get("at: the year 2999")).toEqual({ hr: 1, at: Date.UTC(2999, 11, 31), names: ["a"] });
    expect(values.get("names[1]: the first half of a surrogate pair")).toEqual({
      hr: 1,
      at: 1,
      names: ["a", "Ann\ud83d"],
    });
    expect(values.get("hr: missing")).toEqual({ at: 1, names: ["a"] });
  });

  it("a schema that holds itself ends", () => {
    const Tree = codecOf<unknown>("tree", {
      type: "record",
      name: "Tree",
      fields: [
        { name: "size", type: "double" },
        { name: "branches", type: { type: "array", items: "Tree" } },
      ],
    });
    const value = ordinaryValue(Tree.schema);
    expect(Tree.decode(Tree.encode(value))).toEqual(value);
    expect(names(Tree.schema)).toContain("branches[1].size: NaN");
  });

  it("a text is half a surrogate pair, a megabyte, nothing; a number none", () => {
    expect(names("string")).toEqual(
      expect.arrayContaining(["the first half of a surrogate pair", "a megabyte", "empty"]),
    );
    expect(names('"double"')).toEqual(expect.arrayContaining(["NaN", "Infinity", "-0"]));
  });
});
