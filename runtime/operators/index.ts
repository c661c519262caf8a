/**
 * The operators of a stage, fused: each node becomes a function that ends by calling those below it. A record passes a
 * whole stage in one call; there are no queues inside a task.
 *
 *   map · filter · flat-map     stateless steps
 *   watermark                   gives event time, feeds the valve
 *   timestamps                  gives event time alone
 *   key-by                      sets the key; or writes to an exchange
 *   process                     the keyed step, its state and timers
 *   windows/                    tumbling, sliding, session and count windows
 *   sink                        writes to a topic
 */
import type { FlowNode } from "../dsl/graph.ts";
import { isExchange } from "../graph/plan.ts";
import { filter } from "./filter.ts";
import { flatMap } from "./flat-map.ts";
import { pushFrozen } from "./hand-over.ts";
import { exchangeOut, keyBy } from "./key-by.ts";
import { map } from "./map.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import { ProcessOperator } from "./process.ts";
import type { Push } from "./record-context.ts";
import { sink } from "./sink.ts";
import type { StageStep } from "./stage-step.ts";
import { timestamps } from "./timestamps.ts";
import { watermark } from "./watermark.ts";
import { windowStep } from "./windows/index.ts";

export interface CompiledStage {
  /** Where records of an input node start. */
  readonly entries: ReadonlyMap<FlowNode, Push>;
  /** Upstream before downstream: in this order they hear of time. */
  readonly steps: readonly StageStep[];
}

export function compileStage(
  nodes: readonly FlowNode[],
  outward: readonly FlowNode[],
  runtime: OperatorRuntime,
): CompiledStage {
  const children = new Map<FlowNode, FlowNode[]>();
  for (const node of [...nodes, ...outward]) {
    for (const input of node.inputs) {
      const below = children.get(input);
      if (below) below.push(node);
      else children.set(input, [node]);
    }
  }
  const steps = new Map<FlowNode, StageStep>();
  const compiled = new Map<FlowNode, Push>();
  const members = new Set(nodes);

  const below = (node: FlowNode): Push => {
    const push = fanOut((children.get(node) ?? []).filter((child) => child.kind !== "side").map(compile));
    return runtime.handOver ? pushFrozen(runtime.handOver, push) : push;
  };

  function sidesOf(node: FlowNode): Map<string, Push> {
    const pushes = new Map<string, Push[]>();
    for (const child of children.get(node) ?? []) {
      if (child.kind !== "side") continue;
      const same = pushes.get(child.output);
      if (same) same.push(below(child));
      else pushes.set(child.output, [below(child)]);
    }
    return new Map([...pushes].map(([output, targets]) => [output, fanOut(targets)]));
  }

  function compile(node: FlowNode): Push {
    const done = compiled.get(node);
    if (done) return done;
    const push = operator(node);
    compiled.set(node, push);
    return push;
  }

  function operator(node: FlowNode): Push {
    switch (node.kind) {
      case "map":
        return map(node, below(node), runtime);
      case "filter":
        return filter(node, below(node), runtime);
      case "flatMap":
        return flatMap(node, below(node), runtime);
      case "watermark":
        return watermark(node, below(node), sidesOf(node), runtime);
      case "timestamps":
        return timestamps(node, below(node), runtime);
      case "keyBy":
        if (isExchange(node) && !members.has(node)) return exchangeOut(node, runtime);
        return keyBy(node, below(node), runtime);
      case "process": {
        const step = new ProcessOperator(node, below(node), sidesOf(node), runtime);
        steps.set(node, step);
        return (value) => {
          if (!runtime.record.retracts) step.process(value);
        };
      }
      case "window": {
        const step = windowStep(node, below(node), sidesOf(node), runtime);
        steps.set(node, step);
        return (value) => {
          if (!runtime.record.retracts) step.process(value);
        };
      }
      case "sink":
        return sink(node, runtime);
      case "source":
      case "union":
      case "side":
        return below(node);
    }
  }

  const entries = new Map<FlowNode, Push>();
  for (const node of nodes) {
    if (node.kind === "source") entries.set(node, below(node));
    // A keyBy that reads an exchange: the record enters with its key.
    else if (isExchange(node)) entries.set(node, keyBy(node, below(node), runtime));
  }
  // The plan lists nodes after those they take records from.
  return { entries, steps: nodes.flatMap((node) => steps.get(node) ?? []) };
}

export function fanOut(targets: readonly Push[]): Push {
  const [first, second] = targets;
  if (!first) return () => {};
  if (!second) return first;
  return (value) => {
    for (const target of targets) target(value);
  };
}
