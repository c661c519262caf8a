/**
 * A random job as data: steps in an order in which each comes after those it takes records from. What each does is in the table of
 * operators; so a job can be printed, shrunk, and made again from its seed.
 */
import type { JobDefinition } from "../../dsl/job.ts";
import { job } from "../../dsl/job.ts";
import { OPERATORS, type OperatorName } from "./operators/index.ts";
import { Scope } from "./scope.ts";

export type Params = Readonly<Record<string, number | string | boolean>>;

export interface SpecStep {
  readonly id: number;
  readonly op: OperatorName;
  readonly inputs: readonly number[];
  readonly params: Params;
}

export type JobSpec = readonly SpecStep[];

/** @param evolved codecs of what is kept and carried have a field more: a later version of the job */
export function jobOf(spec: JobSpec, evolved = false): JobDefinition {
  return job("random", (flow) => {
    const scope = new Scope(flow, evolved);
    for (const { id, op, inputs, params } of spec)
      scope.put(
        id,
        OPERATORS[op].build(
          scope,
          inputs.map((input) => scope.stream(input)),
          params,
          `${op}-${id}`,
        ),
      );
  });
}

/** One line a step. */
export function tellSpec(spec: JobSpec): string {
  return spec
    .map(({ id, op, inputs, params }) => {
      const from = inputs.length > 0 ? ` of ${inputs.map((input) => `#${input}`).join(", ")}` : "";
      const how = Object.entries(params).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
      return `  #${id} ${op}${from}${how.length > 0 ? `: ${how.join(", ")}` : ""}`;
    })
    .join("\n");
}
