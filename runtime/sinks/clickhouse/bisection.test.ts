import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findOffenders } from "./bisection.ts";

/** A server that refuses `bad` rows, and counts what it is asked. */
function server(bad: ReadonlySet<number>, clear = true) {
  const asked = { questions: 0, rows: 0 };
  const ask = async (from: number, to: number) => {
    asked.questions++;
    asked.rows += to - from;
    for (let row = from; row < to; row++) if (bad.has(row)) return { reason: `row ${row}`, clear };
    return undefined;
  };
  return { asked, ask };
}

const rowsOf = (offenders: readonly { row: number }[]) => offenders.map(({ row }) => row);

describe("rows that a server refuses", () => {
  test("are found exactly, each with what is said about it alone", () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), async (rows, some) => {
        const bad = new Set(some.filter((row) => row < rows));
        const offenders = await findOffenders(rows, rows, server(bad).ask);
        expect(offenders).toEqual(
          [...bad].sort((a, b) => a - b).map((row) => ({ row, reason: `row ${row}` })),
        );
      }),
    ));

  test("cost some questions, not one a row: one of 10 000, first, last or in the middle", async () => {
    for (const row of [0, 4_711, 9_999]) {
      const { ask, asked } = server(new Set([row]));
      expect(rowsOf(await findOffenders(10_000, 10_000, ask))).toEqual([row]);
      expect(asked.questions).toBeLessThan(2 * Math.log2(10_000) + 3);
      expect(asked.rows).toBeLessThan(3 * 10_000);
    }
  });

  test("may be all of them", async () => {
    const all = Array.from({ length: 1_000 }, (_, row) => row);
    const { ask, asked } = server(new Set(all));
    expect(rowsOf(await findOffenders(1_000, 1_000, ask))).toEqual(all);
    expect(asked.questions).toBeLessThan(1_000 + 50);
  });

  test("cost little more than one question each where they come in rows, and the good ones between few", async () => {
    const bad = new Set(Array.from({ length: 500 }, (_, i) => (i < 250 ? 1_000 + i : 7_000 + i)));
    const { ask, asked } = server(bad);
    expect(rowsOf(await findOffenders(10_000, 10_000, ask))).toEqual([...bad]);
    expect(asked.questions).toBeLessThan(500 + 200);
  });

  test("are found from the first on, so many at a time", async () => {
    const { ask } = server(new Set([3, 50, 51, 99]));
    expect(rowsOf(await findOffenders(100, 2, ask))).toEqual([3, 50]);
  });

  test("are blamed for what is not clearly about values only where another row is taken", async () => {
    expect(rowsOf(await findOffenders(100, 100, server(new Set([7]), false).ask))).toEqual([7]);
    const all = new Set(Array.from({ length: 10_000 }, (_, row) => row));
    const { ask, asked } = server(all, false);
    expect(await findOffenders(10_000, 10_000, ask)).toEqual([]);
    expect(asked.questions).toBeLessThan(100);
    expect(await findOffenders(1, 1, server(new Set([0]), false).ask)).toEqual([]);
  });

  test("are not blamed for a refusal of many that is none of each", async () => {
    const offenders = await findOffenders(64, 64, async (from, to) =>
      to - from > 16 ? { reason: "too many at once", clear: true } : undefined,
    );
    expect(offenders).toEqual([]);
  });
});

test("a question that fails ends the search", async () => {
  const failing = findOffenders(10, 10, () => Promise.reject(new Error("away")));
  await expect(failing).rejects.toThrow("away");
});
