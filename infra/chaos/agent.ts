/**
 * Faults inside of a process that knows nothing of them: loaded before the program by `NODE_OPTIONS=--import=…/agent.ts`, in
 * its main thread and in every worker, it does what it is told over a socket. Without CHAOS_AGENT_SOCKET it does nothing.
 *
 * Orders are JSON, one a line. Those for a worker go over a channel between the threads, to one that lives and listens.
 *
 * AG1  An order is answered when it has come about: one that ends a worker, when the worker has ended. Only what befalls the
 *      main thread is answered before, for nobody might be left to answer.
 */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { isMainThread, threadId, type Worker } from "node:worker_threads";

export type Deed =
  /** An error that nobody catches. */
  | { readonly kind: "throw" }
  /** The heap fills until the thread is ended for it. */
  | { readonly kind: "out-of-memory" }
  /** The thread ends. */
  | { readonly kind: "exit" }
  /** The thread does nothing else for so long. */
  | { readonly kind: "block"; readonly ms: number }
  /** The clock of the process is so far off; 0: right again. */
  | { readonly kind: "clock"; readonly offsetMs: number };

export interface Order {
  readonly deed: Deed;
  /** `everywhere`: the main thread and all workers, those of later too. */
  readonly thread: "main" | "worker" | "everywhere";
  /** From 0 to 1: which of the workers. */
  readonly which: number;
}

/** After these a thread is no more. */
const ENDINGS: ReadonlySet<Deed["kind"]> = new Set(["throw", "out-of-memory", "exit"]);

/** What threads tell each other. */
type Message =
  /** A worker listens from now on: what is said before is not heard. */
  | { readonly kind: "here"; readonly threadId: number }
  /** To one worker, or to all. */
  | { readonly kind: "do"; readonly threadId: number | "all"; readonly deed: Deed };

const CHANNEL = "pacestream-chaos";
const socketPath = process.env.CHAOS_AGENT_SOCKET;
if (socketPath !== undefined) {
  if (isMainThread) serve(socketPath);
  else follow();
}

function serve(path: string): void {
  const workers = new Map<number, Worker>();
  const listening = new Set<number>();
  const channel = new BroadcastChannel(CHANNEL);
  const tell = (threadId: number | "all", deed: Deed) =>
    channel.postMessage({ kind: "do", threadId, deed } satisfies Message);
  let clock: Deed | undefined;
  process.on("worker", (worker) => {
    const id = worker.threadId;
    workers.set(id, worker);
    worker.once("exit", () => {
      workers.delete(id);
      listening.delete(id);
    });
  });
  channel.onmessage = (event) => {
    const message = messageOf(event);
    if (message.kind !== "here" || !workers.has(message.threadId)) return;
    listening.add(message.threadId);
    if (clock) tell(message.threadId, clock);
  };
  channel.unref();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (line) => {
      const { deed, thread, which } = JSON.parse(line) as Order;
      const answer = (text: string | number, then?: () => void) => socket.write(`${text}\n`, then);
      switch (thread) {
        case "worker": {
          const ids = [...listening];
          const id = ids[Math.floor(which * ids.length)];
          if (id === undefined) answer("none");
          else {
            if (ENDINGS.has(deed.kind))
              workers.get(id)!.once("exit", () => answer(id)); // AG1
            else answer(id);
            tell(id, deed);
          }
          return;
        }
        case "everywhere":
          if (deed.kind === "clock") clock = deed;
          tell("all", deed);
          perform(deed);
          answer("main");
          return;
        case "main":
          answer("main", () => perform(deed));
      }
    });
  });
  rmSync(path, { force: true }); // of a process that was killed
  server.listen(path).unref();
}

function follow(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event) => {
    const message = messageOf(event);
    if (message.kind === "do" && (message.threadId === "all" || message.threadId === threadId))
      perform(message.deed);
  };
  channel.unref();
  channel.postMessage({ kind: "here", threadId } satisfies Message);
}

const messageOf = (event: unknown): Message => (event as { readonly data: Message }).data;

function perform(deed: Deed): void {
  switch (deed.kind) {
    case "throw":
      setImmediate(() => {
        throw new Error("chaos: an error that nobody catches");
      });
      return;
    case "out-of-memory":
      setImmediate(() => {
        const hoard: number[][] = [];
        for (;;) hoard.push(new Array<number>(100_000).fill(hoard.length + 0.5));
      });
      return;
    case "exit":
      process.exit(1);
      return;
    case "block":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, deed.ms);
      return;
    case "clock":
      setClock(deed.offsetMs);
  }
}

const rightNow = Date.now;

function setClock(offsetMs: number): void {
  Date.now = offsetMs === 0 ? rightNow : () => rightNow.call(Date) + offsetMs;
}
