/** What a description comes to: nodes that know where their records come from. The planner turns them into stages. */
import type { Codec } from "../../schemas/codec.ts";
import type { Aggregate } from "./aggregate.ts";
import type { KeyedProcess, Nothing, States, Tables } from "./process.ts";
import type { DedupOptions } from "./steps/dedup.ts";
import type { DeviceClockOptions } from "./steps/device-clock.ts";
import type { JoinOptions } from "./steps/join.ts";
import type { ReorderOptions } from "./steps/reorder.ts";
import type { Topic } from "./topic.ts";
import type { WatermarkStrategy } from "./watermark.ts";
import type { WindowAssigner, WindowOptions } from "./window.ts";

/** A node of the description. `inputs` are the nodes it takes records from. */
export type FlowNode =
  | {
      readonly kind: "source";
      readonly topic: Topic<unknown>;
      /** Whether its values are rows of a compacted topic, with their keys, deleted ones among them (`Row`). */
      readonly rows: boolean;
      readonly inputs: readonly [];
    }
  | {
      readonly kind: "map";
      readonly name: string;
      readonly apply: (value: unknown) => unknown;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "filter";
      readonly name: string;
      readonly keep: (value: unknown) => boolean;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "flatMap";
      readonly name: string;
      readonly apply: (value: unknown, emit: (each: unknown) => void) => Iterable<unknown> | Nothing;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "watermark";
      readonly strategy: WatermarkStrategy<unknown>;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "timestamps";
      readonly timeOf: (value: unknown) => number;
      readonly inputs: readonly FlowNode[];
    }
  | { readonly kind: "union"; readonly inputs: readonly FlowNode[] }
  | {
      readonly kind: "keyBy";
      readonly keyOf: (value: unknown) => string;
      readonly exchange: Exchange | undefined;
      /** Whether each key's records are in one partition, but not in the one that Kafka's own partitioner gives. */
      readonly reinterpret: boolean;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "process";
      readonly name: string;
      readonly step: AnyKeyedProcess;
      /** Which one it is of those that come with the runtime: what it means can be said without its code. */
      readonly standard?: StandardStep;
      readonly inputs: readonly FlowNode[];
    }
  | {
      readonly kind: "window";
      readonly name: string;
      readonly assigner: WindowAssigner;
      readonly aggregate: Aggregate<unknown, unknown, unknown>;
      readonly options: WindowOptions<unknown>;
      readonly inputs: readonly FlowNode[];
    }
  | { readonly kind: "side"; readonly output: string; readonly inputs: readonly FlowNode[] }
  | {
      readonly kind: "sink";
      readonly topic: Topic<unknown>;
      readonly delivery: Delivery;
      readonly inputs: readonly FlowNode[];
    };

export type StandardStep =
  | { readonly kind: "dedup"; readonly options: DedupOptions<unknown> }
  | { readonly kind: "reorder"; readonly options: ReorderOptions<unknown> }
  | { readonly kind: "deviceClock"; readonly options: DeviceClockOptions<unknown> }
  | { readonly kind: "join"; readonly options: JoinOptions<unknown, unknown, unknown> };

export type AnyKeyedProcess = KeyedProcess<unknown, unknown, States, Tables, unknown>;

/** Whether results are in the log once, or at once (`Stream.to`). */
export type Delivery = "exactly-once" | "at-least-once";

/** How records travel to the task that owns their key: through a topic of this name's, with this codec. */
export interface Exchange {
  readonly name: string;
  readonly codec: Topic<unknown>["codec"];
}

/** What a description collects. */
export interface FlowGraph {
  readonly sinks: FlowNode[];
  readonly tables: Map<string, TableSource>;
  readonly broadcasts: Map<string, BroadcastSource>;
}

/** A compacted topic that every task reads whole, as it is. */
export interface TableSource {
  readonly topic: Topic<unknown>;
  readonly keyOf: (value: unknown) => string;
}

/** A topic that every task reads whole, as part of its checkpoints. */
export interface BroadcastSource {
  readonly topic: Topic<unknown>;
  /** How a version lies in a checkpoint: in a list, which is empty when it is deleted. */
  readonly stored: Codec<unknown[]>;
  readonly keyOf: (value: unknown) => string;
  readonly activeFrom: ((value: unknown) => number) | undefined;
}
