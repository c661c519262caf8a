/**
 * State of a keyed step: declared with the step, used through its context, always that of the current key.
 *
 * A value got from state must not be changed in place: put a new one. The runtime keeps what it replaces until the record
 * is through, so that a record that throws leaves state as it was; a value changed in place cannot be taken back.
 */
import type { Codec } from "../../schemas/codec.ts";

export interface ValueStateDescriptor<T> {
  readonly kind: "value";
  readonly codec: Codec<T>;
}

export interface MapStateDescriptor<V> {
  readonly kind: "map";
  readonly codec: Codec<V>;
}

export type StateDescriptor = ValueStateDescriptor<unknown> | MapStateDescriptor<unknown>;

/** One value a key. */
export const valueState = <T>(codec: Codec<T>): ValueStateDescriptor<T> => ({ kind: "value", codec });

/** Many values a key, each under a name of its own; a change writes that entry alone. */
export const mapState = <V>(codec: Codec<V>): MapStateDescriptor<V> => ({ kind: "map", codec });

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

export type StateOf<D> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends MapStateDescriptor<infer V>
      ? MapState<V>
      : never;

export type StatesOf<S> = { readonly [Name in keyof S]: StateOf<S[Name]> };
