/**
 * The reference: what a job means. It follows a schedule over finite inputs, one record after the other, with nothing in it that is
 * there for speed or for surviving anything: no epochs, no threads, no changelog, no undo, no panes.
 *
 * A task of a section has the partitions p with p mod parallelism = its number, of every topic that the section reads; what its keys
 * have in state is its own.
 */
import type { Codec } from "../../../schemas/codec.ts";
import type { FlowGraph, FlowNode } from "../../dsl/graph.ts";
import type { JobDefinition } from "../../dsl/job.ts";
import { topicOf } from "../../dsl/process.ts";
import { checkKey } from "../../kafka/key.ts";
import { BroadcastContent } from "./broadcast.ts";
import type { Sent } from "./key-by.ts";
import { Memory } from "./memory.ts";
import { frozen } from "./record.ts";
import { Remembered } from "./remembered.ts";
import type { Channel, Scheduled, Taken, Who } from "./schedule.ts";
import { type Apart, exchangeChannel, idOf, type Outside, Section, sourceChannel } from "./section.ts";
import { type ExchangeNode, isExchange, type SectionNodes, sectionsOf, topicsAbove } from "./sections.ts";
import type { Written } from "./sink.ts";

export interface InputRecord {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

export interface Inputs {
  records(topic: string, partition: number): readonly InputRecord[];
}

/** What lies in an exchange. */
type Carried =
  | {
      readonly kind: "data";
      readonly sent: Sent;
      readonly timestamp: number | undefined;
      readonly ingestMs: number;
    }
  | { readonly kind: "time"; readonly task: number; readonly watermark: number; readonly silent: boolean };

interface Task {
  readonly section: Section;
  /** Rows by their Kafka keys, in the order they were written. */
  readonly tables: Map<string, Map<string, { readonly name: string; readonly value: unknown }>>;
  readonly broadcasts: Map<string, BroadcastContent>;
}

export interface ReferenceOptions {
  readonly partitions: number;
  readonly parallelism: number;
  readonly nowMs: number;
}

export class Reference {
  /** Records written, by topic and partition: `topic/partition`. */
  readonly outputs = new Map<string, Written[]>();
  /** By partition: that of the record, of those there are. */
  readonly apart: Apart[][];
  /** Records that came too late for their window. */
  late = 0;
  /** Where event time in the run was first not what it is here. */
  strayed: string | undefined;
  /** Why this run must not be held against another: what came of it was not determined. */
  undetermined: string | undefined;
  readonly #inputs: Inputs;
  readonly #options: ReferenceOptions;
  readonly #exchanges = new Map<string, Carried[]>();
  /** Rows of tables that are none, and were set apart. */
  readonly #told = new Set<string>();
  #graph: FlowGraph;
  #sections: readonly SectionNodes[];
  #tasks = new Map<string, Task>();

  constructor(job: JobDefinition, inputs: Inputs, options: ReferenceOptions) {
    this.#inputs = inputs;
    this.#options = options;
    this.apart = range(options.partitions).map(() => []);
    this.#graph = job.graph();
    this.#sections = sectionsOf(this.#graph);
    this.#start(options.nowMs);
  }

  /** What the steps of a section remember, of all keys. */
  remembered(section: string): Remembered {
    const tasks = range(this.#options.parallelism).map((task) => this.#task({ section, task }).section);
    return new Remembered(tasks);
  }

  watermarkOf(who: Who): number {
    return this.#task(who).section.watermark;
  }

  get sections(): readonly SectionNodes[] {
    return this.#sections;
  }

  follow(schedule: Iterable<Scheduled>): void {
    for (const step of schedule) this.#step(step);
  }

  #step(step: Scheduled): void {
    switch (step.kind) {
      case "turn":
        this.#turn(step);
        break;
      case "tell":
        this.#tell(step);
        break;
      case "restart":
        this.#restart(step, step.nowMs);
        break;
      case "edit":
        this.#graph = step.job.graph();
        this.#sections = sectionsOf(this.#graph);
      // Each task is of the new version from when it starts anew.
    }
  }

