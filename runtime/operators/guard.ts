/** Authors' functions that state and windows call, so that a promise of theirs is refused before it is kept. */
import type { Aggregate } from "../dsl/aggregate.ts";
import type { StateDescriptor } from "../dsl/state.ts";
import { settled } from "../settled.ts";

export type AnyAggregate = Aggregate<unknown, unknown, unknown>;

export function guardedAggregate(aggregate: AnyAggregate): AnyAggregate {
  return {
    ...aggregate,
    codec: aggregate.codec,
    ...(aggregate.copy && { copy: (accumulator) => settled("copy", aggregate.copy?.(accumulator)) }),
    create: () => settled("create", aggregate.create()),
    add: (accumulator, value, timestamp) => settled("add", aggregate.add(accumulator, value, timestamp)),
    merge: (first, second) => settled("merge", aggregate.merge(first, second)),
    result: (accumulator, window) => settled("result", aggregate.result(accumulator, window)),
  };
}

export function guardedState(descriptor: StateDescriptor): StateDescriptor {
  if (descriptor.kind !== "aggregating") return descriptor;
  return {
    ...descriptor,
    first: (value) => settled("add", descriptor.first(value)),
    add: (accumulator, value) => settled("add", descriptor.add(accumulator, value)),
  };
}
