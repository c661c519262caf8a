/**
 * Windows by a rule: each record is in the one window that the rule gives for its time, its value and its key. Two windows of a key may
 * overlap, or begin together and end apart.
 *
 * - It says `on-time` when the watermark reaches its last millisecond, `late` at once for a record after that.
 * - It is open until `allowedLateness` after its end; then a record is too late for it, and it is forgotten.
 * - `finalOnly`: it says nothing before its lateness is past, and then one result, `on-time`.
 */
import type { FlowNode } from "../../../dsl/graph.ts";
import type { WindowAssigner } from "../../../dsl/window.ts";
import { byText } from "../memory.ts";
import type { Emit, Rec } from "../record.ts";
import type { Attempt, Scene, Stateful } from "../scene.ts";
import { Early } from "./early.ts";
import { check, type Held, say } from "./fold.ts";

interface Assigned {
  readonly key: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  readonly held: readonly Held[];
  /** Results said so far. */
  readonly results: number;
  /** How many records it had when it last said an early result by time. */
  readonly saidOf: number;
}

export class AssignedWindows implements Stateful {
  readonly name: string;
  readonly #node: Extract<FlowNode, { kind: "window" }>;
  readonly #assigner: Extract<WindowAssigner, { kind: "assigned" }>;
  readonly #latenessMs: number;
  /** By so much its time is behind: one that says its final result alone waits as if time came later. */
  readonly #behindMs: number;
  readonly #scene: Scene;
  readonly #early: Early;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(
    node: Extract<FlowNode, { kind: "window" }>,
    assigner: Extract<WindowAssigner, { kind: "assigned" }>,
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
    const { key, timestamp, value, partition } = rec;
    if (timestamp === undefined) throw new Error("the record has no event time");
    const { start, end } = this.#assigner.assign(timestamp, value, key);
    const whole = Number.isInteger(start) && Number.isInteger(end);
    if (!whole || timestamp < start || timestamp >= end)
      throw new Error(`[${start}, ${end}) has not ${timestamp} in it`);
    if (end - 1 + this.#latenessMs <= this.#watermark) {
      this.#scene.late();
      const late = this.#node.options.late?.name;
      if (late !== undefined) emit(rec, late);
      return;
    }
    const before = this.#of(key).find((one) => one.start === start && one.end === end);
    const one: Assigned = {
      key,
      partition,
      start,
      end,
      results: 0,
      saidOf: 0,
      ...before,
      held: [...(before?.held ?? []), { value, timestamp }],
    };
    check(this.#node.aggregate, one.held);
    this.#replace(one);
    if (end - 1 <= this.#watermark) this.#say(one, "late", rec, emit);
    else if (this.#early.afterRecords(one.held.length)) this.#say(one, "early", rec, emit);
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
    for (const one of ended.sort((a, b) => a.end - b.end || byText(a.key, b.key) || a.start - b.start))
      attempt({ ...one, timestamp: one.end - 1 }, (rec, emit) => this.#say(one, "on-time", rec, emit));
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

  #sayEarly(watermark: number, attempt: Attempt): void {
    const open = this.#all().filter(({ end, held, saidOf }) => end - 1 > watermark && held.length !== saidOf);
    for (const one of open) {
      const said: Assigned = { ...one, saidOf: one.held.length };
      this.#replace(said);
      attempt({ ...said, timestamp: undefined }, (rec, emit) => this.#say(said, "early", rec, emit));
    }
  }

  #say(one: Assigned, pane: "early" | "on-time" | "late", rec: Rec, emit: Emit): void {
    this.#replace({ ...one, results: one.results + 1 });
    say(this.#node.aggregate, one.held, one, pane, one.results, rec, emit);
  }

  #replace(one: Assigned): void {
    this.#set(one.key, [
      ...this.#of(one.key).filter(({ start, end }) => start !== one.start || end !== one.end),
      one,
    ]);
  }

  /** By start. */
  #of(key: string): readonly Assigned[] {
    return this.#scene.memory.get<readonly Assigned[]>(this.name, key) ?? [];
  }

  #all(): Assigned[] {
    return this.#scene.memory.all<readonly Assigned[]>(this.name).flatMap(([, windows]) => windows);
  }

  #set(key: string, windows: readonly Assigned[]): void {
    const ordered = [...windows].sort((a, b) => a.start - b.start || a.end - b.end);
    this.#scene.memory.set(this.name, key, ordered.length === 0 ? undefined : ordered);
  }
}