  // --- tasks -----------------------------------------------------------------------------------------------------------

  #start(nowMs: number): void {
    for (const { id } of this.#sections)
      for (const task of range(this.#options.parallelism))
        this.#tasks.set(taskId({ section: id, task }), this.#made({ section: id, task }, nowMs, undefined));
  }

  #restart(who: Who, nowMs: number): void {
    const before = this.#tasks.get(taskId(who));
    this.#tasks.set(taskId(who), this.#made(who, nowMs, before));
  }

  /** State and time are what they were; tables are read anew. */
  #made({ section: id, task }: Who, nowMs: number, before: Task | undefined): Task {
    const nodes = this.#sections.find((section) => section.id === id)!;
    const outside: Outside = {
      partitions: this.#options.partitions,
      write: (topic, written) => this.#output(topic, written.partition).push(written),
      exchange: (name, sent, { timestamp, ingestMs }) =>
        this.#carried(name, sent.partition).push({ kind: "data", sent, timestamp, ingestMs }),
      setApart: (apart) => this.#setApart(apart),
      countLate: () => {
        this.late++;
      },
      look: (topic, timestamp) => this.#look(made, topic, timestamp),
      undetermined: (why) => {
        this.undetermined ??= why;
      },
    };
    const section = new Section(nodes, before?.section.memory ?? new Memory(), nowMs, outside);
    const made: Task = { section, tables: new Map(), broadcasts: before?.broadcasts ?? new Map() };
    for (const channel of this.#channels(nodes, task)) section.time.add(channel);
    if (before) section.resume(before.section);
    for (const broadcast of made.broadcasts.values()) broadcast.restarted(section.watermark);
    return made;
  }

  #channels(nodes: SectionNodes, task: number): string[] {
    const own = range(this.#options.partitions).filter(
      (partition) => partition % this.#options.parallelism === task,
    );
    return nodes.nodes.flatMap((node) => {
      if (isExchange(node))
        return own.flatMap((partition) =>
          range(this.#options.parallelism).map((upstream) => exchangeChannel(node, partition, upstream)),
        );
      if (node.kind !== "watermark") return [];
      return topicsAbove(node).flatMap((topic) =>
        own.map((partition) => sourceChannel(topic, partition, idOf(node, nodes))),
      );
    });
  }

  #task(who: Who): Task {
    return this.#tasks.get(taskId(who))!;
  }

  // --- a turn ----------------------------------------------------------------------------------------------------------

  #turn(turn: Extract<Scheduled, { kind: "turn" }>): void {
    const task = this.#task(turn);
    const { section } = task;
    section.nowMs = turn.nowMs;
    for (const taken of turn.tables) this.#readTable(task, taken, turn.task);
    for (const taken of turn.broadcasts) this.#readBroadcast(task, taken, turn.task);
    this.#setSilent(section, turn.silentBefore);
    for (const taken of turn.batches) this.#hearOf(section, taken);
    for (const taken of turn.batches) {
      this.#take(section, taken);
      section.advance();
    }
    this.#setSilent(section, turn.silentAfter);
    section.advance();
    section.tick(turn.nowMs);
    if (section.watermark !== turn.reached)
      this.strayed ??= `event time of task ${turn.task} of "${turn.section}" is ${turn.reached} instead of ${section.watermark}`;
  }

