/** A part of a case: what a shrunk failure is told by, and run again by. */
import type { Action, Case } from "./draw-case.ts";
import type { JobSpec } from "./spec.ts";

export interface Subset {
  /** Ids of the steps that stay; those below one that goes take from what was above it. Absent: all. */
  readonly steps?: readonly number[];
  /** Indices of the actions that stay. Absent: all. */
  readonly actions?: readonly number[];
  /** Whether one task does all, one record at a time, and never dies. */
  readonly plain?: boolean;
}

export function partOf(one: Case, { steps, actions, plain = false }: Subset): Case {
  const kept = steps && new Set(steps);
  const specOf = (spec: JobSpec) => (kept ? without(spec, kept) : spec);
  const script = actions ? actions.flatMap((index) => one.script[index] ?? []) : one.script;
  return {
    seed: one.seed,
    spec: specOf(one.spec),
    script: script.map(
      (action): Action => (action.do === "edit" ? { ...action, spec: specOf(action.spec) } : action),
    ),
    cut: plain
      ? { partitions: 1, parallelism: 1, batchMax: 1, turnsAnEpoch: 1, crashes: 0, crashSeed: 0 }
      : one.cut,
  };
}

function without(spec: JobSpec, kept: ReadonlySet<number>): JobSpec {
  const standsFor = (id: number): number => {
    const step = spec.find((candidate) => candidate.id === id)!;
    return kept.has(id) || step.inputs.length === 0 ? id : standsFor(step.inputs[0]!);
  };
  return spec
    .filter(({ id, inputs }) => kept.has(id) || inputs.length === 0)
    .map((step) => ({ ...step, inputs: step.inputs.map(standsFor) }));
}
