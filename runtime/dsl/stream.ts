/**
 * Streams only describe: each call adds a node to the job's graph; nothing runs. The planner (`runtime/graph/`) turns the
 * nodes into stages.
 */
import type { Codec } from "../../schemas/codec.ts";
import { JobError } from "../errors.ts";
import type { Aggregate } from "./aggregate.ts";
import type { AnyKeyedProcess, Delivery, Exchange, FlowGraph, FlowNode, StandardStep } from "./graph.ts";
import { oneOf, optionalDuration, plain } from "./options.ts";
import type { KeyedProcess, Nothing, SideOutput, States, Tables } from "./process.ts";
import { type DedupOptions, dedupStep } from "./steps/dedup.ts";
import { type DeviceClockOptions, deviceClockStep } from "./steps/device-clock.ts";
import { type JoinInput, type JoinOptions, joinStep, type Row } from "./steps/join.ts";
import { type ReorderOptions, reorderStep } from "./steps/reorder.ts";
import type { Topic } from "./topic.ts";
import type { WatermarkStrategy } from "./watermark.ts";
import type { WindowAssigner, WindowOptions } from "./window.ts";

function needsKey(what: string, name: string): never {
  throw new JobError(`${what} "${name}" needs a key for its state: put .keyBy(...) before it`);
}

export type FlatMap<T, U> = (value: T, emit: (each: U) => void) => Iterable<U> | Nothing;

export class Stream<T> {
  protected readonly graph: FlowGraph;
  readonly node: FlowNode;

  constructor(graph: FlowGraph, node: FlowNode) {
    this.graph = graph;
    this.node = node;
  }

  /** One value out for each in: a new one, for the one that came is every branch's. */
  map<U>(name: string, apply: (value: T) => U): Stream<U> {
    return this.#then({
      kind: "map",
      name,
      apply: apply as (value: unknown) => unknown,
      inputs: [this.node],
    });
  }

  filter(name: string, keep: (value: T) => boolean): Stream<T> {
    return this.#then({
      kind: "filter",
      name,
      keep: keep as (value: unknown) => boolean,
      inputs: [this.node],
    });
  }

  /**
   * Any number of values out for each in: those that `apply` gives to `emit`, then those that it returns. Their type follows from what
   * it returns, or from how `emit` is declared: `(value, emit: (each: Reading) => void) => …`.
   */
  flatMap<U>(name: string, apply: FlatMap<T, U>): Stream<U> {
    return this.#then({
      kind: "flatMap",
      name,
      apply: apply as FlatMap<unknown, unknown>,
      inputs: [this.node],
    });
  }

  /**
   * Gives records an event time of their own, below a `.watermark` that gave one to what they came from: for readings out of an
   * upload. The watermark stays what it is: a record behind it is late.
   */
  timestamps(timeOf: (value: T) => number): Stream<T> {
    return this.#then({
      kind: "timestamps",
      timeOf: timeOf as (value: unknown) => number,
      inputs: [this.node],
    });
  }

  /** Gives records their event time, and the stream its watermark. Before `keyBy`, once on the way from a source. */
  watermark(strategy: WatermarkStrategy<T>): TimedStream<T> {
    return new TimedStream<T>(this.graph, {
      kind: "watermark",
      strategy: strategy as WatermarkStrategy<unknown>,
      inputs: [this.node],
    });
  }

  /** All records of these streams, each stream's in its order. */
  union<U>(...others: readonly Stream<U>[]): Stream<T | U> {
    return this.#then({ kind: "union", inputs: [this.node, ...others.map((other) => other.node)] });
  }

  /**
   * Brings all records of a key to one task.
   * - `keyBy(keyOf)`: the topics that feed it are partitioned by this very key already, in the same number of partitions.
   *   No way through Kafka; each record that stands in another partition than its key's is set apart.
   * - `keyBy(keyOf, { reinterpret: true })`: each key's records are in one partition, by a rule that is not Kafka's own. That
   *   they are is not checked. As Flink's `reinterpretAsKeyedStream`.
   * - `keyBy(keyOf, { exchange: { name, codec } })`: through a topic of the runtime's, encoded by `codec`. Always right.
   */
  keyBy(
    keyOf: (value: T) => string,
    options: { readonly reinterpret?: boolean; readonly exchange?: { name: string; codec: Codec<T> } } = {},
  ): KeyedStream<T> {
    return new KeyedStream<T>(this.graph, {
      kind: "keyBy",
      keyOf: keyOf as (value: unknown) => string,
      exchange: options.exchange as Exchange | undefined,
      reinterpret: options.reinterpret ?? false,
      inputs: [this.node],
    });
  }

  /**
   * Writes every record to a topic, in the same transaction as the state it came from.
   *
   * `delivery: "at-least-once"`: each record leaves as soon as it is there, before its epoch commits: a few milliseconds
   * earlier, and after a failure again. State, timers and offsets are exact all the same. As Flink's `DeliveryGuarantee`.
   */
  to(topic: Topic<T>, { delivery = "exactly-once" }: { readonly delivery?: Delivery } = {}): void {
    oneOf(`to ${topic.name}: delivery`, delivery, ["exactly-once", "at-least-once"]);
    this.graph.sinks.push({ kind: "sink", topic: topic as Topic<unknown>, delivery, inputs: [this.node] });
  }

  #then<U>(node: FlowNode): Stream<U> {
    return new Stream<U>(this.graph, node);
  }
}

