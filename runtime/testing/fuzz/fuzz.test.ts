import { describe, expect, it } from "vitest";
import { drawCase } from "./draw-case.ts";
import { KEPT_JOBS } from "./kept-jobs.ts";
import { OPERATORS } from "./operators/index.ts";
import { fits, PLANTED } from "./planted.ts";
import { runSeed } from "./run-seed.ts";

const seeds = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const SEEDS = seeds(120);

describe("random jobs", () => {
  it("come out as the reference says, whatever is done to them", { timeout: 300_000 }, () => {
    let outputs = 0;
    for (const seed of SEEDS) {
      const result = runSeed(seed);
      expect({ seed, differences: result.differences }).toEqual({ seed, differences: [] });
      outputs += result.outputs;
    }
    expect(outputs).toBeGreaterThan(SEEDS.length * 20);
  });

  it.each(KEPT_JOBS)("seed $seed, which found: $found", ({ seed, found: _, ...subset }) => {
    expect(runSeed(seed, subset).differences).toEqual([]);
  });

  it("have every operator in them", () => {
    const met = new Set(seeds(1_000).flatMap((seed) => drawCase(seed).spec.map(({ op }) => op)));
    expect([...met].sort()).toEqual(Object.keys(OPERATORS).sort());
  });

  it.each(Object.keys(PLANTED))("the planted bug %s fits the runtime's text", (bug) => {
    expect(fits(bug)).toBe(true);
  });
});
