/** Mistakes of a job's author, each in words that say where it is and what to do. */

import type { FlowGraph, FlowNode } from "../dsl/graph.ts";
import { topicOf } from "../dsl/process.ts";
import { JobError } from "../errors.ts";

const STEP_NAME = /^[a-z0-9][a-z0-9-]{0,60}$/;

export function validate(job: string, graph: FlowGraph, nodes: readonly FlowNode[]): void {
  const fail = (message: string): never => {
    throw new JobError(`job "${job}": ${message}`);
  };
  if (graph.sinks.length === 0) fail("it has no output: end a stream in .to(topic)");
  uniqueNames(nodes, fail);
  consistentTopics(graph, nodes, fail);
  const timed = timedNodes(nodes);
  for (const node of nodes) {
    if (node.kind === "watermark" && timed.above.has(node)) {
      fail("a stream has .watermark twice on its way from a source: keep the first");
    }
    if (node.kind === "watermark" && behindKey(node)) {
      fail("a .watermark stands after .keyBy: time is found per source partition, put it before .keyBy");
    }
    if (node.kind === "timestamps" && !timed.at.has(node)) {
      fail(
        "a stream has .timestamps, but no .watermark before it: nothing would say how far its time has come",
      );
    }
    if (node.kind === "keyBy" && !node.exchange && behindExchangeOrProcess(node)) {
      fail(
        "a .keyBy after a step with another key needs its own exchange: .keyBy(keyOf, { exchange: { name, codec } })",
      );
    }
    if (node.kind === "side") sideIsDeclared(node, fail);
    if (node.kind === "process") stepIsWhole(node, graph, timed.at, fail);
    if (node.kind === "window") windowIsWhole(node, timed.at, fail);
  }
}

type Fail = (message: string) => never | void;

function uniqueNames(nodes: readonly FlowNode[], fail: Fail): void {
  const seen = new Map<string, string>();
  for (const node of nodes) {
    const name = "name" in node ? node.name : node.kind === "keyBy" ? node.exchange?.name : undefined;
    if (name === undefined) continue;
    const what = node.kind === "keyBy" ? "exchange" : node.kind;
    if (!STEP_NAME.test(name)) fail(`${what} "${name}": a name is lower-case letters, digits and dashes`);
    const other = seen.get(name);
    if (other)
      fail(
        `two steps are named "${name}" (${other} and ${what}): state, metrics and dead letters go by that name, give one another`,
      );
    seen.set(name, what);
  }
}

function consistentTopics(graph: FlowGraph, nodes: readonly FlowNode[], fail: Fail): void {
  const codecs = new Map<string, string>();
  const sources = new Set<string>();
  const rows = new Map<string, boolean>();
  for (const node of nodes) {
    if (node.kind !== "source" && node.kind !== "sink") continue;
    const { name, codec } = node.topic;
    const other = codecs.get(name);
    if (other !== undefined && other !== codec.schema)
      fail(`topic "${name}" is used with two schemas; a topic has one`);
    codecs.set(name, codec.schema);
    if (node.kind === "source") {
      sources.add(name);
      if (rows.get(name) === !node.rows)
        fail(`topic "${name}" is read both by .from and by .versions: choose one`);
      rows.set(name, node.rows);
    }
  }
  for (const sink of graph.sinks) {
    if (sink.kind === "sink" && sources.has(sink.topic.name)) {
      fail(`it writes to "${sink.topic.name}", which it also reads: it would feed itself for ever`);
    }
  }
  for (const table of graph.tables.keys()) {
    if (sources.has(table)) fail(`topic "${table}" is read both as a table and by .from: choose one`);
    if (graph.broadcasts.has(table)) fail(`topic "${table}" is both a table and a broadcast: choose one`);
  }
  for (const broadcast of graph.broadcasts.keys()) {
    if (sources.has(broadcast))
      fail(`topic "${broadcast}" is read both as a broadcast and by .from: choose one`);
  }
}

/** Nodes whose every record has event time (`at`), and watermarks that stand above another (`above`). */
function timedNodes(nodes: readonly FlowNode[]): { at: ReadonlySet<FlowNode>; above: ReadonlySet<FlowNode> } {
  const at = new Set<FlowNode>();
  const above = new Set<FlowNode>();
  for (const node of nodes) {
    const inputsTimed = node.inputs.length > 0 && node.inputs.some((input) => at.has(input));
    if (node.kind === "watermark" && inputsTimed) above.add(node);
    if (node.kind === "watermark" || inputsTimed) at.add(node);
  }
  return { at, above };
}

