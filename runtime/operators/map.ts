import type { FlowNode } from "../dsl/graph.ts";
import { settled } from "../settled.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** One value out for each in. */
export function map(node: Extract<FlowNode, { kind: "map" }>, push: Push, { record }: OperatorRuntime): Push {
  const { apply, name } = node;
  const at = record.stepId(name);
  return (value) => {
    record.at = at;
    push(settled("map", apply(value)));
  };
}
