/** From a case that fails to a smaller one that still fails in the same way: fewer steps, fewer records, one task. */
import type { Case } from "./draw-case.ts";
import { runCase } from "./run-case.ts";
import { partOf, type Subset } from "./subset.ts";

const RUNS_MAX = 400;

/** @param difference what the whole case fails with first */
export function shrink(one: Case, difference: string): Subset {
  const kind = kindOf(difference);
  let runs = 0;
  const fails = (subset: Subset): boolean => {
    if (runs++ >= RUNS_MAX) return false;
    try {
      return runCase(partOf(one, subset)).differences.some((other) => kindOf(other) === kind);
    } catch {
      // What is left is no job any more.
      return false;
    }
  };
  let subset: Subset = { steps: idsOf(one), actions: [...one.script.keys()] };
  if (fails({ ...subset, plain: true })) subset = { ...subset, plain: true };
  for (let before = ""; before !== JSON.stringify(subset); ) {
    before = JSON.stringify(subset);
    const steps = smaller(subset.steps!, (some) => fails({ ...subset, steps: some }));
    subset = { ...subset, steps };
    const actions = smaller(subset.actions!, (some) => fails({ ...subset, actions: some }));
    subset = { ...subset, actions };
    if (!subset.plain && fails({ ...subset, plain: true })) subset = { ...subset, plain: true };
  }
  return subset;
}

function idsOf({ spec, script }: Case): number[] {
  const specs = [spec, ...script.flatMap((action) => (action.do === "edit" ? [action.spec] : []))];
  return [...new Set(specs.flat().map(({ id }) => id))].sort((a, b) => a - b);
}

/** What it is about, not which values it has. */
function kindOf(difference: string): string {
  if (/^dead letter/.test(difference)) return "dead letters";
  if (
    /^(the job stops|the edit is refused|the reference cannot follow|event time|late records|state)/.test(
      difference,
    )
  )
    return difference.split(/[:\d]/)[0]!;
  return "outputs";
}

/** Leaves out ever smaller pieces of a list as long as what is left still fails. */
function smaller<T>(list: readonly T[], fails: (some: readonly T[]) => boolean): readonly T[] {
  let kept = list;
  for (let piece = Math.ceil(kept.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < kept.length; ) {
      const some = [...kept.slice(0, at), ...kept.slice(at + piece)];
      if (fails(some)) kept = some;
      else at += piece;
    }
  }
  return kept;
}
