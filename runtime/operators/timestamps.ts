import type { FlowNode } from "../dsl/graph.ts";
import { eventTimeOf } from "../time.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Gives a record an event time of its own; the watermark is not told. */
export function timestamps(
  node: Extract<FlowNode, { kind: "timestamps" }>,
  push: Push,
  { record }: OperatorRuntime,
): Push {
  const { timeOf } = node;
  const at = record.stepId("timestamps");
  return (value) => {
    record.at = at;
    const timeMs = eventTimeOf("timeOf", timeOf(value));
    const before = record.timestamp;
    record.timestamp = timeMs;
    push(value);
    record.timestamp = before; // RC1
  };
}
