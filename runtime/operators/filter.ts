import type { FlowNode } from "../dsl/graph.ts";
import { settled } from "../settled.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Lets a value pass or not. */
export function filter(
  node: Extract<FlowNode, { kind: "filter" }>,
  push: Push,
  { record }: OperatorRuntime,
): Push {
  const { keep, name } = node;
  const at = record.stepId(name);
  return (value) => {
    record.at = at;
    if (settled<unknown>("filter", keep(value))) push(value);
  };
}
