/**
 * A plan as data: all that has to be known of a job where its author's code is not loaded, such as a node's main thread, and
 * all by which its next version is judged (upgrade.ts). It is stored with the job.
 */
import { elementOf } from "../dsl/aggregate.ts";
import type { FlowNode } from "../dsl/graph.ts";
import type { TimeDomain } from "../dsl/process.ts";
import type { WindowAssigner } from "../dsl/window.ts";
import type { Placement } from "./placement.ts";
import { isExchange, type JobPlan, type StagePlan } from "./plan.ts";

export interface PlanDescription {
  readonly job: string;
  readonly placement: Placement;
  /** Upstream before downstream. */
  readonly stages: readonly StageDescription[];
}

export interface StageDescription {
  readonly name: string;
  readonly inputs: readonly { readonly topic: string; readonly upstream?: string }[];
  /** By index of a frame, as in `StagePlan`. */
  readonly outputs: readonly string[];
  /** Names of the exchanges that it feeds. */
  readonly exchangesOut: readonly string[];
  /** Whether it has results that do not wait for their epoch. */
  readonly speaksEarly: boolean;
  /** Topics of others that it reads or writes. */
  readonly topics: readonly TopicDescription[];
  readonly nodes: readonly NodeDescription[];
}

export interface TopicDescription {
  readonly name: string;
  readonly kind: "stream" | "versions" | "table" | "broadcast";
  readonly schema: string;
  /** As its author wants them where the topic has to be made. */
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface NodeDescription {
  readonly kind: FlowNode["kind"];
  readonly name?: string;
  /** Of a keyed step. */
  readonly step?: StepDescription;
  /** Of a `keyBy` through a topic. */
  readonly exchange?: { readonly name: string; readonly schema: string };
}

export interface StepDescription {
  /** How its records came under their keys: one text for each `keyBy` above it, the same as long as the keys are. */
  readonly keyedBy: readonly string[];
  readonly states: readonly StateDescription[];
  readonly timers: readonly TimeDomain[];
  /** Of a window: how records are put into windows. */
  readonly window?: Readonly<Record<string, unknown>>;
}

export interface StateDescription {
  readonly name: string;
  /** How it lies in the changelog. */
  readonly kind: string;
  readonly schema: string;
}

export function describePlan({ job, placement, stages }: JobPlan): PlanDescription {
  return plain({ job, placement, stages: stages.map(describeStage) });
}

function describeStage(stage: StagePlan): StageDescription {
  const { name, inputs, outputs, exchangesOut, sinks, nodes } = stage;
  return {
    name,
    inputs: inputs.map(({ topic, upstream }) => ({ topic, ...(upstream !== undefined && { upstream }) })),
    outputs,
    exchangesOut: exchangesOut.map(({ exchange }) => exchange.name),
    speaksEarly: sinks.some(({ delivery }) => delivery === "at-least-once"),
    topics: topicsOf(stage),
    nodes: nodes.map(describeNode),
  };
}

function topicsOf({ tables, broadcasts, nodes }: StagePlan): TopicDescription[] {
  const topics = new Map<string, TopicDescription>();
  const add = (
    { name, codec, partitions, config }: StagePlan["tables"][number]["topic"],
    kind: TopicDescription["kind"],
  ) => {
    topics.set(name, {
      name,
      kind,
      schema: codec.schema,
      ...(partitions !== undefined && { partitions }),
      ...(config && { config }),
    });
  };
  for (const { topic } of tables) add(topic, "table");
  for (const { topic } of broadcasts) add(topic, "broadcast");
  for (const node of nodes) {
    if (node.kind === "source") add(node.topic, node.rows ? "versions" : "stream");
    else if (node.kind === "sink") add(node.topic, "stream");
  }
  return [...topics.values()];
}

function describeNode(node: FlowNode): NodeDescription {
  const { kind } = node;
  if (isExchange(node)) {
    const { name, codec } = node.exchange;
    return { kind, exchange: { name, schema: codec.schema } };
  }
  switch (node.kind) {
    case "process":
      return {
        kind,
        name: node.name,
        step: {
          keyedBy: keysAbove(node),
          states: Object.entries(node.step.state ?? {}).map(([name, descriptor]) => ({
            name,
            // One value a key, however it came to be.
            kind: descriptor.kind === "aggregating" ? "value" : descriptor.kind,
            schema: descriptor.codec.schema,
          })),
          timers: node.step.timers ?? [],
        },
      };
    case "window": {
      const grows = elementOf(node.aggregate) !== undefined;
      return {
        kind,
        name: node.name,
        step: {
          keyedBy: keysAbove(node),
          states: [
            {
              name: "window",
              kind: `${node.assigner.kind} window${grows ? " of all values" : ""}`,
              schema: node.aggregate.codec.schema,
            },
          ],
          timers: [],
          window: shapeOf(node.assigner),
        },
      };
    }
    default:
      return { kind, ...("name" in node && { name: node.name }) };
  }
}

/** The `keyBy`s by which records came under the key that a step sees. */
function keysAbove(node: FlowNode): string[] {
  const found = new Set<string>();
  const visit = (at: FlowNode) => {
    for (const input of at.inputs) {
      if (input.kind === "keyBy") found.add(keyText(input));
      else visit(input);
    }
  };
  visit(node);
  return [...found].sort();
}

/** Types are stripped to blanks, so blanks say nothing. */
function keyText({ keyOf, reinterpret }: Extract<FlowNode, { kind: "keyBy" }>): string {
  return `${reinterpret ? "reinterpreted " : ""}${String(keyOf).replaceAll(/\s+/g, "")}`;
}

/** As it is after it was stored: what is a function or undefined is left out. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** What of an assigner makes windows other ones: a rule of the job's own goes by its name. */
function shapeOf(assigner: WindowAssigner): Readonly<Record<string, string | number>> {
  return assigner.kind === "assigned" ? { kind: assigner.kind, by: assigner.by } : { ...assigner };
}
