/**
 * Mistakes of a job's author, each in words that say where it is and what to do.
 *
 * V1  What needs the event time of every record (windows, time to live by event time, versions that hold from a time on, dedup,
 *     reorder, join) is below a `.watermark` or `.timestamps` on every way from a source. For an event-time timer one way is
 *     enough: sources without time do not hold it back, and a step's own timers say their time themselves.
 */

import type { FlowGraph, FlowNode } from "../dsl/graph.ts";
import { oneOf } from "../dsl/options.ts";
import { topicOf } from "../dsl/process.ts";
import { JobError } from "../errors.ts";
import { checkFunctions } from "./functions.ts";

const STEP_NAME = /^[a-z0-9][a-z0-9-]{0,60}$/;

export function validate(job: string, graph: FlowGraph, nodes: readonly FlowNode[]): void {
  const fail = (message: string): never => {
    throw new JobError(`job "${job}": ${message}`);
  };
  if (graph.sinks.length === 0) fail("it has no output: end a stream in .to(topic)");
  uniqueNames(nodes, fail);
  consistentTopics(graph, nodes, fail);
  checkFunctions(graph, nodes);
  const timed = timedNodes(nodes);
  for (const node of nodes) {
    if (node.kind === "watermark" && inputsTimed(node, timed.some)) {
      fail("a stream has .watermark twice on its way from a source: keep the first");
    }
    if (node.kind === "watermark" && behindKey(node)) {
      fail("a .watermark stands after .keyBy: time is found per source partition, put it before .keyBy");
    }
    if (node.kind === "timestamps" && !inputsTimed(node, timed.some)) {
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
    if (node.kind === "process") stepIsWhole(node, graph, timed, fail);
    if (node.kind === "window") windowIsWhole(node, timed, fail);
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

interface Timed {
  /** Nodes below a `.watermark` on one way from a source at least. */
  readonly some: ReadonlySet<FlowNode>;
  /** Nodes whose every record has an event time. */
  readonly every: ReadonlySet<FlowNode>;
}

function timedNodes(nodes: readonly FlowNode[]): Timed {
  const some = new Set<FlowNode>();
  const every = new Set<FlowNode>();
  for (const node of nodes) {
    const gives = node.kind === "watermark" || node.kind === "timestamps";
    if (node.kind === "watermark" || inputsTimed(node, some)) some.add(node);
    if (gives || (node.inputs.length > 0 && node.inputs.every((input) => every.has(input)))) every.add(node);
  }
  return { some, every };
}

const inputsTimed = (node: FlowNode, timed: ReadonlySet<FlowNode>): boolean =>
  node.inputs.some((input) => timed.has(input));

/** V1. @param what what needs time, as a sentence begins. @param instead what else could be done */
function needsTime(node: FlowNode, { some, every }: Timed, what: string, instead: string, fail: Fail): void {
  if (every.has(node)) return;
  if (!some.has(node))
    fail(
      `${what}, but no source before it has a time: add .watermark(boundedDisorder({ timeOf, disorderMax })) before .keyBy${instead}`,
    );
  const topics = [...untimedSources(node, every)].map((name) => `"${name}"`).join(", ");
  fail(
    `${what}, but what comes from topic ${topics} has none: a union gives no time to its parts; add .watermark(...) there as well, or .timestamps(timeOf) after the union${instead}`,
  );
}

/** Topics whose records come to a node without a time. */
function untimedSources(node: FlowNode, every: ReadonlySet<FlowNode>): Set<string> {
  if (every.has(node)) return new Set();
  if (node.kind === "source") return new Set([node.topic.name]);
  return new Set(node.inputs.flatMap((input) => [...untimedSources(input, every)]));
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

function windowIsWhole(node: Extract<FlowNode, { kind: "window" }>, timed: Timed, fail: Fail): void {
  const { name, assigner, options, aggregate } = node;
  const { allowedLateness = 0, late, early, finalOnly = false } = options;
  if (typeof aggregate?.add !== "function" || typeof aggregate.result !== "function" || !aggregate.codec)
    fail(`window "${name}" has no aggregate: give it aggregate({ ... }) or collect({ ... })`);
  if (assigner.kind === "count") {
    if (allowedLateness > 0 || late || early || finalOnly)
      fail(`window "${name}" counts records: nothing is early or late in it, leave those options out`);
    return;
  }
  needsTime(node, timed, `window "${name}" is of event time`, "", fail);
}

function stepIsWhole(
  node: Extract<FlowNode, { kind: "process" }>,
  graph: FlowGraph,
  timed: Timed,
  fail: Fail,
): void {
  const { name, step } = node;
  if (step.onTimer && !step.timers?.length) {
    fail(
      `step "${name}" has onTimer but does not say which timers it sets: add timers: ["event"] or ["processing"]`,
    );
  }
  if (step.timers?.length && !step.onTimer && !step.waited)
    fail(`step "${name}" sets timers but has no onTimer(timer, context) for when they fire`);
  for (const domain of step.timers ?? [])
    oneOf(`step "${name}": one of its timers`, domain, ["event", "processing"]);
  if (step.timers?.includes("event") && !timed.some.has(node))
    needsTime(node, timed, `step "${name}" sets event-time timers`, "", fail);
  if (step.timed) needsTime(node, timed, `step "${name}" goes by the event time of each record`, "", fail);
  for (const [state, descriptor] of Object.entries(step.state ?? {})) {
    if ("ttl" in descriptor && descriptor.ttl?.time === "event")
      needsTime(
        node,
        timed,
        `step "${name}", state "${state}": its ttl is of event time`,
        ', or use time: "processing"',
        fail,
      );
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(state))
      fail(`step "${name}", state "${state}": a name is letters and digits`);
  }
  for (const table of Object.values(step.tables ?? {})) {
    const topic = topicOf(table);
    if (!graph.tables.has(topic) && !graph.broadcasts.has(topic))
      fail(
        `step "${name}" looks into "${topic}", which is not of this flow: make it with flow.table(...) or flow.broadcast(...)`,
      );
    if (graph.broadcasts.get(topic)?.activeFrom)
      needsTime(
        node,
        timed,
        `step "${name}" looks into broadcast "${topic}", whose versions hold from an event time on`,
        ", or leave activeFrom out",
        fail,
      );
  }
}
