import type { FlowNode } from "../dsl/stream.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/** Gives a record its event time and lets its partition's watermark know of it. */
export function watermark(
  node: Extract<FlowNode, { kind: "watermark" }>,
  push: Push,
  runtime: OperatorRuntime,
): Push {
  const { timeOf, disorderMaxMs } = node.strategy;
  const { record } = runtime;
  return (value) => {
    record.step = "watermark";
    const timeMs = timeOf(value);
    if (!Number.isFinite(timeMs)) throw new Error(`timeOf gave ${timeMs}, which is not a time`);
    record.timestamp = timeMs;
    push(value);
    // After the record itself: one that throws below does not move time.
    runtime.observeEventTime(timeMs, disorderMaxMs);
  };
}
