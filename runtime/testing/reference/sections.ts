/**
 * A job cut at its exchanges: what hangs together without one is a section. Records pass a section in one go; between two sections they
 * lie in the exchange.
 *
 * Within a section a record goes down the branches in the order in which a walk from the outputs meets them: outputs as described,
 * and of each, what is above it first. In that order its operators hear of time, too.
 */
import type { FlowGraph, FlowNode } from "../../dsl/graph.ts";

export type ExchangeNode = Extract<FlowNode, { kind: "keyBy" }> & {
  readonly exchange: NonNullable<Extract<FlowNode, { kind: "keyBy" }>["exchange"]>;
};

export interface SectionNodes {
  /** The same for the same part of a job, in whatever order it is described. */
  readonly id: string;
  readonly nodes: readonly FlowNode[];
  /** Exchanges that it writes to. */
  readonly outward: readonly ExchangeNode[];
}

export const isExchange = (node: FlowNode): node is ExchangeNode =>
  node.kind === "keyBy" && node.exchange !== undefined;

export function sectionsOf(graph: FlowGraph): SectionNodes[] {
  const nodes = walk(graph);
  const sections: FlowNode[][] = [];
  for (const node of nodes) {
    const above = isExchange(node)
      ? []
      : sections.filter((section) => node.inputs.some((input) => section.includes(input)));
    for (const section of above) sections.splice(sections.indexOf(section), 1);
    sections.push([...above.flat(), node]);
  }
  return sections.map((section) => ({
    id: sectionId(section),
    nodes: nodes.filter((node) => section.includes(node)),
    outward: nodes.filter(
      (node): node is ExchangeNode => isExchange(node) && section.includes(node.inputs[0]!),
    ),
  }));
}

/** What it reads, does and writes, by name. */
export function sectionId(nodes: readonly FlowNode[]): string {
  const reads = nodes.flatMap((node) => {
    if (node.kind === "source") return [node.topic.name];
    return isExchange(node) ? [`>${node.exchange.name}`] : [];
  });
  return [...new Set(reads)].sort().join(" ");
}

function walk(graph: FlowGraph): FlowNode[] {
  const met = new Set<FlowNode>();
  const visit = (node: FlowNode) => {
    if (met.has(node)) return;
    for (const input of node.inputs) visit(input);
    met.add(node);
  };
  for (const sink of graph.sinks) visit(sink);
  return [...met];
}

/** Those that take records from `node`, in order; a union of a stream with itself twice, for it has each record twice. */
export const below = (node: FlowNode, nodes: readonly FlowNode[]): readonly FlowNode[] =>
  nodes.flatMap((other) => other.inputs.flatMap((input) => (input === node ? [other] : [])));

/**
 * Which `.watermark` of those over one topic it is, whatever the order of the description: by what stands next to it. One that is alone
 * there is the same in any version of the job.
 */
export function watermarkId(node: FlowNode, nodes: readonly FlowNode[]): string {
  const topics = topicsAbove(node);
  const others = nodes.filter(
    (other) => other.kind === "watermark" && topicsAbove(other).some((topic) => topics.includes(topic)),
  );
  if (others.length === 1) return "";
  const id = neighbours(node, nodes);
  const alike = others.filter((other) => neighbours(other, nodes) === id);
  return `${id}#${alike.indexOf(node)}`;
}

/** Topics whose records reach a node. */
export function topicsAbove(node: FlowNode): string[] {
  const topics = node.inputs.flatMap((input) =>
    input.kind === "source" ? [input.topic.name] : topicsAbove(input),
  );
  return [...new Set(topics)];
}

function neighbours(node: FlowNode, nodes: readonly FlowNode[]): string {
  const above = nearest(node, ({ inputs }) => inputs);
  return `${above}>${nearest(node, (at) => below(at, nodes))}`;
}

function nearest(node: FlowNode, next: (node: FlowNode) => readonly FlowNode[]): string {
  const names = next(node).map((other) => {
    if (other.kind === "sink") return `to ${other.topic.name}`;
    if (isExchange(other)) return other.exchange.name;
    return "name" in other ? other.name : nearest(other, next);
  });
  return [...new Set(names)].sort().join("+");
}
