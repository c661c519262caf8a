/** `flatMap`: what is given to `emit`, then what is returned; each with the time and key of the one it came from. */
import type { FlowNode } from "../../dsl/graph.ts";
import type { Emit, Rec } from "./record.ts";

export function flatMap({ apply }: Extract<FlowNode, { kind: "flatMap" }>, rec: Rec, emit: Emit): void {
  const one = (value: unknown) => emit({ ...rec, value });
  for (const value of apply(rec.value, one) ?? []) one(value);
}
