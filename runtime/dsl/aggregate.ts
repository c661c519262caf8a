/**
 * What a window makes of its records: an accumulator that grows with each (`aggregate`), or all of them at its end
 * (`collect`).
 */
import { type Codec, listOf } from "../../schemas/codec.ts";
import type { Window } from "./window.ts";

/**
 * An incremental aggregate: a window keeps one accumulator, whatever the number of its records.
 *
 * - Without `copy`, accumulators are values: `add` and `merge` return a new one and leave the given ones as they are.
 * - With `copy`, `add` and `merge` may change their first argument in place and return it: for accumulators that are dear to
 *   make anew, such as a sketch. The runtime copies one once a record before it changes, to take the record back should it
 *   throw.
 */
export interface Aggregate<In, Acc, Out> {
  /** How an accumulator lies in a checkpoint. */
  readonly codec: Codec<Acc>;
  /** The accumulator of no records: `merge(create(), a)` is `a`. */
  create(): Acc;
  /** @param timestamp the record's event time; `undefined` in a count window of a stream without `watermark`. */
  add(accumulator: Acc, value: In, timestamp: number | undefined): Acc;
  /** Both together. Called for panes of sliding windows and for sessions that become one; the first is the earlier. */
  merge(first: Acc, second: Acc): Acc;
  /** What the window emits. Must not change the accumulator: there may be more results of the same window. */
  result(accumulator: Acc, window: Window): Out;
  readonly copy?: (accumulator: Acc) => Acc;
}

/**
 * Marks `collect`, with the codec of what it collects: its accumulator is a list that only grows at its end. So its length is all
 * that has to be saved, and what came since the last epoch all that has to be written.
 */
const GROWS = Symbol("grows");

/** The codec of what is collected; `undefined`: it is no list that grows. */
export const elementOf = (aggregate: object): Codec<unknown> | undefined =>
  (aggregate as { readonly [GROWS]?: Codec<unknown> })[GROWS];

export const aggregate = <In, Acc, Out>(parts: Aggregate<In, Acc, Out>): Aggregate<In, Acc, Out> => parts;

/**
 * A full-window function: keeps every value until the window's end, then calls `result` with all of them, in the order they
 * came. For what cannot be computed a value at a time. An epoch writes the values that came in it.
 */
export function collect<T, Out>(options: {
  codec: Codec<T>;
  result: (values: readonly T[], window: Window) => Out;
}): Aggregate<T, T[], Out> {
  return {
    codec: listOf(options.codec),
    create: () => [],
    add: (values, value) => {
      values.push(value);
      return values;
    },
    merge: (first, second) => {
      for (const value of second) first.push(value);
      return first;
    },
    result: options.result,
    copy: (values) => [...values],
    ...{ [GROWS]: options.codec },
  };
}
