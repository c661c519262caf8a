/**
 * The simulated world: one thread, one queue of what happens when, one seed.
 *
 * Owns virtual time, the threads that things happen on, and the story of a run. What lives in it (the cluster, nodes) is in
 * the files beside this one.
 *
 * W1  Everything that happens follows from the seed: no clock, no timer of the machine, no `Math.random`.
 * W2  Between two events all microtasks are done: an `await` of the code under test goes on before anything else happens.
 * W3  Nothing happens on a thread that is dead, and what falls to one that stands still waits until it goes on. So a crash
 *     can come at any await that waits for the world, and a zombie wakes exactly where it stood.
 * W4  The world ends: after `eventsMax` events at the latest, which is a violation. So what sets itself anew for ever, even
 *     without time going on, is told like everything else that goes wrong. Only what never comes back from one event hangs.
 */
import { Random } from "../random.ts";
import type { Mark } from "./marks.ts";

interface Event {
  readonly atMs: number;
  /** Decides between events of the same time. */
  readonly lot: number;
  readonly thread: Thread | undefined;
  call: (() => void) | undefined;
}

export interface StoryLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  /** One of very many: left out when the story is told. */
  readonly routine: boolean;
}

const STORY_MAX = 5_000;

/** W4. A run of half a virtual minute takes some thousands. */
const EVENTS_MAX = 1_000_000;

/** Something that runs and can be stopped: a machine's process, and the threads in it. */
export class Thread {
  readonly name: string;
  readonly #parent: Thread | undefined;
  #dead = false;
  #pauses = 0;
  readonly #resumed: (() => void)[] = [];

  constructor(name: string, parent?: Thread) {
    this.name = name;
    this.#parent = parent;
  }

  get isDead(): boolean {
    return this.#dead || (this.#parent?.isDead ?? false);
  }

  get isPaused(): boolean {
    return this.#pauses > 0 || (this.#parent?.isPaused ?? false);
  }

  kill(): void {
    this.#dead = true;
  }

  pause(): void {
    this.#pauses++;
  }

  resume(): void {
    this.#pauses--;
    if (this.#pauses > 0) return;
    for (const call of this.#resumed.splice(0)) call();
  }

  /** Calls once this thread and those above it go on. */
  onResumed(call: () => void): void {
    if (this.#pauses > 0) this.#resumed.push(call);
    else if (this.#parent) this.#parent.onResumed(call);
    else call();
  }
}

export class World {
  readonly seed: number;
  readonly random: Random;
  nowMs = 0;
  /** Events that took place. */
  events = 0;
  readonly marks = new Map<Mark, number>();
  readonly story: StoryLine[] = [];
  /** What must not be, found while it happened. */
  readonly violations: string[] = [];
  readonly #eventsMax: number;
  readonly #queue: Event[] = [];

  /** @param eventsMax W4 */
  constructor(seed: number, eventsMax = EVENTS_MAX) {
    this.seed = seed;
    this.#eventsMax = eventsMax;
    this.random = new Random(seed);
  }

  /** Calls after `ms` of virtual time, on `thread` where given. Returns how to call it off. */
  after(ms: number, call: () => void, thread?: Thread): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, ms), lot: this.random.fraction(), thread, call };
    push(this.#queue, event);
    return () => {
      event.call = undefined;
    };
  }

  /** Resolves after `ms`, on `thread`. */
  pause(ms: number, thread?: Thread): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve, thread));
  }

  /** A rare path was taken. */
  mark(mark: Mark): void {
    this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
  }

  tell(who: string, what: string, routine = false): void {
    if (this.story.length >= STORY_MAX) this.story.splice(0, STORY_MAX / 2);
    this.story.push({ atMs: this.nowMs, who, what, routine });
  }

  violation(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
    this.tell("checker", what);
  }

  /** W4: nothing happens any more. */
  get isOver(): boolean {
    return this.events >= this.#eventsMax;
  }

  /** Lets the world go on until `untilMs`, or until it is over. */
  async run(untilMs: number): Promise<void> {
    while (this.#queue.length > 0 && this.#queue[0]!.atMs <= untilMs) {
      if (this.isOver) {
        this.violation(`still busy after ${this.#eventsMax} events`);
        return;
      }
      const event = pop(this.#queue)!;
      const { call, thread } = event;
      if (call === undefined) continue;
      this.nowMs = event.atMs;
      if (thread?.isDead) continue;
      if (thread?.isPaused) {
        thread.onResumed(() => this.after(this.random.fraction(), () => event.call?.(), thread));
        continue;
      }
      this.events++;
      call();
      await microtasks(); // W2
    }
    this.nowMs = untilMs;
  }
}

/** Ticks come after all microtasks, also those that microtasks add: a tick asked for in a microtask is their end. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.lot < b.lot);
}

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return top;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}
