/** `filter`: the record as it is, or nothing. */
import type { FlowNode } from "../../dsl/graph.ts";
import type { Emit, Rec } from "./record.ts";

export function filter({ keep }: Extract<FlowNode, { kind: "filter" }>, rec: Rec, emit: Emit): void {
  if (keep(rec.value)) emit(rec);
}
