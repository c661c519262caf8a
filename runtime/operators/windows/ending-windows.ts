/**
 * What windows have in common that end each at a time of its own: when they speak, when they are dropped, and where they stand.
 *
 * EW1  A window says `on-time` when the watermark reaches its last millisecond, `late` at once when a record comes after that, and
 *      `early` as the option wants it, while it is open and has changed.
 * EW2  The heap has each window by a time at which it has something to do or earlier; a longer life is found out then.
 * EW3  Those of one end speak by key, those of one key by start and end: the order does not depend on when they were put in.
 */
import type { EarlyResults, WindowOptions } from "../../dsl/window.ts";
import { Line } from "../../state/line.ts";
import { TimeHeap } from "../../state/time-heap.ts";
import { type Accumulation, WindowState } from "../../state/window-state.ts";
import { NO_WATERMARK } from "../../time.ts";
import type { StageStep } from "../stage-step.ts";
import { byKey, emitResult, type WindowParts } from "./emitter.ts";

type Held = Accumulation<unknown>;

export abstract class EndingWindows implements StageStep {
  readonly name: string;
  protected readonly at: number;
  readonly isDirty = false;
  protected readonly parts: WindowParts;
  protected readonly latenessMs: number;
  protected readonly state: WindowState<unknown, unknown, unknown>;
  protected watermark = NO_WATERMARK;
  readonly #early: EarlyResults | undefined;
  /** Windows of each key, by start. */
  readonly #keys = new Map<string, Line<Held>>();
  readonly #due = new TimeHeap<Held>();
  #waiting = new Set<Held>();
  #earlyDueMs = Number.POSITIVE_INFINITY;

  constructor(parts: WindowParts, options: WindowOptions<unknown>) {
    this.name = parts.name;
    this.at = parts.at;
    this.parts = parts;
    this.latenessMs = options.allowedLateness ?? 0;
    this.#early = options.early;
    const { runtime, aggregate } = parts;
    const state = runtime.storedName(parts.name, "window");
    this.state = new WindowState(state, aggregate, runtime.undo, {
      hold: (window) => this.#hold(window),
      release: (window) => this.#release(window),
    });
    runtime.state.adopt(state, this.state);
  }

  // --- records -------------------------------------------------------------------------------------------------------

  abstract process(value: unknown): void;

  /** Windows of a key, by start. */
  protected of(key: string): Line<Held> | undefined {
    return this.#keys.get(key);
  }

  protected late(value: unknown): void {
    this.parts.runtime.countLate();
    this.parts.pushLate(value);
  }

  /** It has something to do at `timeMs`. */
  protected dueAt(timeMs: number, window: Held): void {
    this.#due.add(timeMs, window);
  }

  /** After a record. */
  protected speakBeforeOrAfter(window: Held): void {
    if (window.end - 1 <= this.watermark) this.#emit(window, "late");
    else if (this.#early?.kind === "count") {
      if (window.records % this.#early.every === 0) this.#emit(window, "early");
    } else if (this.#early) this.#waiting.add(window);
  }

  #emit(window: Held, pane: "early" | "on-time" | "late"): void {
    this.state.change(window);
    const { key, start, end } = window;
    emitResult(this.parts, window.value, { key, start, end, pane, index: window.results++ });
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  seal(watermark: number): void {
    this.watermark = watermark;
    this.#earlyDueMs = this.#earlyAfter(this.parts.runtime.record.nowMs);
    if (this.#early === undefined || this.#early.kind === "count") return;
    for (const windows of this.#keys.values()) for (const window of windows) this.#waiting.add(window);
  }

  advance(watermark: number): void {
    const early = this.#early;
    if (
      early?.kind === "event" &&
      Math.floor(watermark / early.everyMs) > Math.floor(this.watermark / early.everyMs)
    )
      this.#emitWaiting(watermark);
    const { attempt } = this.parts.runtime;
    const say = (window: Held) => this.#emit(window, "on-time");
    // EW3
    for (let dueMs = this.#due.next(); dueMs <= watermark; dueMs = this.#due.next()) {
      const ended = new Set<Held>();
      for (const window of this.#due.take(dueMs)) {
        if (!window.live) continue;
        const lastMs = window.end - 1;
        if (lastMs > dueMs) this.#due.add(lastMs, window);
        else if (lastMs === dueMs && lastMs > this.watermark) ended.add(window);
        else this.#keepOrDrop(window, dueMs);
      }
      for (const window of [...ended].sort((a, b) => byKey(a, b) || a.start - b.start)) {
        attempt(window.key, window.partition, dueMs, say, window);
        this.#keepOrDrop(window, dueMs);
      }
    }
    this.watermark = watermark;
  }

  /** It takes no more records. */
  protected isClosed({ end }: { readonly end: number }): boolean {
    return end - 1 + this.latenessMs <= this.watermark;
  }

  /** The watermark at which it is dropped. */
  protected abstract forgottenAt(window: Held): number;

  /** Its end is past; it goes when nothing may come to it. */
  #keepOrDrop(window: Held, dueMs: number): void {
    const forgottenAt = this.forgottenAt(window);
    if (forgottenAt > dueMs) {
      this.#due.add(forgottenAt, window);
      return;
    }
    this.#release(window);
    this.state.purge(window);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#earlyDueMs) return;
    this.#earlyDueMs = this.#earlyAfter(nowMs);
    this.#emitWaiting(this.watermark);
  }

  nextTickMs(): number {
    return this.#waiting.size > 0 ? this.#earlyDueMs : Number.POSITIVE_INFINITY;
  }

  #earlyAfter(nowMs: number): number {
    if (this.#early?.kind !== "processing") return Number.POSITIVE_INFINITY;
    return (Math.floor(nowMs / this.#early.everyMs) + 1) * this.#early.everyMs;
  }

  /** Early results of what changed and is not closed by this very watermark. */
  #emitWaiting(watermark: number): void {
    // EW3; when they began to wait a restart forgets.
    const waiting = [...this.#waiting].sort((a, b) => byKey(a, b) || a.start - b.start || a.end - b.end);
    this.#waiting.clear();
    const say = (window: Held) => this.#emit(window, "early");
    for (const window of waiting) {
      if (!window.live || window.end - 1 <= watermark || window.records === window.recordsAtEarly) continue;
      window.recordsAtEarly = window.records;
      this.parts.runtime.attempt(window.key, window.partition, undefined, say, window);
    }
  }

  // --- where windows stand ------------------------------------------------------------------------------------------

  #hold(window: Held): void {
    let windows = this.#keys.get(window.key);
    if (!windows) {
      windows = new Line(({ start }) => start);
      this.#keys.set(window.key, windows);
    }
    windows.insert(window);
    this.#due.add(window.end - 1, window);
  }

  #release(window: Held): void {
    const windows = this.#keys.get(window.key)!;
    windows.remove(window);
    if (windows.length === 0) this.#keys.delete(window.key);
  }

  flush(): void {}
}
