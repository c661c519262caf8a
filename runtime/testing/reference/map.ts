/** `map`: one value out for each in, with its time and key. */
import type { FlowNode } from "../../dsl/graph.ts";
import type { Emit, Rec } from "./record.ts";

export function map({ apply }: Extract<FlowNode, { kind: "map" }>, rec: Rec, emit: Emit): void {
  emit({ ...rec, value: apply(rec.value) });
}
