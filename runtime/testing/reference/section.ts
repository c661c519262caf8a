/**
 * One task of a section: its operators, what they remember of the task's keys, and how far its event time has come.
 *
 * SE1  A record is through in one go, in all branches, or has not been: what code throws on leaves a dead letter and nothing else, be
 *      it in state, timers, outputs or time.
 * SE2  What time sets off for a key (a timer, a window's end) is as a record of its own.
 * SE3  Time comes to the operators from above down, each having said what was due before the next one hears of it.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import { MAX_WATERMARK } from "../../time.ts";
import { filter } from "./filter.ts";
import { flatMap } from "./flat-map.ts";
import { keyBy, type Sent, send } from "./key-by.ts";
import { map } from "./map.ts";
import type { Memory } from "./memory.ts";
import { Process } from "./process.ts";
import { type Emit, Failure, frozen, type Rec } from "./record.ts";
import type { Attempt, Scene, Stateful } from "./scene.ts";
import { below, type ExchangeNode, isExchange, type SectionNodes, watermarkId } from "./sections.ts";
import { sink, type Written } from "./sink.ts";
import { standardStep } from "./steps/index.ts";
import { EventTime } from "./time.ts";
import { timestamps } from "./timestamps.ts";
import { Watermark } from "./watermark.ts";
import { AssignedWindows } from "./windows/assigned.ts";
import { CountWindows } from "./windows/count.ts";
import { SessionWindows } from "./windows/session.ts";
import { TimeWindows } from "./windows/time.ts";

/** What could not be processed: whose code threw, on what. */
export interface Apart {
  readonly step: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** Where what leaves a section goes. */
export interface Outside {
  readonly partitions: number;
  write(topic: string, written: Written): void;
  exchange(name: string, sent: Sent, rec: Rec): void;
  setApart(apart: Apart): void;
  countLate(): void;
  look(topic: string, timestamp: number | undefined): unknown;
  undetermined(why: string): void;
}

export class Section implements Scene {
  readonly memory: Memory;
  readonly time = new EventTime();
  readonly nodes: SectionNodes;
  nowMs: number;
  watermark = Number.NEGATIVE_INFINITY;
  letGoUpTo = Number.NEGATIVE_INFINITY;
  readonly #outside: Outside;
  readonly #stateful = new Map<FlowNode, Stateful>();
  readonly #watermarks = new Map<FlowNode, Watermark>();
  /** What the record at hand has brought about so far: done when it is through (SE1). */
  #effects: (() => void)[] = [];

  constructor(nodes: SectionNodes, memory: Memory, nowMs: number, outside: Outside) {
    this.nodes = nodes;
    this.memory = memory;
    this.nowMs = nowMs;
    this.#outside = outside;
    for (const node of nodes.nodes) {
      const made = this.#made(node);
      if (made) this.#stateful.set(node, made);
      if (node.kind === "watermark") this.#watermarks.set(node, new Watermark(node));
    }
  }

  #made(node: FlowNode): Stateful | undefined {
    if (node.kind === "process")
      return node.standard ? standardStep(node.name, node.standard, this) : new Process(node, this);
    if (node.kind !== "window") return undefined;
    switch (node.assigner.kind) {
      case "time":
        return new TimeWindows(node, node.assigner, this);
      case "session":
        return new SessionWindows(node, node.assigner, this);
      case "count":
        return new CountWindows(node, node.assigner, this);
      case "assigned":
        return new AssignedWindows(node, node.assigner, this);
    }
  }

