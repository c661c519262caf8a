/**
 * The timers of one step, both times. A timer is a (time, key): setting it twice is one.
 *
 * T1  Due timers fire by time, then key: the order does not depend on when they were set.
 * T2  A timer that is set or deleted while timers fire takes part at once.
 * T3  Every change is written by the next `flush`, as an entry or a tombstone of the changelog; one that comes and goes within an
 *     epoch leaves neither.
 * T4  A timer that is deleted leaves the heap at once: what is held is what is set.
 */
import type { TimeDomain } from "../dsl/process.ts";
import { timerKey } from "../state/changelog-key.ts";
import type { ChangelogWriter, CurrentKey } from "../state/state-store.ts";
import type { Undoable, UndoLog } from "../state/undo-log.ts";

export interface Timer {
  readonly timeMs: number;
  readonly key: string;
  readonly partition: number;
}

/** A timer that is set, or that the changelog has. */
class Entry implements Timer {
  readonly id: string;
  readonly timeMs: number;
  readonly key: string;
  readonly partition: number;
  /** Where it stands in the heap; -1: it is not set. */
  at = -1;
  /** Whether the changelog has it. */
  stored = false;

  constructor(id: string, timeMs: number, key: string, partition: number) {
    this.id = id;
    this.timeMs = timeMs;
    this.key = key;
    this.partition = partition;
  }
}

const PRESENT = new Uint8Array(0);

export class TimerService implements Undoable<Entry, boolean> {
  readonly #step: string;
  readonly #domain: TimeDomain;
  readonly #current: CurrentKey;
  readonly #undo: UndoLog;
  /** By changelog key: those that are set, and those whose tombstone is still to be written. */
  readonly #entries = new Map<string, Entry>();
  /** Those that are set. */
  readonly #heap: Entry[] = [];
  /** Those of which the changelog says otherwise. */
  readonly #dirty = new Set<Entry>();
  /** The timer set last, while it is: steps often ask for the same one at every record. */
  #last: Entry | undefined;

  constructor(step: string, domain: TimeDomain, current: CurrentKey, undo: UndoLog) {
    this.#step = step;
    this.#domain = domain;
    this.#current = current;
    this.#undo = undo;
  }

  /** How many timers are held. */
  get size(): number {
    return this.#entries.size;
  }

  set(timeMs: number): void {
    const { key, partition } = this.#current;
    if (this.#last?.timeMs === timeMs && this.#last.key === key) return;
    const entry = this.#entryOf(timeMs, key, partition);
    if (entry.at < 0) {
      this.#undo.note(this, entry, false);
      this.#put(entry, true);
    }
    this.#last = entry;
  }

  delete(timeMs: number): void {
    const entry = this.#entries.get(timerKey(this.#step, this.#domain, timeMs, this.#current.key));
    if (entry && entry.at >= 0) this.#unset(entry);
  }

  takeBack(entry: Entry, before: boolean): void {
    this.#put(entry, before);
  }

  restore(timeMs: number, key: string, partition: number, present: boolean): void {
    const entry = this.#entryOf(timeMs, key, partition);
    entry.stored = present;
    if (present === entry.at >= 0) this.#settle(entry);
    else this.#put(entry, present);
  }

  /** Time of the next timer, or +Infinity. */
  next(): number {
    return this.#heap[0]?.timeMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next timer that is due at `timeMs`; undone with the record that it is. */
  take(timeMs: number): Timer | undefined {
    const entry = this.#heap[0];
    if (!entry || entry.timeMs > timeMs) return undefined;
    this.#unset(entry);
    return entry;
  }

  /** Whether `flush` would write anything. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  flush(writer: ChangelogWriter): void {
    for (const entry of this.#dirty) {
      entry.stored = entry.at >= 0;
      if (entry.stored) writer.putBytes(entry.partition, entry.id, PRESENT);
      else {
        writer.delete(entry.partition, entry.id);
        this.#entries.delete(entry.id);
      }
    }
    this.#dirty.clear();
  }

  #entryOf(timeMs: number, key: string, partition: number): Entry {
    const id = timerKey(this.#step, this.#domain, timeMs, key);
    return this.#entries.get(id) ?? new Entry(id, timeMs, key, partition);
  }

  #unset(entry: Entry): void {
    this.#undo.note(this, entry, true);
    this.#put(entry, false);
  }

  #put(entry: Entry, isSet: boolean): void {
    if (isSet) add(this.#heap, entry);
    else {
      removeFrom(this.#heap, entry);
      if (this.#last === entry) this.#last = undefined;
    }
    this.#settle(entry);
  }

  /** T3: what is as the changelog has it need not be written; what neither has is not kept. */
  #settle(entry: Entry): void {
    const isSet = entry.at >= 0;
    if (isSet === entry.stored) this.#dirty.delete(entry);
    else this.#dirty.add(entry);
    if (isSet || entry.stored) this.#entries.set(entry.id, entry);
    else this.#entries.delete(entry.id);
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.key < b.key);
}

function add(heap: Entry[], entry: Entry): void {
  heap.push(entry);
  rise(heap, entry, heap.length - 1);
}

function removeFrom(heap: Entry[], entry: Entry): void {
  const { at } = entry;
  entry.at = -1;
  const last = heap.pop()!;
  if (last === entry) return;
  // The last one takes its place, and goes where it belongs from there.
  rise(heap, last, at);
  if (last.at === at) sink(heap, last, at);
}

function rise(heap: Entry[], entry: Entry, from: number): void {
  let at = from;
  while (at > 0) {
    const parent = heap[(at - 1) >> 1]!;
    if (!before(entry, parent)) break;
    place(heap, parent, at);
    at = (at - 1) >> 1;
  }
  place(heap, entry, at);
}

function sink(heap: Entry[], entry: Entry, from: number): void {
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, entry)) break;
    place(heap, heap[child]!, at);
    at = child;
  }
  place(heap, entry, at);
}

function place(heap: Entry[], entry: Entry, at: number): void {
  heap[at] = entry;
  entry.at = at;
}
