/**
 * What passes from one author's function to another, or to state, is nobody's to change: a record is one object for all branches, and
 * a value of state changed in place is lost at a restart. Nothing watches over it in production, for that costs; in tests a
 * `HandOver` freezes whatever changes hands, so that such code throws there.
 */
import type { StateDescriptor } from "../dsl/state.ts";
import type { AnyAggregate } from "./guard.ts";
import type { Push } from "./record-context.ts";

export interface HandOver {
  /** Makes a value one that cannot be changed, with all that is in it, and gives it back. */
  freeze<T>(value: T): T;
  /** Says in the author's words what a failed change comes out as. */
  explain(error: unknown): unknown;
}

export const pushFrozen =
  ({ freeze }: HandOver, push: Push): Push =>
  (value) =>
    push(freeze(value));

/** State or a table as a step sees it: what it puts in is frozen, and so is what it gets out. */
export function frozenFacade<T extends object>({ freeze }: HandOver, facade: T): T {
  // A list is the state's own to grow: a step gets one of its own.
  const out = (value: unknown): unknown => (Array.isArray(value) ? freeze([...value]) : freeze(value));
  const given = (value: unknown): unknown => (isIterator(value) ? frozenEach(value, freeze) : out(value));
  return new Proxy(facade, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...values: unknown[]) => given(member.apply(target, values.map(freeze)));
    },
  });
}

export function frozenState({ freeze }: HandOver, descriptor: StateDescriptor): StateDescriptor {
  if (descriptor.kind !== "aggregating") return descriptor;
  return {
    ...descriptor,
    first: (value) => freeze(descriptor.first(value)),
    add: (accumulator, value) => freeze(descriptor.add(accumulator, value)),
  };
}

/** Accumulators are frozen but for those that may be changed in place (`copy`); of these `result` gets a frozen copy. */
export function frozenAggregate({ freeze }: HandOver, aggregate: AnyAggregate): AnyAggregate {
  const { copy } = aggregate;
  if (copy) {
    return {
      ...aggregate,
      result: (accumulator, window) => aggregate.result(freeze(copy(accumulator)), window),
    };
  }
  return {
    ...aggregate,
    create: () => freeze(aggregate.create()),
    add: (accumulator, value, timestamp) => freeze(aggregate.add(accumulator, value, timestamp)),
    merge: (first, second) => freeze(aggregate.merge(first, second)),
  };
}

function isIterator(value: unknown): value is IterableIterator<unknown> {
  return typeof value === "object" && value !== null && "next" in value && Symbol.iterator in value;
}

function* frozenEach(values: Iterable<unknown>, freeze: HandOver["freeze"]): IterableIterator<unknown> {
  for (const value of values) yield freeze(value);
}