  /** It goes on where another one was: before a restart, or in the version of the job before. */
  resume(before: Section): void {
    this.time.goOnFrom(before.time);
    this.watermark = before.watermark;
    this.letGoUpTo = before.letGoUpTo;
    for (const stateful of this.#stateful.values()) stateful.resume(this.watermark);
  }

  /** A record comes in at these nodes. @param value reads it; what that throws is a failure of "decode" */
  take(entries: readonly FlowNode[], rec: Omit<Rec, "value">, value: () => unknown): void {
    this.#whole(rec, () => {
      const read = { ...rec, value: named("decode", () => frozen(value())) };
      for (const entry of entries) this.#enter(entry, read);
    });
  }

  #enter(entry: FlowNode, rec: Rec): void {
    if (isExchange(entry)) this.#key(entry, rec);
    else this.#down(entry, rec);
  }

  /** To all that takes records from `node`, or from this side output of it. */
  #down(node: FlowNode, rec: Rec, side?: string): void {
    for (const next of below(node, [...this.nodes.nodes, ...this.nodes.outward])) {
      if (side === undefined) {
        if (next.kind !== "side") this.#push(next, rec);
      } else if (next.kind === "side" && next.output === side) this.#down(next, rec);
    }
  }

  #push(node: FlowNode, rec: Rec): void {
    const emit: Emit = (out, side) => this.#down(node, { ...out, value: frozen(out.value) }, side);
    switch (node.kind) {
      case "map":
        named(node.name, () => map(node, rec, emit));
        break;
      case "filter":
        named(node.name, () => filter(node, rec, emit));
        break;
      case "flatMap":
        named(node.name, () => flatMap(node, rec, emit));
        break;
      case "timestamps":
        named("timestamps", () => timestamps(node, rec, emit));
        break;
      case "watermark":
        named("watermark", () => this.#timed(node, rec, emit));
        break;
      case "keyBy":
        if (isExchange(node)) this.#send(node, rec);
        else this.#key(node, rec);
        break;
      case "process":
      case "window":
        if (!rec.retracts) named(node.name, () => this.#stateful.get(node)!.take(rec, emit));
        break;
      case "sink": {
        const written = named(`to ${node.topic.name}`, () => sink(node, rec, this.#outside.partitions));
        if (written) this.#effects.push(() => this.#outside.write(node.topic.name, written));
        break;
      }
      case "source":
      case "union":
      case "side":
        this.#down(node, rec);
    }
  }

  #timed(node: Extract<FlowNode, { kind: "watermark" }>, rec: Rec, emit: Emit): void {
    const channel = sourceChannel(rec.topic, rec.partition, idOf(node, this.nodes));
    this.#watermarks.get(node)!.take(rec, emit, (watermark) => {
      this.#effects.push(() => this.time.hear(channel, watermark));
    });
  }

  #send(node: ExchangeNode, rec: Rec): void {
    if (rec.retracts) return;
    const sent = named(node.exchange.name, () => send(node, rec, this.#outside.partitions));
    this.#effects.push(() => this.#outside.exchange(node.exchange.name, sent, rec));
  }

  #key(node: Extract<FlowNode, { kind: "keyBy" }>, rec: Rec): void {
    const emit: Emit = (out) => this.#down(node, out);
    named("key-by", () => keyBy(node, rec, this.#outside.partitions, emit));
  }

  /** SE1. */
  #whole(rec: Omit<Rec, "value">, run: () => void): void {
    this.#effects = [];
    this.memory.begin();
    try {
      run();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.memory.discard();
      const { topic, partition, offset } = rec;
      this.#outside.setApart({ step: error.step, topic, partition, offset, reason: error.message });
      return;
    }
    this.memory.keep();
    for (const effect of this.#effects) effect();
  }

  /** Event time goes where its channels say it is (SE3). */
  advance(): void {
    const watermark = this.time.reached();
    // At the end of time what is set then is due at once.
    if (watermark <= this.watermark && watermark < MAX_WATERMARK) return;
    this.watermark = watermark;
    for (const [node, stateful] of this.#stateful) stateful.advance(watermark, this.#attempt(node));
  }

  /** The clock is looked at. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    for (const [node, stateful] of this.#stateful) stateful.tick(this.#attempt(node));
    this.letGoUpTo = this.watermark;
  }

  /** SE2. */
  #attempt(node: FlowNode): Attempt {
    return ({ key, partition, timestamp }, run) => {
      const rec = { topic: "", offset: -1, ingestMs: this.nowMs, key, partition, timestamp };
      this.#whole(rec, () => {
        const emit: Emit = (out, side) => this.#down(node, out, side);
        named(this.#stateful.get(node)!.name, () => run({ ...rec, value: undefined }, emit));
      });
    };
  }

  late(): void {
    this.#effects.push(() => this.#outside.countLate());
  }

  look(topic: string, timestamp: number | undefined): unknown {
    return this.#outside.look(topic, timestamp);
  }

  undetermined(why: string): void {
    this.#outside.undetermined(why);
  }
}

/** Which `.watermark` of the section it is. */
export const idOf = (node: FlowNode, { nodes, outward }: SectionNodes): string =>
  watermarkId(node, [...nodes, ...outward]);

/** What throws in here is a failure of this step; unless it is one of a step below already. */
function named<T>(step: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(step, error);
  }
}

export const sourceChannel = (topic: string, partition: number, watermark: string): string =>
  `${topic}/${partition} ${watermark}`;

export const exchangeChannel = ({ exchange }: ExchangeNode, partition: number, task: number): string =>
  `>${exchange.name}/${partition}/${task}`;
