/**
 * The timers of one step, both times. A timer is a (time, key): setting it twice is one.
 *
 * T1  Due timers fire by time, then key: the order does not depend on when they were set.
 * T2  A timer that is set or deleted while timers fire takes part at once.
 * T3  Every change is written by the next `flush`, as an entry or a tombstone of the changelog.
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

const PRESENT = new Uint8Array(0);

export class TimerService implements Undoable<string, Timer | undefined> {
  readonly #step: string;
  readonly #domain: TimeDomain;
  readonly #current: CurrentKey;
  readonly #undo: UndoLog;
  /** By changelog key; what is not here is not set, though the heap may still hold it. */
  readonly #active = new Map<string, Timer>();
  readonly #heap: Timer[] = [];
  readonly #dirty = new Map<string, number>();
  /** The timer set last, while it is: steps often ask for the same one at every record. */
  #last: Timer | undefined;

  constructor(step: string, domain: TimeDomain, current: CurrentKey, undo: UndoLog) {
    this.#step = step;
    this.#domain = domain;
    this.#current = current;
    this.#undo = undo;
  }

  set(timeMs: number): void {
    const { key, partition } = this.#current;
    if (this.#last?.timeMs === timeMs && this.#last.key === key) return;
    const id = timerKey(this.#step, this.#domain, timeMs, key);
    if (this.#active.has(id)) return;
    this.#undo.note(this, id, undefined);
    this.#add(id, { timeMs, key, partition });
    this.#dirty.set(id, partition);
  }

  takeBack(id: string, before: Timer | undefined): void {
    this.#last = undefined;
    if (before === undefined) this.#active.delete(id);
    else this.#add(id, before);
  }

  delete(timeMs: number): void {
    this.#remove(timerKey(this.#step, this.#domain, timeMs, this.#current.key));
  }

  restore(timeMs: number, key: string, partition: number, present: boolean): void {
    const id = timerKey(this.#step, this.#domain, timeMs, key);
    if (present) this.#add(id, { timeMs, key, partition });
    else {
      this.#last = undefined;
      this.#active.delete(id);
    }
  }

  /** Time of the next timer, or +Infinity. */
  next(): number {
    this.#dropDead();
    return this.#heap[0]?.timeMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next timer that is due at `timeMs`; undone with the record that it is. */
  take(timeMs: number): Timer | undefined {
    this.#dropDead();
    const timer = this.#heap[0];
    if (!timer || timer.timeMs > timeMs) return undefined;
    this.#remove(timerKey(this.#step, this.#domain, timer.timeMs, timer.key));
    return timer;
  }

  /** Whether `flush` would write anything. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  flush(writer: ChangelogWriter): void {
    for (const [id, partition] of this.#dirty) {
      if (this.#active.has(id)) writer.putBytes(partition, id, PRESENT);
      else writer.delete(partition, id);
    }
    this.#dirty.clear();
  }

  #remove(id: string): void {
    const timer = this.#active.get(id);
    if (!timer) return;
    this.#undo.note(this, id, timer);
    this.#last = undefined;
    this.#active.delete(id);
    this.#dirty.set(id, timer.partition);
  }

  #add(id: string, timer: Timer): void {
    this.#active.set(id, timer);
    this.#last = timer;
    siftUp(this.#heap, timer);
  }

  /** Deleted timers leave the heap when they come to its top; one set again may stand in it twice, the older is dead. */
  #dropDead(): void {
    while (this.#heap.length > 0) {
      const top = this.#heap[0]!;
      if (this.#active.get(timerKey(this.#step, this.#domain, top.timeMs, top.key)) === top) return;
      popTop(this.#heap);
    }
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.key < b.key);
}

function siftUp(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  heap.push(timer);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timer, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = timer;
}

function popTop(heap: Timer[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
