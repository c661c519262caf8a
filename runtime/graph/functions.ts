/** The functions that authors give, each of which the runtime calls and is through with: none may be async or a generator. */

import type { FlowGraph, FlowNode } from "../dsl/graph.ts";
import { plain } from "../dsl/options.ts";

type Named = readonly [what: string, given: unknown];

/** @throws JobError naming the function. */
export function checkFunctions(graph: FlowGraph, nodes: readonly FlowNode[]): void {
  for (const node of nodes) {
    for (const [what, given] of functionsOf(node)) plain(what, given);
    // It gives any number of values, and may do so one by one.
    if (node.kind === "flatMap") plain(`flatMap "${node.name}"`, node.apply, "generator");
  }
  for (const [topic, { keyOf }] of graph.tables) plain(`table "${topic}": keyOf`, keyOf);
  for (const [topic, { keyOf, activeFrom }] of graph.broadcasts) {
    plain(`broadcast "${topic}": keyOf`, keyOf);
    if (activeFrom) plain(`broadcast "${topic}": activeFrom`, activeFrom);
  }
}

function functionsOf(node: FlowNode): readonly Named[] {
  switch (node.kind) {
    case "map":
      return [[`map "${node.name}"`, node.apply]];
    case "filter":
      return [[`filter "${node.name}"`, node.keep]];
    case "timestamps":
      return [[".timestamps: timeOf", node.timeOf]];
    case "watermark": {
      const { timeOf, generator, future } = node.strategy;
      return [
        [".watermark: timeOf", timeOf],
        [".watermark: generator", generator],
        ...given(".watermark: receivedOf", future?.receivedOf),
      ];
    }
    case "keyBy":
      return [[node.exchange ? `keyBy of exchange "${node.exchange.name}"` : "keyBy", node.keyOf]];
    case "process": {
      const { name, step } = node;
      return [
        [`step "${name}": process`, step.process],
        ...given(`step "${name}": onTimer`, step.onTimer),
        ...given(`step "${name}": index`, step.index),
        ...Object.entries(step.state ?? {}).flatMap(([state, descriptor]) =>
          descriptor.kind === "aggregating"
            ? given(`step "${name}", state "${state}": add`, descriptor.add)
            : [],
        ),
      ];
    }
    case "window": {
      const { name, aggregate } = node;
      const parts = ["create", "add", "merge", "result", "copy"] as const;
      return parts.flatMap((part) => given(`window "${name}": ${part}`, aggregate[part]));
    }
    case "sink": {
      const { name, key, partitionBy } = node.topic;
      return [...given(`topic "${name}": key`, key), ...given(`topic "${name}": partitionBy`, partitionBy)];
    }
    default:
      return [];
  }
}

const given = (what: string, value: unknown): Named[] => (value === undefined ? [] : [[what, value]]);
