/**
 * What a window holds, and what it says. A window is the list of its records; its accumulator is what the aggregate makes of them,
 * one after the other. The runtime keeps accumulators and merges them: an aggregate has to come to the same, in whatever groups it
 * is given the records.
 */
import type { Aggregate } from "../../../dsl/aggregate.ts";
import type { Pane } from "../../../dsl/window.ts";
import { type Emit, frozen, type Rec } from "../record.ts";

type AnyAggregate = Aggregate<unknown, unknown, unknown>;

export interface Held {
  readonly value: unknown;
  readonly timestamp: number | undefined;
}

export interface Span {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

export function fold(aggregate: AnyAggregate, held: readonly Held[]): unknown {
  let accumulator = aggregate.create();
  for (const { value, timestamp } of held) accumulator = aggregate.add(accumulator, value, timestamp);
  return accumulator;
}

/** A record that the aggregate does not take, or whose accumulator does not fit its codec, is set apart. */
export function check(aggregate: AnyAggregate, held: readonly Held[]): void {
  aggregate.codec.encode(fold(aggregate, held));
}

/** A result that was said is taken back. */
export function takeBack(
  aggregate: AnyAggregate,
  held: readonly Held[],
  { key, start, end }: Span,
  pane: Pane,
  index: number,
  rec: Rec,
  emit: Emit,
): void {
  const window = { key, start, end, pane, index, retracted: true as const };
  const value = frozen(aggregate.result(fold(aggregate, held), window));
  emit({ ...rec, value, timestamp: end - 1, retracts: true });
}

/** @param rec the record, or the time, that set it off. */
export function say(
  aggregate: AnyAggregate,
  held: readonly Held[],
  { key, start, end }: Span,
  pane: Pane,
  index: number,
  rec: Rec,
  emit: Emit,
): void {
  const value = frozen(aggregate.result(fold(aggregate, held), { key, start, end, pane, index }));
  emit({ ...rec, value, timestamp: end - 1 });
}
