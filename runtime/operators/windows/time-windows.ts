/**
 * Tumbling and sliding windows, kept as panes: one accumulator a key and pane, of the length that divides both size and
 * slide. A tumbling window is its only pane.
 *
 * A record costs one look-up of its key and one addition. Ends of windows are not timers of keys: panes of one start stand
 * in one bucket, and the watermark goes through the few buckets there are.
 *
 * TW1  A window says `on-time` once, when the watermark reaches its last millisecond; keys in order.
 * TW2  A record goes to its pane as long as one window that holds the pane is open: its end and the allowed lateness are
 *      ahead of the watermark. Windows that are closed by then do not speak again.
 * TW3  A pane is dropped once the last window that holds it is closed.
 * TW4  The number of results said of a window stands in the pane that it starts with, which is made for that if need be.
 */
import type { EarlyResults, Pane, WindowAssigner, WindowOptions } from "../../dsl/window.ts";
import { type Accumulation, WindowState } from "../../state/window-state.ts";
import { NO_WATERMARK } from "../../time.ts";
import type { StageStep } from "../stage-step.ts";
import { byKey, emitResult, eventTime, type WindowParts } from "./emitter.ts";

type PaneOf = Accumulation<unknown>;

interface KeyPanes {
  readonly key: string;
  readonly partition: number;
  /** By start. */
  readonly panes: PaneOf[];
  /** Whether it waits among `#early`. */
  waits: boolean;
}

interface Bucket {
  readonly start: number;
  readonly panes: PaneOf[];
}

export class TimeWindows implements StageStep {
  readonly name: string;
  readonly #at: number;
  readonly isDirty = false;
  readonly #parts: WindowParts;
  readonly #sizeMs: number;
  readonly #slideMs: number;
  readonly #offsetMs: number;
  readonly #paneMs: number;
  readonly #latenessMs: number;
  readonly #early: EarlyResults | undefined;
  /** Whether windows may say more than one result, so that results have to be counted. */
  readonly #counts: boolean;
  readonly #state: WindowState<unknown, unknown, unknown>;
  readonly #keys = new Map<string, KeyPanes>();
  /** By start. */
  readonly #buckets: Bucket[] = [];
  #lastBucket: Bucket | undefined;
  #watermark = NO_WATERMARK;
  /** Where the last record went: the next one often goes there too. */
  #lastKey: KeyPanes | undefined;
  #lastStart = Number.NaN;
  #lastClosedAt = Number.NaN;
  #waiting: KeyPanes[] = [];
  #earlyDueMs = Number.POSITIVE_INFINITY;

