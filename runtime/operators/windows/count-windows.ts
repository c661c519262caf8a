/**
 * Windows of a number of records of a key. They need no event time: a window is full when it is full. What a window holds
 * stays until then.
 */
import type { WindowAssigner } from "../../dsl/window.ts";
import { type Accumulation, WindowState } from "../../state/window-state.ts";
import type { StageStep } from "../stage-step.ts";
import type { WindowParts } from "./emitter.ts";

export class CountWindows implements StageStep {
  readonly name: string;
  readonly #at: number;
  readonly isDirty = false;
  readonly #parts: WindowParts;
  readonly #count: number;
  readonly #state: WindowState<unknown, unknown, unknown>;
  /** The window that fills, of each key. */
  readonly #filling = new Map<string, Accumulation<unknown>>();

  constructor(parts: WindowParts, assigner: Extract<WindowAssigner, { kind: "count" }>) {
    this.name = parts.name;
    this.#at = parts.at;
    this.#parts = parts;
    this.#count = assigner.count;
    const state = parts.runtime.storedName(parts.name, "window");
    this.#state = new WindowState(state, parts.aggregate, parts.runtime.undo, {
      hold: (window) => this.#filling.set(window.key, window),
      release: (window) => this.#filling.delete(window.key),
    });
    parts.runtime.state.adopt(state, this.#state);
  }

  process(value: unknown): void {
    const { record } = this.#parts.runtime;
    record.at = this.#at;
    const { key, partition } = record;
    const timeMs = record.timestamp ?? record.ingestMs;
    const window = this.#filling.get(key) ?? this.#state.open(key, partition, 0, timeMs, timeMs + 1);
    this.#state.add(window, value, record.timestamp);
    if (timeMs < window.start) window.start = timeMs;
    if (timeMs >= window.end) window.end = timeMs + 1;
    if (window.records < this.#count) return;
    this.#state.drop(window);
    const { start, end, value: accumulator } = window;
    record.at = this.#at;
    // The results have the event time of the record that filled the window, if it has one.
    this.#parts.push(
      this.#parts.aggregate.result(accumulator, { key, start, end, pane: "on-time", index: 0 }),
    );
    record.at = this.#at;
  }

  seal(): void {}
  advance(): void {}
  tick(): void {}
  nextTickMs(): number {
    return Number.POSITIVE_INFINITY;
  }
  flush(): void {}
}
