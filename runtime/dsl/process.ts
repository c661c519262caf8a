/** The keyed step: what its author writes, and what the runtime gives it. */
import type { Codec } from "../../schemas/codec.ts";
import type { StateDescriptor, StatesOf } from "./state.ts";

/** Names a second output of a step, such as records of an unknown bib. */
export interface SideOutput<T> {
  readonly name: string;
  /** Only the type; never set. */
  readonly valueType?: T;
}

export const sideOutput = <T>(name: string): SideOutput<T> => ({ name });

/** The current content of a table (see `Flow.table`), by key. */
export interface Table<V> {
  get(key: string): V | undefined;
  values(): IterableIterator<V>;
}

/** Names a table in a flow; what a step's `tables` takes. */
export interface TableReference<V> {
  readonly tableTopic: string;
  /** Only the type; never set. */
  readonly valueType?: V;
}

/** A broadcast (see `Flow.broadcast`) as it is in force at the event time of the record or timer at hand. */
export interface Broadcast<V> {
  get(key: string): V | undefined;
  entries(): IterableIterator<[string, V]>;
  /** Number of the version of this key that is in force: grows with each record of the topic. */
  versionOf(key: string): number | undefined;
  /** Number of the newest version in force, of any key; 0 before the first. Worth saying in what is decided by it. */
  readonly version: number;
}

/** Names a broadcast in a flow; what a step's `tables` takes. */
export interface BroadcastReference<V> {
  readonly broadcastTopic: string;
  /** Only the type; never set. */
  readonly valueType?: V;
}

export const topicOf = (reference: TableReference<unknown> | BroadcastReference<unknown>): string =>
  "tableTopic" in reference ? reference.tableTopic : reference.broadcastTopic;

export type TablesOf<T> = {
  readonly [Name in keyof T]: T[Name] extends TableReference<infer V>
    ? Table<V>
    : T[Name] extends BroadcastReference<infer V>
      ? Broadcast<V>
      : never;
};

export type TimeDomain = "event" | "processing";

export interface Timers {
  /**
   * Fires once the watermark has reached `timeMs`, in whole milliseconds. Setting the same time twice is one timer. What is no such
   * time (NaN, a fraction) throws, and so sets the record apart.
   */
  onEventTime(timeMs: number): void;
  /** Fires once the node's clock has reached `timeMs`, Unix milliseconds. */
  onProcessingTime(timeMs: number): void;
  deleteEventTime(timeMs: number): void;
  deleteProcessingTime(timeMs: number): void;
}

export interface Context<Out, S, T, Index> {
  readonly key: string;
  /** Event time of the record, or of the timer; `undefined` for a record of a source without `watermark`. */
  readonly timestamp: number | undefined;
  /** When Kafka got the record (its Kafka timestamp, Unix milliseconds); for a timer: the node's clock. */
  readonly ingestMs: number;
  /** Event time this task has come to. */
  readonly watermark: number;
  /** The node's clock, Unix milliseconds: the one clock a step may look at. */
  readonly now: number;
  readonly state: StatesOf<S>;
  readonly tables: TablesOf<T>;
  readonly timers: Timers;
  /**
   * What the step derives from the key's state to be fast: kept in memory, never checkpointed, made anew by `index()` when
   * the key is first touched after a restore or after a record threw. It must follow from state alone.
   */
  readonly index: Index;
  emit(value: Out): void;
  side<V>(output: SideOutput<V>, value: V): void;
}

export type States = Readonly<Record<string, StateDescriptor>>;
export type Tables = Readonly<Record<string, TableReference<unknown> | BroadcastReference<unknown>>>;

/** What a function gives that gives nothing. A promise is no such thing, as it would be for `void` alone. */
// biome-ignore lint/suspicious/noConfusingVoidType: with undefined beside it, it takes no promise
export type Nothing = void | undefined;

export interface KeyedProcess<
  In,
  Out,
  S extends States = Record<never, never>,
  T extends Tables = Record<never, never>,
  Index = undefined,
> {
  /** What it emits: its codec says the type. A step without it emits nothing. */
  readonly emits?: Codec<Out>;
  /** The names are part of every checkpoint: renaming one orphans its content. */
  readonly state?: S;
  readonly tables?: T;
  readonly sides?: readonly SideOutput<unknown>[];
  /** Which timers the step sets; needed with `onTimer`. `"event"` needs a `watermark` on a way from a source. */
  readonly timers?: readonly TimeDomain[];
  /** Whether every record has to have an event time: a stream that lacks one, if only in a part of a union, is then refused. */
  readonly timed?: boolean;
  readonly index?: (context: {
    readonly key: string;
    readonly state: StatesOf<S>;
    readonly tables: TablesOf<T>;
  }) => Index;
  /**
   * Called for each record of a key, in the partition's order. Throwing sends the record to the dead-letter topic and leaves
   * no trace in state, timers and outputs. Must not keep `context`, which is that of the record at hand only while the call lasts,
   * nor be async: a record is done when its call returns.
   */
  process(value: In, context: Context<Out, S, T, Index>): Nothing;
  /** Called when a timer of the key is due. Throwing is reported as a dead letter of the timer. */
  onTimer?(
    timer: { readonly timeMs: number; readonly domain: TimeDomain },
    context: Context<Out, S, T, Index>,
  ): Nothing;
  /**
   * Of steps that come with the runtime, in place of `onTimer`: records that waited for a timer. Each is given as a record of its own:
   * one that code throws on is set apart, and takes nothing with it that waited beside it.
   */
  readonly waited?: {
    /** Of the records: how one that is set apart stands in its dead letter. */
    readonly codec: Codec<unknown>;
    /** Takes those of a time out of state, in order. */
    take(timeMs: number, context: Context<Out, S, T, Index>): readonly unknown[];
    give(value: unknown, context: Context<Out, S, T, Index>): void;
  };
}