  #take(section: Section, { topic, partition, from, to }: Taken): void {
    const exchange = section.nodes.nodes.find(
      (node): node is ExchangeNode => isExchange(node) && exchangeOf(topic) === node.exchange.name,
    );
    if (exchange) {
      for (let offset = from; offset < to; offset++)
        this.#receive(section, exchange, topic, partition, offset);
      return;
    }
    const sources = section.nodes.nodes.filter(
      (node): node is Source => node.kind === "source" && node.topic.name === topic,
    );
    for (let offset = from; offset < to; offset++) {
      const { key, value, timestampMs } = this.#inputs.records(topic, partition)[offset]!;
      const rec = { topic, partition, offset, key: "", timestamp: undefined, ingestMs: timestampMs };
      const { rows, topic: source } = sources[0]!;
      section.take(sources, rec, () =>
        rows ? rowOf(source.codec, key, value, timestampMs) : decoded(source.codec, value),
      );
    }
  }

  #receive(section: Section, node: ExchangeNode, topic: string, partition: number, offset: number): void {
    const carried = this.#carried(node.exchange.name, partition)[offset];
    if (!carried)
      throw new Error(`the run took record ${offset} of ${topic}/${partition}, which is not to be there`);
    if (carried.kind === "time") {
      section.time.hear(exchangeChannel(node, partition, carried.task), carried.watermark, carried.silent);
      return;
    }
    const { sent, timestamp, ingestMs } = carried;
    const rec = { topic, partition, offset, key: "", timestamp, ingestMs };
    section.take([node], rec, () => carriedValue(node.exchange.codec, sent));
  }

  /** What is to be read makes its partition one that is not silent. */
  #hearOf(section: Section, { topic, partition }: Taken): void {
    for (const channel of this.#sourceChannels(section))
      if (channel.startsWith(`${topic}/${partition} `)) section.time.setSilent(channel, false);
  }

  #setSilent(section: Section, silent: readonly Channel[]): void {
    const channels = new Set(
      silent.map(({ topic, partition, watermark }) => sourceChannel(topic, partition, watermark)),
    );
    for (const channel of this.#sourceChannels(section))
      section.time.setSilent(channel, channels.has(channel));
  }

  #sourceChannels({ nodes, time }: Section): string[] {
    const all = nodes.nodes.flatMap((node) => {
      if (node.kind !== "watermark") return [];
      const id = idOf(node, nodes);
      return topicsAbove(node).flatMap((topic) =>
        range(this.#options.partitions).map((partition) => sourceChannel(topic, partition, id)),
      );
    });
    return all.filter((channel) => time.has(channel));
  }

  #tell({ section: id, task }: Who): void {
    const { section } = this.#task({ section: id, task });
    const { watermark } = section;
    for (const { exchange } of section.nodes.outward)
      for (const partition of range(this.#options.partitions))
        this.#carried(exchange.name, partition).push({
          kind: "time",
          task,
          watermark,
          silent: section.time.allSilent,
        });
  }

  // --- tables and broadcasts -------------------------------------------------------------------------------------------

  /**
   * A table is what its records say by now: the last of each Kafka key, in the order they were written, each under what `keyOf` calls
   * it. One that cannot be read is set apart, once.
   */
  #readTable(task: Task, { topic, partition, from, to }: Taken, number: number): void {
    const { topic: source, keyOf } = this.#graph.tables.get(topic)!;
    const rows = task.tables.get(topic) ?? new Map<string, { name: string; value: unknown }>();
    task.tables.set(topic, rows);
    for (let offset = from; offset < to; offset++) {
      const { key, value } = this.#inputs.records(topic, partition)[offset]!;
      try {
        if (key === null) throw new Error("the key is null, and so it is no row");
        const row = value === null ? undefined : frozen(source.codec.decode(Buffer.from(value)));
        const name = row === undefined ? "" : keyOf(row);
        checkKey("keyOf gave", name);
        rows.delete(key);
        if (row !== undefined) rows.set(key, { name, value: row });
      } catch (error) {
        const place = `${topic}/${partition}/${offset}`;
        if (number !== 0 || !this.#tells(task, topic) || this.#told.has(place)) continue;
        this.#told.add(place);
        this.#setApart({ step: "table", topic, partition, offset, reason: (error as Error).message });
      }
    }
  }

  /** Of the sections that look into a table it is that of the step of the first name that tells of what is no row. */
  #tells({ section }: Task, table: string): boolean {
    const steps = this.#sections.flatMap(({ id, nodes }) =>
      nodes.flatMap((node) => {
        if (node.kind !== "process") return [];
        const tables = Object.values(node.step.tables ?? {}).map(topicOf);
        return tables.includes(table) ? [{ id, name: node.name }] : [];
      }),
    );
    return steps.sort((a, b) => (a.name < b.name ? -1 : 1))[0]!.id === section.nodes.id;
  }

  #readBroadcast(task: Task, { topic, partition, from, to }: Taken, number: number): void {
    const { topic: source, keyOf, activeFrom } = this.#graph.broadcasts.get(topic)!;
    const content = task.broadcasts.get(topic) ?? new BroadcastContent();
    task.broadcasts.set(topic, content);
    for (let offset = from; offset < to; offset++) {
      const { key, value } = this.#inputs.records(topic, partition)[offset]!;
      const atOnce = { activeFromMs: Number.NEGATIVE_INFINITY, number: offset + 1 };
      try {
        if (value === null) {
          if (key !== null) content.apply({ ...atOnce, key, value: undefined }, task.section.watermark);
          continue;
        }
        const version = source.codec.decode(Buffer.from(value));
        const activeFromMs = activeFrom?.(version) ?? atOnce.activeFromMs;
        if (Number.isNaN(activeFromMs)) throw new Error("activeFrom gave NaN, which is not a time");
        content.apply(
          { ...atOnce, key: keyOf(version), value: version, activeFromMs },
          task.section.watermark,
        );
      } catch (error) {
        if (number === 0)
          this.#setApart({ step: "broadcast", topic, partition, offset, reason: (error as Error).message });
      }
    }
  }

  #look({ section, tables, broadcasts }: Task, topic: string, timestamp: number | undefined): unknown {
    if (this.#graph.tables.has(topic)) {
      const rows = [...(tables.get(topic)?.values() ?? [])];
      return new Map(rows.map(({ name, value }) => [name, value]));
    }
    const content = broadcasts.get(topic) ?? new BroadcastContent();
    return content.at(timestamp ?? section.watermark, () => {
      this.undetermined ??= "a late record asked for a broadcast that event time had passed";
    });
  }

  // --- what leaves -----------------------------------------------------------------------------------------------------

  #setApart(apart: Apart): void {
    this.apart[apart.partition % this.#options.partitions]!.push(apart);
  }

  #output(topic: string, partition: number): Written[] {
    return listAt(this.outputs, `${topic}/${partition}`);
  }

  #carried(exchange: string, partition: number): Carried[] {
    return listAt(this.#exchanges, `${exchange}/${partition}`);
  }
}

