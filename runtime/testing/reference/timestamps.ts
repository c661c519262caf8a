/** `timestamps`: another event time for the record. The watermark is not told: a record behind it is late. */
import type { FlowNode } from "../../dsl/graph.ts";
import type { Emit, Rec } from "./record.ts";
import { time } from "./watermark.ts";

export function timestamps(
  { timeOf }: Extract<FlowNode, { kind: "timestamps" }>,
  rec: Rec,
  emit: Emit,
): void {
  emit({ ...rec, timestamp: time("timeOf", timeOf(rec.value)) });
}