/** Only a keyed stream has state, as the types say; this says it to those whom they do not reach. */
for (const method of ["process", "window", "dedup", "reorder", "deviceClock", "join"])
  Object.defineProperty(Stream.prototype, method, { value: (name: string) => needsKey(method, name) });

/** A compacted topic to join with: what `flow.versions` gives. */
export interface VersionedTable<V> {
  readonly rows: KeyedStream<Row<V>>;
  readonly codec: Codec<V>;
}

/** What `.watermark(...)` gives: the records with their time; and those set apart because theirs cannot be. */
export class TimedStream<T> extends Stream<T> {
  /** Records that the strategy's `future.to` names. They have the time that they claim. */
  side<U>(output: SideOutput<U>): Stream<U> {
    return new Stream<U>(this.graph, { kind: "side", output: output.name, inputs: [this.node] });
  }
}

/**
 * Records that are with the task of their key. What a keyed step emits is under the same key still, so that steps can follow
 * each other without an exchange.
 */
export class KeyedStream<T> extends Stream<T> {
  /** With streams that are all keyed, the records are under the keys they have: steps with state can follow. */
  override union<U>(...others: readonly KeyedStream<U>[]): KeyedStream<T | U>;
  override union<U>(...others: readonly Stream<U>[]): Stream<T | U>;
  override union<U>(...others: readonly Stream<U>[]): Stream<T | U> {
    const all = super.union(...others);
    return others.every((other) => other instanceof KeyedStream) ? this.#step(all.node) : all;
  }

  override map<U>(name: string, apply: (value: T) => U): KeyedStream<U> {
    return this.#step(super.map(name, apply).node);
  }

  override filter(name: string, keep: (value: T) => boolean): KeyedStream<T> {
    return this.#step(super.filter(name, keep).node);
  }

  override flatMap<U>(name: string, apply: FlatMap<T, U>): KeyedStream<U> {
    return this.#step(super.flatMap(name, apply).node);
  }

  override timestamps(timeOf: (value: T) => number): KeyedStream<T> {
    return this.#step(super.timestamps(timeOf).node);
  }

  /** A step with state and timers of each key. The name is its state's name in every checkpoint. */
  process<
    Out = never,
    S extends States = Record<never, never>,
    T2 extends Tables = Record<never, never>,
    Index = undefined,
  >(name: string, step: KeyedProcess<T, Out, S, T2, Index>): KeyedStream<Out> {
    return this.#step({
      kind: "process",
      name,
      step: step as unknown as AnyKeyedProcess,
      inputs: [this.node],
    });
  }

  /**
   * Results of windows of each key. The name is its state's name in every checkpoint. A result has the event time of its
   * window's last millisecond.
   * @param aggregate what a window makes of its records: `aggregate(...)` or `collect(...)`.
   */
  window<Acc, Out>(
    name: string,
    assigner: WindowAssigner<T>,
    aggregate: Aggregate<T, Acc, Out>,
    options: WindowOptions<T> = {},
  ): KeyedStream<Out> {
    optionalDuration(`window "${name}": allowedLateness`, options.allowedLateness, 0);
    return this.#step({
      kind: "window",
      name,
      assigner: assigner as WindowAssigner,
      aggregate: aggregate as Aggregate<unknown, unknown, unknown>,
      options: options as WindowOptions<unknown>,
      inputs: [this.node],
    });
  }

  /** The first record of each id; see `DedupOptions` for what is the same. */
  dedup(name: string, options: DedupOptions<T>): KeyedStream<T> {
    return this.#standard(name, dedupStep(name, options), {
      kind: "dedup",
      options: options as DedupOptions<unknown>,
    });
  }

  /** In the order of event time, each record when the watermark has reached it. */
  reorder(name: string, options: ReorderOptions<T>): KeyedStream<T> {
    return this.#standard(name, reorderStep(options), {
      kind: "reorder",
      options: options as ReorderOptions<unknown>,
    });
  }

  /** Without the records of devices (the keys) whose clock is wrong. */
  deviceClock(name: string, options: DeviceClockOptions<T>): KeyedStream<T> {
    return this.#standard(name, deviceClockStep(name, options), {
      kind: "deviceClock",
      options: options as DeviceClockOptions<unknown>,
    });
  }

  /** With the row of the same key of a compacted topic, as of each record's event time. */
  join<Right, Out>(
    name: string,
    table: VersionedTable<Right>,
    options: JoinOptions<T, Right, Out>,
  ): KeyedStream<Out> {
    plain(`join "${name}": join`, options.join);
    const left = this.map(`${name}-left`, (value): JoinInput<T, Right> => ({ left: value }));
    const right = table.rows.map(`${name}-right`, (row): JoinInput<T, Right> => ({ row }));
    // Each side is under its key, so both together are.
    return this.#step<JoinInput<T, Right>>({ kind: "union", inputs: [left.node, right.node] }).#standard(
      name,
      joinStep(table.codec, options),
      { kind: "join", options: options as JoinOptions<unknown, unknown, unknown> },
    );
  }

  /** What the step before gave to this side output. */
  side<U>(output: SideOutput<U>): KeyedStream<U> {
    return this.#step({ kind: "side", output: output.name, inputs: [this.node] });
  }

  #standard<Out>(name: string, step: unknown, standard: StandardStep): KeyedStream<Out> {
    return this.#step({
      kind: "process",
      name,
      step: step as AnyKeyedProcess,
      standard,
      inputs: [this.node],
    });
  }

  #step<U>(node: FlowNode): KeyedStream<U> {
    return new KeyedStream<U>(this.graph, node);
  }
}
