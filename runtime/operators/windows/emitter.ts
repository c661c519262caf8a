/** How a window says its result: marked, with the event time of the window's last millisecond. */
import type { Aggregate } from "../../dsl/aggregate.ts";
import type { Window } from "../../dsl/window.ts";
import type { OperatorRuntime } from "../operator-runtime.ts";
import type { Push } from "../record-context.ts";

/** What the kinds of windows share of their node. */
export interface WindowParts {
  readonly name: string;
  /** As `record.stepId` gave it. */
  readonly at: number;
  readonly aggregate: Aggregate<unknown, unknown, unknown>;
  readonly push: Push;
  /** Takes a record that came too late. */
  readonly pushLate: Push;
  readonly runtime: OperatorRuntime;
}

export function emitResult(
  { at, aggregate, push, runtime: { record } }: WindowParts,
  accumulator: unknown,
  window: Window,
): void {
  const { timestamp } = record;
  record.timestamp = window.end - 1;
  record.at = at;
  push(aggregate.result(accumulator, window));
  record.timestamp = timestamp;
  record.at = at;
}

/** Takes back a result that was said: down to outputs, which delete its row. @param accumulator as the result was made of it */
export function retractResult(parts: WindowParts, accumulator: unknown, window: Window): void {
  const { record } = parts.runtime;
  record.retracts = true;
  try {
    emitResult(parts, accumulator, window);
  } finally {
    record.retracts = false;
  }
}

/** Event time of the record at hand. The planner sees to a watermark upstream; an input beside it may still lack one. */
export function eventTime({ name, runtime: { record } }: WindowParts): number {
  const { timestamp } = record;
  if (timestamp === undefined)
    throw new Error(`window "${name}": the record has no event time; put .watermark on its way`);
  return timestamp;
}

export function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
