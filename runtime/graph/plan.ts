/**
 * From a job's description to its stages: what is found wrong here is a mistake of the job's author, said before anything
 * runs.
 *
 * A stage is what one task runs without a topic in between: the description is cut at each `keyBy` with an exchange, and
 * what still hangs together is a stage. What it is called: placement.ts.
 *
 * P1  Every step name is used once in a job.
 * P2  A step that sets event-time timers has a watermark on a way from a source to it; sources without one do not hold it back.
 * P3  The plan follows from the description and the placement alone: every worker and node computes the same.
 */

import type { BroadcastSource, FlowGraph, FlowNode, TableSource } from "../dsl/graph.ts";
import type { JobDefinition } from "../dsl/job.ts";
import { topicOf } from "../dsl/process.ts";
import { JobError } from "../errors.ts";
import { candidateNames, type PlacedStage, type Placement, placeStages, UNPLACED } from "./placement.ts";
import { changelogTopic, deadLetterTopic, exchangeTopic } from "./topics.ts";
import { validate } from "./validate.ts";

type NodeOf<K extends FlowNode["kind"]> = Extract<FlowNode, { kind: K }>;
export type ExchangeNode = NodeOf<"keyBy"> & { readonly exchange: NonNullable<NodeOf<"keyBy">["exchange"]> };

export interface StageInput {
  readonly topic: string;
  /** The nodes fed by this topic: sources, or one exchange. */
  readonly nodes: readonly (NodeOf<"source"> | ExchangeNode)[];
  /** For an exchange: the stage that writes it. */
  readonly upstream: string | undefined;
}

export interface StageTable extends TableSource {
  /** Whether this stage tells of rows that are none: others may read the table, too. */
  readonly tells: boolean;
}

export interface StagePlan {
  readonly name: string;
  readonly inputs: readonly StageInput[];
  /** Tables that its steps look into. */
  readonly tables: readonly StageTable[];
  readonly broadcasts: readonly BroadcastSource[];
  readonly nodes: readonly FlowNode[];
  readonly exchangesOut: readonly ExchangeNode[];
  readonly sinks: readonly NodeOf<"sink">[];
  /**
   * Everything a task writes to, by index of a frame: changelog, dead letters, exchanges, sinks.
   */
  readonly outputs: readonly string[];
  /** As in the job's placement. */
  readonly generations: Placement["generations"];
}

export interface JobPlan {
  readonly job: string;
  readonly graph: FlowGraph;
  /** What the job's next version is placed by. */
  readonly placement: Placement;
  /** Upstream before downstream. */
  readonly stages: readonly StagePlan[];
}

export const CHANGELOG = 0;
export const DEAD_LETTERS = 1;

/**
 * @param before how the version before this one was placed: its stages keep their names and so their state.
 * @throws JobError naming the step and what to do.
 */
export function planJob(definition: JobDefinition, before: Placement = UNPLACED): JobPlan {
  const graph = definition.graph();
  const nodes = reachable(graph);
  validate(definition.name, graph, nodes);
  const groups = group(nodes);
  const marked = groups.map((members) => marksOf(definition.name, members, nodes));
  const names = placeStages(marked, before);
  const drafts = groups.map((members, index) => ({ name: names[index]!, members }));
  const nameOf = new Map<FlowNode, string>();
  for (const { name, members } of drafts) for (const node of members) nameOf.set(node, name);

  const stages = drafts.map(({ name, members }): StagePlan => {
    const exchangesOut = nodes.filter(
      (node): node is ExchangeNode => isExchange(node) && nameOf.get(node.inputs[0]!) === name,
    );
    const sinks = members.filter((node): node is NodeOf<"sink"> => node.kind === "sink");
    const sinkTopics = sinks.map((sink) => sink.topic.name);
    return {
      name,
      inputs: inputsOf(definition.name, members, nameOf),
      tables: lookedInto(members).flatMap((table) => {
        const source = graph.tables.get(table);
        return source ? { ...source, tells: nameOf.get(firstToLookInto(table, nodes)) === name } : [];
      }),
      broadcasts: lookedInto(members).flatMap((name) => graph.broadcasts.get(name) ?? []),
      nodes: members,
      exchangesOut,
      sinks,
      outputs: [
        changelogTopic(definition.name, name),
        deadLetterTopic(definition.name),
        ...exchangesOut.map((node) => exchangeTopic(definition.name, node.exchange.name)),
        ...new Set(sinkTopics),
      ],
      generations: before.generations,
    };
  });
  const placed = marked.map(
    ({ steps, inputs, outputs }, index): PlacedStage => ({ name: names[index]!, steps, inputs, outputs }),
  );
  return {
    job: definition.name,
    graph,
    placement: { stages: placed, generations: before.generations },
    stages: upstreamFirst(definition.name, stages),
  };
}

export function isExchange(node: FlowNode): node is ExchangeNode {
  return node.kind === "keyBy" && node.exchange !== undefined;
}

