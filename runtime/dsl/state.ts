/**
 * State of a keyed step: declared with the step, used through its context, always that of the current key.
 *
 * A value got from state, or put into it, must not be changed in place: put a new one. The runtime keeps what it replaces until the record
 * is through, so that a record that throws leaves state as it was; a value changed in place cannot be taken back.
 */
import type { Codec } from "../../schemas/codec.ts";
import { duration, oneOf } from "./options.ts";
import type { TimeDomain } from "./process.ts";

/**
 * When state goes by itself: `after` milliseconds from when an entry was last written, by the time of the record that wrote it
 * (`event`), or by the node's clock (`processing`). From then on nobody sees it; it is removed from memory and changelog soon
 * after, also when nobody asks for it again. Reading does not lengthen its life.
 */
export interface TimeToLive {
  readonly after: number;
  readonly time: TimeDomain;
}

export interface StateOptions {
  readonly ttl?: TimeToLive;
}

export interface ValueStateDescriptor<T> extends StateOptions {
  readonly kind: "value";
  readonly codec: Codec<T>;
}

export interface MapStateDescriptor<V> extends StateOptions {
  readonly kind: "map";
  readonly codec: Codec<V>;
}

export interface ListStateDescriptor<T> {
  readonly kind: "list";
  readonly codec: Codec<T>;
}

export interface AggregatingStateDescriptor<In, Acc> extends StateOptions {
  readonly kind: "aggregating";
  readonly codec: Codec<Acc>;
  first(value: In): Acc;
  add(accumulator: Acc, value: In): Acc;
}

export type StateDescriptor =
  | ValueStateDescriptor<unknown>
  | MapStateDescriptor<unknown>
  | ListStateDescriptor<unknown>
  | AggregatingStateDescriptor<unknown, unknown>;

/** One value a key. */
export const valueState = <T>(codec: Codec<T>, options: StateOptions = {}): ValueStateDescriptor<T> => ({
  kind: "value",
  codec,
  ...checked(options),
});

/** Many values a key, each under a name of its own; a change writes that entry alone. */
export const mapState = <V>(codec: Codec<V>, options: StateOptions = {}): MapStateDescriptor<V> => ({
  kind: "map",
  codec,
  ...checked(options),
});

/** Many values a key, one after the other; adding one writes that one alone. */
export const listState = <T>(codec: Codec<T>): ListStateDescriptor<T> => ({ kind: "list", codec });

/** One value a key, of all that were added. `reduce` returns a new value; it does not change those it is given. */
export const reducingState = <T>(
  codec: Codec<T>,
  reduce: (a: T, b: T) => T,
  options: StateOptions = {},
): AggregatingStateDescriptor<T, T> => ({
  kind: "aggregating",
  codec,
  first: (value) => value,
  add: reduce,
  ...checked(options),
});

/** As `reducingState`, of another type than what is added. `add` returns a new accumulator. */
export const aggregatingState = <In, Acc>(
  codec: Codec<Acc>,
  parts: { readonly create: () => Acc; readonly add: (accumulator: Acc, value: In) => Acc },
  options: StateOptions = {},
): AggregatingStateDescriptor<In, Acc> => ({
  kind: "aggregating",
  codec,
  first: (value) => parts.add(parts.create(), value),
  add: parts.add,
  ...checked(options),
});

export interface ValueState<T> {
  get(): T | undefined;
  put(value: T): void;
  clear(): void;
}

export interface MapState<V> {
  get(name: string): V | undefined;
  has(name: string): boolean;
  put(name: string, value: V): void;
  delete(name: string): void;
  /** In the order of first insertion; after a restore in the order of the changelog. */
  entries(): IterableIterator<[string, V]>;
  values(): IterableIterator<V>;
  readonly size: number;
  clear(): void;
}

export interface ListState<T> {
  /** All values, in the order they were added. */
  get(): readonly T[];
  add(value: T): void;
  /** Puts these in place of all there are. */
  put(values: readonly T[]): void;
  clear(): void;
}

export interface AggregatingState<In, Acc> {
  /** `undefined` until something is added. */
  get(): Acc | undefined;
  add(value: In): void;
  clear(): void;
}

export type StateOf<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends MapStateDescriptor<infer V>
      ? MapState<V>
      : D extends ListStateDescriptor<infer T>
        ? ListState<T>
        : D extends AggregatingStateDescriptor<infer In, infer Acc>
          ? AggregatingState<In, Acc>
          : never;

export type StatesOf<S> = { readonly [Name in keyof S]: StateOf<S[Name]> };

function checked(options: StateOptions): StateOptions {
  const { ttl } = options;
  if (ttl === undefined) return options;
  duration("a state's ttl.after", ttl.after, 1);
  oneOf("a state's ttl.time", ttl.time, ["event", "processing"]);
  return options;
}