type Source = Extract<FlowNode, { kind: "source" }>;

function decoded(codec: Codec<unknown>, value: Uint8Array | null): unknown {
  if (value === null) throw new Error("the value is null");
  return codec.decode(Buffer.from(value));
}

function carriedValue(codec: Codec<unknown>, sent: Sent): unknown {
  const reader = codec.schema === sent.codec.schema ? codec : codec.reading(sent.codec.schema);
  return reader.decode(sent.bytes);
}

/** Of a compacted topic: its key, and its value or none. */
function rowOf(
  codec: Codec<unknown>,
  key: string | null,
  value: Uint8Array | null,
  ingestMs: number,
): unknown {
  if (key === null) throw new Error("the key is null, and so it is no row");
  return { key, value: value === null ? undefined : codec.decode(Buffer.from(value)), ingestMs };
}

/** The name of an exchange, of its topic's `JOB.NAME.exchange`. */
const exchangeOf = (topic: string): string | undefined => /^[^.]+\.(.+)\.exchange$/.exec(topic)?.[1];

const taskId = ({ section, task }: Who): string => `${section}/${task}`;

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function listAt<T>(lists: Map<string, T[]>, id: string): T[] {
  const known = lists.get(id);
  if (known) return known;
  const fresh: T[] = [];
  lists.set(id, fresh);
  return fresh;
}