function reachable(graph: FlowGraph): FlowNode[] {
  const seen = new Set<FlowNode>();
  const visit = (node: FlowNode) => {
    if (seen.has(node)) return;
    for (const input of node.inputs) visit(input);
    seen.add(node);
  };
  for (const sink of graph.sinks) visit(sink);
  return [...seen];
}

/** The nodes that hang together once the edges into exchanges are cut. */
function group(nodes: readonly FlowNode[]): FlowNode[][] {
  const leader = new Map<FlowNode, FlowNode>(nodes.map((node) => [node, node]));
  const find = (node: FlowNode): FlowNode => {
    const up = leader.get(node)!;
    return up === node ? node : find(up);
  };
  for (const node of nodes) {
    if (isExchange(node)) continue;
    for (const input of node.inputs) leader.set(find(node), find(input));
  }
  const groups = new Map<FlowNode, FlowNode[]>();
  for (const node of nodes) {
    const members = groups.get(find(node));
    if (members) members.push(node);
    else groups.set(find(node), [node]);
  }
  return [...groups.values()];
}

function marksOf(job: string, members: readonly FlowNode[], nodes: readonly FlowNode[]) {
  const exchanges = nodes.flatMap((node) =>
    isExchange(node) && members.includes(node.inputs[0]!) ? [node.exchange.name] : [],
  );
  const sinks = members.flatMap((node) => (node.kind === "sink" ? [node.topic.name] : []));
  const marks = {
    steps: keyedSteps(members),
    inputs: [...new Set(members.flatMap((node) => inputTopic(job, node) ?? []))],
    outputs: [...new Set(sinks)].sort(),
  };
  const candidates = candidateNames(marks, exchanges);
  if (candidates.length === 0) throw new JobError("a stage ends nowhere: end each stream in .to(topic)");
  const outputs = [...marks.outputs, ...exchanges.map((name) => exchangeTopic(job, name))];
  return { ...marks, outputs, candidates };
}

/** Names of a stage's keyed steps: first those without another above them, each kind by name, not as they were described. */
function keyedSteps(members: readonly FlowNode[]): string[] {
  const isKeyed = (node: FlowNode) => node.kind === "process" || node.kind === "window";
  const isBelow = (node: FlowNode): boolean =>
    !isExchange(node) && node.inputs.some((input) => isKeyed(input) || isBelow(input));
  const named = members.flatMap((node) =>
    node.kind === "process" || node.kind === "window" ? [{ name: node.name, below: isBelow(node) }] : [],
  );
  const namesOf = (below: boolean) =>
    named.flatMap((step) => (step.below === below ? [step.name] : [])).sort();
  return [...namesOf(false), ...namesOf(true)];
}

/** The topic by which records come into a stage at this node, if they do. */
function inputTopic(job: string, node: FlowNode): string | undefined {
  if (node.kind === "source") return node.topic.name;
  return isExchange(node) ? exchangeTopic(job, node.exchange.name) : undefined;
}

function inputsOf(
  job: string,
  members: readonly FlowNode[],
  nameOf: ReadonlyMap<FlowNode, string>,
): StageInput[] {
  const inputs = new Map<string, { nodes: StageInput["nodes"][number][]; upstream: string | undefined }>();
  for (const node of members) {
    if (node.kind !== "source" && !isExchange(node)) continue;
    const topic = inputTopic(job, node)!;
    const upstream = node.kind === "source" ? undefined : nameOf.get(node.inputs[0]!);
    const input = inputs.get(topic);
    if (input) input.nodes.push(node);
    else inputs.set(topic, { nodes: [node], upstream });
  }
  return [...inputs].map(([topic, { nodes, upstream }]) => ({ topic, nodes, upstream }));
}

/** Topics of the tables and broadcasts that steps look into. */
function lookedInto(members: readonly FlowNode[]): string[] {
  const names = new Set<string>();
  for (const node of members) {
    if (node.kind !== "process") continue;
    for (const table of Object.values(node.step.tables ?? {})) names.add(topicOf(table));
  }
  return [...names];
}

/** The step of the first name, whatever the order of the description, that looks into a table. */
export function firstToLookInto(table: string, nodes: readonly FlowNode[]): NodeOf<"process"> {
  const [first] = nodes
    .filter(
      (node): node is NodeOf<"process"> => node.kind === "process" && lookedInto([node]).includes(table),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return first!;
}

function upstreamFirst(job: string, stages: readonly StagePlan[]): StagePlan[] {
  const ordered: StagePlan[] = [];
  const rest = new Set(stages);
  while (rest.size > 0) {
    const waitsFor = ({ upstream }: StageInput) => [...rest].some(({ name }) => name === upstream);
    const next = [...rest].find((stage) => !stage.inputs.some(waitsFor));
    if (!next) {
      const exchanges = [...rest].flatMap(({ inputs }) => inputs.filter(waitsFor).map(({ topic }) => topic));
      throw new JobError(
        `job "${job}": a stage cannot feed itself, as it does through ${exchanges.join(", ")}: a union joins what is before an exchange with what is behind it; send its other part through an exchange of its own, too`,
      );
    }
    rest.delete(next);
    ordered.push(next);
  }
  return ordered;
}
