/**
 * One partition of one input of a task: where its records go, which watermarks it brings, how far it was read.
 */
import type { Codec } from "../../schemas/codec.ts";
import type { FlowNode } from "../dsl/graph.ts";
import { IDLE_AFTER_MS, type WatermarkStrategy } from "../dsl/watermark.ts";
import { isExchange, type StageInput, type StagePlan } from "../graph/plan.ts";
import { fanOut } from "../operators/index.ts";
import type { Push } from "../operators/record-context.ts";

export interface InputPartition {
  readonly input: StageInput;
  readonly partition: number;
  readonly push: Push;
  readonly codec: Codec<unknown>;
  /** Whether what is pushed are rows of a compacted topic (`Row`). */
  readonly rows: boolean;
  /** Channels of the valve that this partition feeds; none for an input without time. */
  readonly channels: readonly string[];
  readonly idleAfterMs: number;
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
): InputPartition {
  const strategies = input.nodes.flatMap((node) => watermarksBelow(node, plan.nodes));
  const [first] = input.nodes;
  return {
    input,
    partition,
    push: fanOut(input.nodes.map((node) => entries.get(node)!)),
    codec: first!.kind === "source" ? first!.topic.codec : first!.exchange.codec,
    rows: first!.kind === "source" && first!.rows,
    channels: channelsOf(input, partition, upstreamParallelism, strategies.length > 0),
    idleAfterMs: Math.min(...strategies.map(({ idleAfter }) => idleAfter ?? IDLE_AFTER_MS)),
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

function channelsOf(
  input: StageInput,
  partition: number,
  upstreamParallelism: number,
  timed: boolean,
): string[] {
  if (input.upstream !== undefined)
    return range(upstreamParallelism).map((task) => exchangeChannel(input.topic, partition, task));
  return timed ? [`${input.topic}/${partition}`] : [];
}

/** The watermark strategies on the ways down from a source, within its stage. */
function watermarksBelow(node: FlowNode, nodes: readonly FlowNode[]): WatermarkStrategy<unknown>[] {
  if (isExchange(node)) return [];
  const found: WatermarkStrategy<unknown>[] = [];
  const visit = (at: FlowNode) => {
    for (const child of nodes) {
      if (!child.inputs.includes(at as never) || child.kind === "process") continue;
      if (child.kind === "watermark") found.push(child.strategy);
      visit(child);
    }
  };
  visit(node);
  return found;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