function behindKey(node: FlowNode): boolean {
  return node.inputs.some((input) => input.kind === "keyBy" || behindKey(input));
}

function behindExchangeOrProcess(node: FlowNode): boolean {
  return node.inputs.some((input) => isKeyedStep(input) || behindExchangeOrProcess(input));
}

const isKeyedStep = (node: FlowNode): boolean => node.kind === "process" || node.kind === "window";

function sideIsDeclared(node: Extract<FlowNode, { kind: "side" }>, fail: Fail): void {
  const step = node.inputs[0]!;
  switch (step.kind) {
    case "process":
      if (!step.step.sides?.some((side) => side.name === node.output)) {
        fail(
          `.side("${node.output}") of step "${step.name}", which does not declare it: add it to the step's sides`,
        );
      }
      return;
    case "window":
      if (step.options.late?.name !== node.output)
        fail(
          `.side("${node.output}") of window "${step.name}": its one side output is what its option late names`,
        );
      return;
    case "watermark":
      if (step.strategy.future?.to?.name !== node.output)
        fail(
          `.side("${node.output}") of a watermark: its one side output is what future.to of its strategy names`,
        );
      return;
    default:
      fail(`.side("${node.output}") has to follow the step that gives values to it`);
  }
}

function windowIsWhole(
  node: Extract<FlowNode, { kind: "window" }>,
  timed: ReadonlySet<FlowNode>,
  fail: Fail,
): void {
  const { name, assigner, options, aggregate } = node;
  const { allowedLateness = 0, late, early, finalOnly = false } = options;
  if (typeof aggregate?.add !== "function" || typeof aggregate.result !== "function" || !aggregate.codec)
    fail(`window "${name}" has no aggregate: give it aggregate({ ... }) or collect({ ... })`);
  if (!Number.isInteger(allowedLateness) || allowedLateness < 0)
    fail(
      `window "${name}": allowedLateness is ${allowedLateness}; it has to be whole milliseconds, 0 or more`,
    );
  if (assigner.kind === "count") {
    if (allowedLateness > 0 || late || early || finalOnly)
      fail(`window "${name}" counts records: nothing is early or late in it, leave those options out`);
    return;
  }
  if (!timed.has(node)) {
    fail(
      `window "${name}" is of event time, but no source before it has one: add .watermark(boundedDisorder({ timeOf, disorderMax })) before .keyBy`,
    );
  }
}

function stepIsWhole(
  node: Extract<FlowNode, { kind: "process" }>,
  graph: FlowGraph,
  timed: ReadonlySet<FlowNode>,
  fail: Fail,
): void {
  const { name, step } = node;
  if (typeof step.process !== "function") fail(`step "${name}" has no process(value, context) function`);
  if (step.onTimer && !step.timers?.length) {
    fail(
      `step "${name}" has onTimer but does not say which timers it sets: add timers: ["event"] or ["processing"]`,
    );
  }
  if (step.timers?.length && !step.onTimer)
    fail(`step "${name}" sets timers but has no onTimer(timer, context) for when they fire`);
  if (step.timers?.includes("event") && !timed.has(node)) {
    fail(
      `step "${name}" sets event-time timers, but no source before it has a time: add .watermark(boundedDisorder({ timeOf, disorderMax })) before .keyBy`,
    );
  }
  for (const [state, descriptor] of Object.entries(step.state ?? {})) {
    if ("ttl" in descriptor && descriptor.ttl?.time === "event" && !timed.has(node)) {
      fail(
        `step "${name}", state "${state}": its ttl is of event time, but no source before the step has one: add .watermark(...), or use time: "processing"`,
      );
    }
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(state))
      fail(`step "${name}", state "${state}": a name is letters and digits`);
  }
  for (const table of Object.values(step.tables ?? {})) {
    const topic = topicOf(table);
    if (!graph.tables.has(topic) && !graph.broadcasts.has(topic))
      fail(
        `step "${name}" looks into "${topic}", which is not of this flow: make it with flow.table(...) or flow.broadcast(...)`,
      );
    if (graph.broadcasts.get(topic)?.activeFrom && !timed.has(node))
      fail(
        `step "${name}" looks into broadcast "${topic}", whose versions hold from an event time on, but no source before the step has one: add .watermark(...), or leave activeFrom out`,
      );
  }
}
