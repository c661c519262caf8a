import type { FlowNode } from "../dsl/graph.ts";
import { settled } from "../settled.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import { emitFor, type Push } from "./record-context.ts";

/** Any number of values out for each in; all have the event time and key of the one they came from. */
export function flatMap(
  node: Extract<FlowNode, { kind: "flatMap" }>,
  push: Push,
  { record }: OperatorRuntime,
): Push {
  const { apply, name } = node;
  const at = record.stepId(name);
  const emit = (each: unknown): void => emitFor(record, at, push, each);
  return (value) => {
    record.at = at;
    const returned = settled("flatMap", apply(value, emit));
    if (returned) for (const each of returned) emit(each);
  };
}