  constructor(
    parts: WindowParts,
    assigner: Extract<WindowAssigner, { kind: "time" }>,
    options: WindowOptions<unknown>,
  ) {
    this.name = parts.name;
    this.#at = parts.at;
    this.#parts = parts;
    this.#sizeMs = assigner.sizeMs;
    this.#slideMs = assigner.slideMs;
    this.#offsetMs = assigner.offsetMs;
    this.#paneMs = greatestCommonDivisor(assigner.sizeMs, assigner.slideMs);
    this.#latenessMs = options.allowedLateness ?? 0;
    this.#early = options.early;
    this.#counts = this.#latenessMs > 0 || options.early !== undefined;
    const { runtime, aggregate } = parts;
    const state = parts.runtime.storedName(parts.name, "window");
    this.#state = new WindowState(state, aggregate, runtime.undo, {
      hold: (pane) => this.#hold(pane),
      release: (pane) => this.#release(pane),
    });
    runtime.state.adopt(state, this.#state);
  }

  // --- records -------------------------------------------------------------------------------------------------------

  process(value: unknown): void {
    const { record } = this.#parts.runtime;
    record.at = this.#at;
    const timeMs = eventTime(this.#parts);
    if (!(timeMs >= this.#lastStart && timeMs < this.#lastStart + this.#paneMs)) {
      this.#lastStart = this.#floor(timeMs, this.#paneMs);
      this.#lastClosedAt = this.#closedAt(this.#lastStart);
    }
    if (this.#lastClosedAt <= this.#watermark) {
      this.#parts.runtime.countLate();
      this.#parts.pushLate(value);
      return;
    }
    const pane = this.#pane(record.key, record.partition, this.#lastStart);
    this.#state.add(pane, value, timeMs);
    if (this.#counts) this.#speakBeforeOrAfter(pane);
  }

  #pane(key: string, partition: number, start: number): PaneOf {
    const last = this.#lastKey;
    const ofKey = last?.key === key ? last : this.#keys.get(key);
    if (ofKey) {
      this.#lastKey = ofKey;
      const { panes } = ofKey;
      // The newest first: that is where most records go.
      for (let i = panes.length - 1; i >= 0; i--) {
        const pane = panes[i]!;
        if (pane.start === start) return pane;
        if (pane.start < start) break;
      }
    }
    return this.#state.open(key, partition, start, start, start + this.#paneMs);
  }

  /** Results of windows that have had theirs on time, or that are still open, after a record. */
  #speakBeforeOrAfter(pane: PaneOf): void {
    const early = this.#early;
    if (this.#firstEnd(pane.start) - 1 <= this.#watermark) {
      this.#eachWindow(pane.start, (end) => {
        if (end - 1 <= this.#watermark && end - 1 + this.#latenessMs > this.#watermark)
          this.#emit(placeOf(pane), end, "late");
      });
    }
    if (early === undefined) return;
    if (early.kind === "count") {
      if (pane.records % early.every === 0) this.#emitOpen(placeOf(pane), pane);
      return;
    }
    const ofKey = placeOf(pane);
    if (ofKey.waits) return;
    ofKey.waits = true;
    this.#waiting.push(ofKey);
  }

  /** An early result of every window that holds the pane and is open. */
  #emitOpen(ofKey: KeyPanes, pane: PaneOf): void {
    this.#eachWindow(pane.start, (end) => {
      if (end - 1 > this.#watermark) this.#emit(ofKey, end, "early");
    });
  }

  /** A tumbling window is its only pane. */
  #emitTumbling(pane: PaneOf): void {
    if (pane.records === 0) return;
    let index = 0;
    if (this.#counts) {
      this.#state.change(pane);
      index = pane.results++;
    }
    const { key, start, value } = pane;
    emitResult(this.#parts, value, { key, start, end: start + this.#sizeMs, pane: "on-time", index });
  }

  #emit(ofKey: KeyPanes, end: number, pane: Pane): void {
    const start = end - this.#sizeMs;
    const parts = ofKey.panes.filter((candidate) => candidate.start >= start && candidate.start < end);
    const accumulator = this.#state.merged(parts);
    if (!parts.some(({ records }) => records > 0)) return;
    let index = 0;
    if (this.#counts) {
      const first = this.#pane(ofKey.key, ofKey.partition, start);
      if (first.records === 0) this.#state.keepEmpty(first);
      this.#state.change(first);
      index = first.results++;
    }
    emitResult(this.#parts, accumulator, { key: ofKey.key, start, end, pane, index });
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  seal(watermark: number): void {
    this.#watermark = watermark;
    this.#earlyDueMs = this.#earlyAfter(this.#parts.runtime.record.nowMs);
    // What was not said early before the restart is said after it.
    if (this.#early === undefined || this.#early.kind === "count") return;
    for (const ofKey of this.#keys.values()) {
      ofKey.waits = true;
      this.#waiting.push(ofKey);
    }
  }

  advance(watermark: number): void {
    let fired = this.#watermark;
    const early = this.#early;
    if (early?.kind === "event" && Math.floor(watermark / early.everyMs) > Math.floor(fired / early.everyMs))
      this.#emitWaiting(watermark);
    for (let end = this.#nextEnd(fired); end - 1 <= watermark; end = this.#nextEnd(fired)) {
      this.#fire(end);
      fired = end - 1;
    }
    this.#watermark = watermark;
    this.#dropClosed();
  }

  /** The next end of a window after `fired` that has a pane in it. Buckets are few and in order: the first that has one says. */
  #nextEnd(fired: number): number {
    for (const { start } of this.#buckets) {
      const last = this.#lastEnd(start);
      if (last - 1 <= fired) continue;
      const first = this.#firstEnd(start);
      return first - 1 > fired ? first : this.#floor(fired + 1, this.#slideMs, this.#sizeMs) + this.#slideMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #fire(end: number): void {
    const start = end - this.#sizeMs;
    const { attempt } = this.#parts.runtime;
    const due = this.#buckets.filter((bucket) => bucket.start >= start && bucket.start < end);
    if (this.#paneMs === this.#sizeMs) {
      const say = (pane: PaneOf) => this.#emitTumbling(pane);
      for (const pane of due.flatMap(({ panes }) => panes.toSorted(byKey)))
        attempt(pane.key, pane.partition, end - 1, say, pane);
      return;
    }
    const speakers = new Set<KeyPanes>();
    for (const { panes } of due) for (const pane of panes) speakers.add(placeOf(pane));
    const say = (ofKey: KeyPanes) => this.#emit(ofKey, end, "on-time");
    for (const ofKey of [...speakers].sort(byKey)) attempt(ofKey.key, ofKey.partition, end - 1, say, ofKey);
  }

  #emitWaiting(watermark: number): void {
    const waiting = this.#waiting.sort(byKey);
    this.#waiting = [];
    const say = (ofKey: KeyPanes) => {
      const ends = new Set<number>();
      for (const pane of ofKey.panes) {
        if (pane.records === pane.recordsAtEarly) continue;
        pane.recordsAtEarly = pane.records;
        this.#eachWindow(pane.start, (end) => {
          // A window that the same watermark closes says its result on time at once.
          if (end - 1 > watermark) ends.add(end);
        });
      }
      for (const end of [...ends].sort((a, b) => a - b)) this.#emit(ofKey, end, "early");
    };
    for (const ofKey of waiting) {
      ofKey.waits = false;
      if (this.#keys.get(ofKey.key) === ofKey)
        this.#parts.runtime.attempt(ofKey.key, ofKey.partition, undefined, say, ofKey);
    }
  }

  tick(nowMs: number): void {
    if (nowMs < this.#earlyDueMs) return;
    this.#earlyDueMs = this.#earlyAfter(nowMs);
    this.#emitWaiting(this.#watermark);
  }

  nextTickMs(): number {
    return this.#waiting.length > 0 ? this.#earlyDueMs : Number.POSITIVE_INFINITY;
  }

  #earlyAfter(nowMs: number): number {
    if (this.#early?.kind !== "processing") return Number.POSITIVE_INFINITY;
    const { everyMs } = this.#early;
    return (Math.floor(nowMs / everyMs) + 1) * everyMs;
  }

  /** TW3. */
  #dropClosed(): void {
    const buckets = this.#buckets;
    let closed = 0;
    while (closed < buckets.length && this.#closedAt(buckets[closed]!.start) <= this.#watermark) closed++;
    if (closed === 0) return;
    for (const { panes } of buckets.splice(0, closed)) {
      for (const pane of panes) {
        this.#removeFromKey(pane);
        this.#state.purge(pane);
      }
    }
    this.#lastBucket = undefined;
  }

  // --- where panes stand ---------------------------------------------------------------------------------------------

  #hold(pane: PaneOf): void {
    let ofKey = this.#keys.get(pane.key);
    if (!ofKey) {
      ofKey = { key: pane.key, partition: pane.partition, panes: [], waits: false };
      this.#keys.set(pane.key, ofKey);
    }
    pane.place = ofKey;
    insert(ofKey.panes, pane);
    this.#bucket(pane.start).panes.push(pane);
  }

  #release(pane: PaneOf): void {
    this.#removeFromKey(pane);
    remove(this.#bucket(pane.start).panes, pane);
  }

  #removeFromKey(pane: PaneOf): void {
    const ofKey = placeOf(pane);
    remove(ofKey.panes, pane);
    if (ofKey.panes.length > 0) return;
    this.#keys.delete(ofKey.key);
    if (this.#lastKey === ofKey) this.#lastKey = undefined;
  }

  #bucket(start: number): Bucket {
    if (this.#lastBucket?.start === start) return this.#lastBucket;
    let at = this.#buckets.length;
    while (at > 0 && this.#buckets[at - 1]!.start > start) at--;
    let bucket = this.#buckets[at - 1];
    if (bucket?.start !== start) {
      bucket = { start, panes: [] };
      this.#buckets.splice(at, 0, bucket);
    }
    this.#lastBucket = bucket;
    return bucket;
  }

  flush(): void {}

  // --- arithmetic: a window [start, end) has start = offset + n * slide ------------------------------------------------

  #floor(timeMs: number, stepMs: number, shiftMs = 0): number {
    const origin = this.#offsetMs + shiftMs;
    return origin + Math.floor((timeMs - origin) / stepMs) * stepMs;
  }

  /** End of the first window that holds the pane. */
  #firstEnd(paneStart: number): number {
    return (
      this.#floor(paneStart + this.#paneMs - 1 - this.#sizeMs, this.#slideMs) + this.#slideMs + this.#sizeMs
    );
  }

  #lastEnd(paneStart: number): number {
    return this.#floor(paneStart, this.#slideMs) + this.#sizeMs;
  }

  /** The watermark that closes the last window that holds the pane. */
  #closedAt(paneStart: number): number {
    return this.#lastEnd(paneStart) - 1 + this.#latenessMs;
  }

  #eachWindow(paneStart: number, each: (end: number) => void): void {
    const last = this.#lastEnd(paneStart);
    for (let end = this.#firstEnd(paneStart); end <= last; end += this.#slideMs) each(end);
  }
}

function insert(panes: PaneOf[], pane: PaneOf): void {
  let at = panes.length;
  while (at > 0 && panes[at - 1]!.start > pane.start) at--;
  if (at === panes.length) panes.push(pane);
  else panes.splice(at, 0, pane);
}

/** At an end, most often. */
function remove(panes: PaneOf[], pane: PaneOf): void {
  if (panes[0] === pane) panes.shift();
  else if (panes.at(-1) === pane) panes.pop();
  else panes.splice(panes.indexOf(pane), 1);
}

const placeOf = (pane: PaneOf): KeyPanes => pane.place as KeyPanes;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
