import type { FlowNode } from "../dsl/graph.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Gives a record an event time of its own; the watermark is not told. */
export function timestamps(
  node: Extract<FlowNode, { kind: "timestamps" }>,
  push: Push,
  { record }: OperatorRuntime,
): Push {
  const { timeOf } = node;
  return (value) => {
    const timeMs = timeOf(value);
    if (!Number.isFinite(timeMs)) {
      record.step = "timestamps";
      throw new Error(`timeOf gave ${timeMs}, which is not a time`);
    }
    const before = record.timestamp;
    record.timestamp = timeMs;
    push(value);
    record.timestamp = before; // RC1
  };
}
