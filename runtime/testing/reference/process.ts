/**
 * `process`: a keyed step. Its code sees state, timers, tables and time of the key at hand, and nothing of any other key.
 *
 * - What it emits has the time and key of the record, or of the timer.
 * - Where it throws, nothing that it did has happened.
 * - `index` follows from state: here it is made anew each time.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import { type Context, type TimeDomain, topicOf } from "../../dsl/process.ts";
import { type Emit, frozen, type Rec } from "./record.ts";
import type { Attempt, Scene, Stateful } from "./scene.ts";
import { stateName, stateOf } from "./state.ts";
import { deleteTimer, firstDue, setTimer, timersName } from "./timers.ts";

type Node = Extract<FlowNode, { kind: "process" }>;
type AnyContext = Context<unknown, Record<never, never>, Record<never, never>, unknown>;

export class Process implements Stateful {
  readonly name: string;
  readonly #node: Node;
  readonly #scene: Scene;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(node: Node, scene: Scene) {
    this.name = node.name;
    this.#node = node;
    this.#scene = scene;
  }

  take(rec: Rec, emit: Emit): void {
    this.#node.step.process(rec.value, this.#context(rec, emit));
  }

  resume(watermark: number): void {
    this.#watermark = watermark;
  }

  advance(watermark: number, attempt: Attempt): void {
    this.#watermark = watermark;
    this.#fire("event", watermark, attempt);
  }

  tick(attempt: Attempt): void {
    this.#fire("processing", this.#scene.nowMs, attempt);
  }

  #fire(domain: TimeDomain, dueMs: number, attempt: Attempt): void {
    const scene = this.#scene;
    const name = timersName(this.name, domain);
    for (let due = firstDue(scene, name, dueMs); due; due = firstDue(scene, name, dueMs)) {
      const { key, partition, timeMs } = due;
      deleteTimer(scene, name, key, timeMs);
      attempt({ key, partition, timestamp: domain === "event" ? timeMs : undefined }, (rec, emit) =>
        this.#node.step.onTimer?.({ timeMs, domain }, this.#context(rec, emit)),
      );
    }
  }

  #context(rec: Rec, emit: Emit): AnyContext {
    const scene = this.#scene;
    const { name } = this;
    const { step } = this.#node;
    const of = (domain: TimeDomain) => timersName(name, domain);
    const state = mapped(step.state ?? {}, (descriptor, state) =>
      stateOf(stateName(name, state), descriptor, scene, rec),
    );
    const tables = mapped(step.tables ?? {}, (table) => scene.look(topicOf(table), rec.timestamp));
    return {
      key: rec.key,
      timestamp: rec.timestamp,
      ingestMs: rec.ingestMs,
      watermark: this.#watermark,
      now: scene.nowMs,
      state,
      tables,
      timers: {
        onEventTime: (timeMs) => setTimer(scene, of("event"), rec.key, timeMs, rec.partition),
        onProcessingTime: (timeMs) => setTimer(scene, of("processing"), rec.key, timeMs, rec.partition),
        deleteEventTime: (timeMs) => deleteTimer(scene, of("event"), rec.key, timeMs),
        deleteProcessingTime: (timeMs) => deleteTimer(scene, of("processing"), rec.key, timeMs),
      },
      get index() {
        return step.index?.({ key: rec.key, state, tables });
      },
      emit: (value) => emit({ ...rec, value: frozen(value) }),
      side: (output, value) => emit({ ...rec, value: frozen(value) }, output.name),
    };
  }
}

function mapped<V>(
  of: Readonly<Record<string, V>>,
  to: (value: V, name: string) => unknown,
): Record<never, never> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, to(value, name)]));
}
