/**
 * Tumbling and sliding windows: a window is [start, start + size) with start = offset + n · slide. A record is in every window that
 * holds its time.
 *
 * - A window says `on-time` when the watermark reaches its last millisecond; windows of one end by key.
 * - It is kept for `allowedLateness` after its end; each record that comes meanwhile makes it say `late`.
 * - `finalOnly`: it says nothing before its lateness is past, and then one result, `on-time`.
 * - A record is too late when every window that holds it is past that.
 * - Windows without a record say nothing.
 * - `everyRecords` counts the records of a slice: the longest stretch of time that is wholly in or wholly out of every window.
 */
import type { FlowNode } from "../../../dsl/graph.ts";
import type { WindowAssigner } from "../../../dsl/window.ts";
import { byText } from "../memory.ts";
import type { Emit, Rec } from "../record.ts";
import type { Attempt, Scene, Stateful } from "../scene.ts";
import { Early } from "./early.ts";
import { check, type Held, say } from "./fold.ts";

interface OneWindow {
  readonly key: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  readonly held: readonly Held[];
  readonly results: number;
  /** How many records it had when it last said an early result by time. */
  readonly saidOf: number;
}

export class TimeWindows implements Stateful {
  readonly name: string;
  readonly #node: Extract<FlowNode, { kind: "window" }>;
  readonly #assigner: Extract<WindowAssigner, { kind: "time" }>;
  readonly #latenessMs: number;
  /** By so much its time is behind: one that says its final result alone waits as if time came later. */
  readonly #behindMs: number;
  readonly #scene: Scene;
  readonly #early: Early;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(
    node: Extract<FlowNode, { kind: "window" }>,
    assigner: Extract<WindowAssigner, { kind: "time" }>,
    scene: Scene,
  ) {
    this.name = node.name;
    this.#node = node;
    this.#assigner = assigner;
    const { allowedLateness = 0, finalOnly = false } = node.options;
    this.#latenessMs = finalOnly ? 0 : allowedLateness;
    this.#behindMs = finalOnly ? allowedLateness : 0;
    this.#scene = scene;
    this.#early = new Early(node.options.early, scene.nowMs);
  }

  take(rec: Rec, emit: Emit): void {
    const { key, partition, timestamp, value } = rec;
    if (timestamp === undefined) throw new Error("the record has no event time");
    const open = this.#windowsAt(timestamp).filter(({ end }) => end - 1 + this.#latenessMs > this.#watermark);
    if (open.length === 0) {
      this.#scene.late();
      const late = this.#node.options.late?.name;
      if (late !== undefined) emit(rec, late);
      return;
    }
    const known = this.#of(key);
    const grown = open.map(({ start, end }): OneWindow => {
      const before = known.find((window) => window.start === start);
      const fresh = { key, partition, start, end, held: [], results: 0, saidOf: 0 };
      return { ...(before ?? fresh), held: [...(before?.held ?? []), { value, timestamp }] };
    });
    for (const { held } of grown) check(this.#node.aggregate, held);
    this.#set(key, [
      ...known.filter(({ start }) => !open.some((window) => window.start === start)),
      ...grown,
    ]);
    for (const window of grown) if (window.end - 1 <= this.#watermark) this.#say(window, "late", rec, emit);
    const slice = this.#slice(timestamp);
    const inSlice = grown[0]!.held.filter((held) => this.#slice(held.timestamp!) === slice).length;
    if (!this.#early.afterRecords(inSlice)) return;
    for (const window of grown) if (window.end - 1 > this.#watermark) this.#say(window, "early", rec, emit);
  }

  resume(watermark: number): void {
    this.#watermark = watermark - this.#behindMs;
    if (!this.#early.byTime) return;
    for (const [key] of this.#scene.memory.all(this.name))
      this.#set(
        key,
        this.#of(key).map((one) => ({ ...one, saidOf: 0 })),
      );
  }

  advance(time: number, attempt: Attempt): void {
    const watermark = time - this.#behindMs;
    if (this.#early.passedBy(this.#watermark, watermark)) this.#sayEarly(watermark, attempt);
    const ended = this.#all().filter(({ end }) => end - 1 > this.#watermark && end - 1 <= watermark);
    for (const window of ended.sort((a, b) => a.end - b.end || byText(a.key, b.key)))
      attempt({ ...window, timestamp: window.end - 1 }, (rec, emit) =>
        this.#say(window, "on-time", rec, emit),
      );
    this.#watermark = watermark;
    for (const [key] of this.#scene.memory.all(this.name))
      this.#set(
        key,
        this.#of(key).filter(({ end }) => end - 1 + this.#latenessMs > watermark),
      );
  }

  tick(attempt: Attempt): void {
    if (this.#early.due(this.#scene.nowMs)) this.#sayEarly(this.#watermark, attempt);
  }

  /** Keys in order, and the windows of each. */
  #sayEarly(watermark: number, attempt: Attempt): void {
    for (const [key, windows] of this.#scene.memory.all<readonly OneWindow[]>(this.name)) {
      const changed = windows.filter(
        ({ end, held, saidOf }) => end - 1 > watermark && held.length !== saidOf,
      );
      if (changed.length === 0) continue;
      const said = changed.map((window): OneWindow => ({ ...window, saidOf: window.held.length }));
      for (const window of said) this.#replace(window);
      attempt({ key, partition: said[0]!.partition, timestamp: undefined }, (rec, emit) => {
        for (const window of said) this.#say(window, "early", rec, emit);
      });
    }
  }

  #say(window: OneWindow, pane: "early" | "on-time" | "late", rec: Rec, emit: Emit): void {
    this.#replace({ ...window, results: window.results + 1 });
    say(this.#node.aggregate, window.held, window, pane, window.results, rec, emit);
  }

  #windowsAt(timeMs: number): readonly { readonly start: number; readonly end: number }[] {
    const { sizeMs, slideMs, offsetMs } = this.#assigner;
    const windows: { start: number; end: number }[] = [];
    const last = offsetMs + Math.floor((timeMs - offsetMs) / slideMs) * slideMs;
    for (let start = last; start + sizeMs > timeMs; start -= slideMs)
      windows.unshift({ start, end: start + sizeMs });
    return windows;
  }

  #slice(timeMs: number): number {
    const { sizeMs, slideMs, offsetMs } = this.#assigner;
    return Math.floor((timeMs - offsetMs) / greatestCommonDivisor(sizeMs, slideMs));
  }

  #replace(window: OneWindow): void {
    this.#set(window.key, [...this.#of(window.key).filter(({ start }) => start !== window.start), window]);
  }

  #of(key: string): readonly OneWindow[] {
    return this.#scene.memory.get<readonly OneWindow[]>(this.name, key) ?? [];
  }

  #all(): OneWindow[] {
    return this.#scene.memory.all<readonly OneWindow[]>(this.name).flatMap(([, windows]) => windows);
  }

  #set(key: string, windows: readonly OneWindow[]): void {
    const ordered = [...windows].sort((a, b) => a.start - b.start);
    this.#scene.memory.set(this.name, key, ordered.length === 0 ? undefined : ordered);
  }
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);
