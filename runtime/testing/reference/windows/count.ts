/**
 * Windows of a number of records of a key, in the order they come. The one that makes it full says the result, which has that
 * record's event time. `start` and `end` are the lowest and the highest time of the records (event time, or Kafka's), and one.
 */
import type { FlowNode } from "../../../dsl/graph.ts";
import type { WindowAssigner } from "../../../dsl/window.ts";
import { type Emit, frozen, type Rec } from "../record.ts";
import type { Scene, Stateful } from "../scene.ts";
import { check, fold, type Held } from "./fold.ts";

interface Counted extends Held {
  readonly timeMs: number;
}

export class CountWindows implements Stateful {
  readonly name: string;
  readonly #node: Extract<FlowNode, { kind: "window" }>;
  readonly #count: number;
  readonly #scene: Scene;

  constructor(
    node: Extract<FlowNode, { kind: "window" }>,
    assigner: Extract<WindowAssigner, { kind: "count" }>,
    scene: Scene,
  ) {
    this.name = node.name;
    this.#node = node;
    this.#count = assigner.count;
    this.#scene = scene;
  }

  take(rec: Rec, emit: Emit): void {
    const { memory } = this.#scene;
    const { aggregate } = this.#node;
    const { key, value, timestamp } = rec;
    const before = memory.get<readonly Counted[]>(this.name, key) ?? [];
    const held = [...before, { value, timestamp, timeMs: timestamp ?? rec.ingestMs }];
    check(aggregate, held);
    if (held.length < this.#count) {
      memory.set(this.name, key, held);
      return;
    }
    memory.set(this.name, key, undefined);
    const times = held.map(({ timeMs }) => timeMs);
    const window = { key, start: Math.min(...times), end: Math.max(...times) + 1 };
    const result = aggregate.result(fold(aggregate, held), { ...window, pane: "on-time", index: 0 });
    emit({ ...rec, value: frozen(result) });
  }

  resume(): void {}
  advance(): void {}
  tick(): void {}
}
