/**
 * `watermark`: gives a record its event time, and says how far its partition has come with it.
 *
 * - Event time is whole milliseconds, rounded down, not beyond the year 33658; what is none is the record's failure.
 * - With `future`, a record dated more than `ahead` after it was received says nothing of time; it goes to `to`, or on. One that is
 *   less ahead counts for the watermark as of when it was received.
 * - Each partition of each topic has a generator of its own, and each `.watermark` a channel of its own (time.ts).
 * - A partition's watermark never goes back: a lower value than before changes nothing, -Infinity says nothing. +Infinity: it is
 *   complete for good.
 * - A record that code throws on has not been: it moves no time.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import type { WatermarkGenerator } from "../../dsl/watermark.ts";
import { MAX_WATERMARK, TIME_MAX_MS } from "../../time.ts";
import type { Emit, Rec } from "./record.ts";

type Node = Extract<FlowNode, { kind: "watermark" }>;

export class Watermark {
  readonly #node: Node;
  readonly #generators = new Map<string, WatermarkGenerator<unknown>>();

  constructor(node: Node) {
    this.#node = node;
  }

  /** @param observe the record's partition is complete up to here, once the record is through. */
  take(rec: Rec, emit: Emit, observe: (watermark: number) => void): void {
    const { timeOf, future, generator } = this.#node.strategy;
    const timestamp = time("timeOf", timeOf(rec.value));
    const timed = { ...rec, timestamp };
    const receivedMs = future?.receivedOf ? time("receivedOf", future.receivedOf(rec.value)) : rec.ingestMs;
    if (future && timestamp - receivedMs > future.ahead) {
      emit(timed, future.to?.name);
      return;
    }
    emit(timed);
    const id = `${rec.topic}/${rec.partition}`;
    const one = this.#generators.get(id) ?? generator();
    this.#generators.set(id, one);
    const said = one.onRecord(rec.value, future ? Math.min(timestamp, receivedMs) : timestamp);
    if (Number.isNaN(said)) throw new Error("the watermark's generator gave NaN, which is not a time");
    observe(Math.min(Math.floor(said), MAX_WATERMARK));
  }
}

/** @param what the author's function that gave it */
export function time(what: string, ms: number): number {
  if (!(Math.abs(ms) <= TIME_MAX_MS)) throw new Error(`${what} gave ${ms}, which is not a time`);
  return Math.floor(ms) + 0;
}
