/** The random job of a seed, or a part of it: from the numbers to the verdict. */
import { drawCase } from "./draw-case.ts";
import { expectRefusal } from "./mistakes.ts";
import { type CaseResult, runCase } from "./run-case.ts";
import { partOf, type Subset } from "./subset.ts";

export interface SeedResult {
  readonly records: number;
  readonly outputs: number;
  readonly undetermined: boolean;
  readonly refused: boolean;
  readonly differences: readonly string[];
}

export function runSeed(seed: number, subset: Subset = {}): SeedResult {
  const one = drawCase(seed);
  if (one.mistake !== undefined) {
    const accepted = expectRefusal(one.mistake);
    return { records: 0, outputs: 0, undetermined: false, refused: true, differences: accepted };
  }
  const { records, outputs, undetermined, differences, refused }: CaseResult = runCase(partOf(one, subset));
  return { records, outputs, undetermined: undetermined !== undefined, refused, differences };
}
