/**
 * One partition of one input of a task: where its records go, which watermarks it brings, how far it was read.
 *
 * IP1  Each `.watermark` has a channel of its own for each partition of a source it stands below: what one says of a partition is
 *      nothing that the other has said, be it that they take different times from the same records.
 * IP2  A channel is called the same whatever the order of the description, for progress records keep its watermark by that name.
 */
import type { Codec } from "../../schemas/codec.ts";
import type { FlowNode } from "../dsl/graph.ts";
import { IDLE_AFTER_MS } from "../dsl/watermark.ts";
import type { ExchangeSchemas } from "../exchange/exchange-schemas.ts";
import { isExchange, type StageInput, type StagePlan } from "../graph/plan.ts";
import { fanOut } from "../operators/index.ts";
import type { Push } from "../operators/record-context.ts";

/** What one `.watermark` says of one partition of a source. */
export interface SourceChannel {
  readonly node: FlowNode;
  readonly name: string;
  readonly idleAfterMs: number;
  /** When its `.watermark` last found a time in a record. */
  lastTimeMs: number;
}

export interface InputPartition {
  readonly input: StageInput;
  readonly partition: number;
  readonly push: Push;
  readonly codec: Codec<unknown>;
  /** Of an exchange: the schemas that its records name. */
  readonly schemas: ExchangeSchemas | undefined;
  /** Whether what is pushed are rows of a compacted topic (`Row`). */
  readonly rows: boolean;
  /** Channels of the valve that this partition feeds; none for an input without time. */
  readonly channels: readonly string[];
  /** Those of them that bring time from outside (IP1); none for an exchange. */
  readonly sources: readonly SourceChannel[];
  /** How long all inputs have to be silent for event time to go on with the clock, or +Infinity. */
  readonly quietAfterMs: number;
  /** How far this partition may be ahead of the slowest one, or +Infinity. */
  readonly driftMaxMs: number;
  /** The next offset to process; negative: never read. */
  next: number;
  /** The end of the partition when it was last heard of. */
  end: number;
  /** As far as it was written then, in transactions that are still open, too. */
  writtenTo: number;
  lastRecordMs: number;
  /** Whether `next` moved since the last epoch. */
  changed: boolean;
}

/** @param entries where records of the stage's input nodes start. */
export function inputPartition(
  plan: StagePlan,
  input: StageInput,
  partition: number,
  upstreamParallelism: number,
  entries: ReadonlyMap<FlowNode, Push>,
  schemas?: ExchangeSchemas,
): InputPartition {
  const watermarks = watermarksBelow(input.nodes, plan.nodes);
  const strategies = watermarks.map(({ strategy }) => strategy);
  const sources = sourceChannels(`${input.topic}/${partition}`, watermarks, plan);
  const [first] = input.nodes;
  return {
    input,
    partition,
    push: fanOut(input.nodes.map((node) => entries.get(node)!)),
    schemas,
    codec: first!.kind === "source" ? first!.topic.codec : first!.exchange.codec,
    rows: first!.kind === "source" && first!.rows,
    channels:
      input.upstream === undefined
        ? sources.map(({ name }) => name)
        : range(upstreamParallelism).map((task) => exchangeChannel(input.topic, partition, task)),
    sources,
    quietAfterMs: Math.min(...strategies.map(({ quietAfter }) => quietAfter ?? Number.POSITIVE_INFINITY)),
    driftMaxMs: Math.min(...strategies.map(({ driftMax }) => driftMax ?? Number.POSITIVE_INFINITY)),
    next: -1,
    end: 0,
    writtenTo: 0,
    lastRecordMs: 0,
    changed: false,
  };
}

/** The channel of an upstream task, as heard in one partition of an exchange. */
export const exchangeChannel = (topic: string, partition: number, task: number): string =>
  `${topic}/${partition}/${task}`;

type WatermarkNode = Extract<FlowNode, { kind: "watermark" }>;

function sourceChannels(
  partition: string,
  watermarks: readonly WatermarkNode[],
  { nodes, exchangesOut }: StagePlan,
): SourceChannel[] {
  const labels = watermarks.map((node) => label(node, [...nodes, ...exchangesOut]));
  return watermarks.map((node, index) => {
    const same = labels.slice(0, index).filter((other) => other === labels[index]).length;
    const name = `${partition} ${labels[index]}${same === 0 ? "" : `#${same}`}`;
    return {
      node,
      name: watermarks.length === 1 ? partition : name,
      idleAfterMs: node.strategy.idleAfter ?? IDLE_AFTER_MS,
      lastTimeMs: 0,
    };
  });
}

/** IP2. What tells a `.watermark` from others below the same topic: the named nodes next to it. */
function label(node: FlowNode, nodes: readonly FlowNode[]): string {
  const above = nearestNames(node, ({ inputs }) => inputs);
  const below = nearestNames(node, (at) => nodes.filter(({ inputs }) => inputs.includes(at as never)));
  return `${above}>${below}`;
}

function nearestNames(node: FlowNode, next: (node: FlowNode) => readonly FlowNode[]): string {
  const names = new Set<string>();
  const visit = (at: FlowNode) => {
    for (const neighbour of next(at)) {
      const name = nameOf(neighbour);
      if (name === undefined) visit(neighbour);
      else names.add(name);
    }
  };
  visit(node);
  return [...names].sort().join("+");
}

function nameOf(node: FlowNode): string | undefined {
  if ("name" in node) return node.name;
  return node.kind === "sink" ? `to ${node.topic.name}` : isExchange(node) ? node.exchange.name : undefined;
}

/** The `.watermark`s on the ways down from input nodes, within their stage. */
function watermarksBelow(inputs: readonly FlowNode[], nodes: readonly FlowNode[]): WatermarkNode[] {
  const found = new Set<WatermarkNode>();
  const visit = (at: FlowNode) => {
    for (const child of nodes) {
      if (!child.inputs.includes(at as never) || child.kind === "process") continue;
      if (child.kind === "watermark") found.add(child);
      visit(child);
    }
  };
  for (const input of inputs) if (!isExchange(input)) visit(input);
  return [...found];
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
