/** What a node's main thread and a worker say to each other: in order, a little later, and lost with the thread that dies. */
import type { TaskPort } from "../../worker/messages.ts";
import type { Thread, World } from "./world.ts";

export function threadChannel<A, B>(
  world: World,
  a: Thread,
  b: Thread,
  /** Called when hearing a message throws: it ends a thread. */
  onThrow: (thread: Thread, error: Error) => void,
): [TaskPort<A, B>, TaskPort<B, A>] {
  const toA = new Inbox<B>(world, a, onThrow);
  const toB = new Inbox<A>(world, b, onThrow);
  return [end(toB, toA), end(toA, toB)];
}

function end<Said, Heard>(out: Inbox<Said>, incoming: Inbox<Heard>): TaskPort<Said, Heard> {
  return {
    postMessage: (message) => out.put(message),
    on: (_event, hear) => incoming.open(hear),
    close: () => {
      out.close();
      incoming.close();
    },
  };
}

class Inbox<T> {
  readonly #world: World;
  readonly #thread: Thread;
  readonly #onThrow: (thread: Thread, error: Error) => void;
  #waiting: T[] = [];
  #hear: ((message: T) => void) | undefined;
  #closed = false;

  constructor(world: World, thread: Thread, onThrow: (thread: Thread, error: Error) => void) {
    this.#world = world;
    this.#thread = thread;
    this.#onThrow = onThrow;
  }

  put(message: T): void {
    if (this.#closed) return;
    this.#waiting.push(message);
    this.#deliverSoon();
  }

  open(hear: (message: T) => void): void {
    this.#hear = hear;
    for (const _ of this.#waiting) this.#deliverSoon();
  }

  close(): void {
    this.#closed = true;
  }

  /** Each delivery takes the oldest: the order stays, whatever the delays. */
  #deliverSoon(): void {
    if (!this.#hear) return;
    this.#world.after(
      this.#world.random.latencyMs(0.2),
      () => {
        if (this.#closed || this.#waiting.length === 0) return;
        const message = this.#waiting.shift()!;
        try {
          this.#hear!(message);
        } catch (error) {
          this.#onThrow(this.#thread, error as Error);
        }
      },
      this.#thread,
    );
  }
}
