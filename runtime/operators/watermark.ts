import type { FlowNode } from "../dsl/graph.ts";
import type { WatermarkGenerator } from "../dsl/watermark.ts";
import { refusePromise } from "../settled.ts";
import { eventTimeOf, MAX_WATERMARK } from "../time.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";

/**
 * Gives a record its event time and lets its channel of the watermark know of it; unless its time cannot be: then it goes to
 * `pushFuture`, or on without moving time. One from a little ahead, by a clock that is a little fast, moves time to when it was
 * received and no further: what others read until then is not late by it.
 */
export function watermark(
  node: Extract<FlowNode, { kind: "watermark" }>,
  push: Push,
  sides: ReadonlyMap<string, Push>,
  runtime: OperatorRuntime,
): Push {
  const { timeOf, generator, future } = node.strategy;
  const { record } = runtime;
  const at = record.stepId("watermark");
  const aheadMaxMs = future?.ahead ?? Number.POSITIVE_INFINITY;
  const receivedOf = future?.receivedOf;
  const pushFuture = future?.to ? (sides.get(future.to.name) ?? (() => {})) : push;
  const generators = new Map<string, WatermarkGenerator<unknown>>();
  let topic = "";
  let partition = -1;
  let current = generator();
  const turnTo = () => {
    ({ topic, partition } = record);
    const id = `${topic}/${partition}`;
    current = generators.get(id) ?? generator();
    generators.set(id, current);
  };
  return (value) => {
    record.at = at;
    const timeMs = eventTimeOf("timeOf", timeOf(value));
    const receivedMs = receivedOf ? eventTimeOf("receivedOf", receivedOf(value)) : record.ingestMs;
    const before = record.timestamp;
    record.timestamp = timeMs;
    if (timeMs - receivedMs > aheadMaxMs) {
      pushFuture(value);
      record.timestamp = before; // RC1
      return;
    }
    push(value);
    record.timestamp = before; // RC1
    record.at = at; // RC2
    if (record.partition !== partition || record.topic !== topic) turnTo();
    const seenMs = future && receivedMs < timeMs ? receivedMs : timeMs;
    // It counts once the record is through: one that throws does not move time (ET4).
    runtime.observeEventTime(node, seenMs, watermarkOf(current.onRecord(value, seenMs)));
  };
}

/** What a generator said, by any of its names for "everything". */
function watermarkOf(said: unknown): number {
  if (typeof said === "number" && !Number.isNaN(said)) return Math.min(Math.floor(said), MAX_WATERMARK);
  refusePromise("the watermark's generator", said);
  throw new Error(`the watermark's generator gave ${String(said)}, which is not a time`);
}
