import type { FlowNode } from "../dsl/graph.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Any number of values out for each in; all have the event time and key of the one they came from. */
export function flatMap(
  node: Extract<FlowNode, { kind: "flatMap" }>,
  push: Push,
  { record }: OperatorRuntime,
): Push {
  const { apply, name } = node;
  return (value) => {
    record.step = name;
    const { timestamp } = record;
    for (const each of apply(value)) {
      record.timestamp = timestamp;
      push(each);
    }
  };
}
