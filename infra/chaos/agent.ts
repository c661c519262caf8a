/**
 * Faults inside of a process that knows nothing of them: loaded before the program by `NODE_OPTIONS=--import=…/agent.ts`, in
 * its main thread and in every worker, it does what it is told over a socket. Without CHAOS_AGENT_SOCKET it does nothing.
 *
 * Orders are JSON, one a line. Those for a worker go to one that lives now, over a channel between the threads.
 */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { isMainThread, threadId } from "node:worker_threads";

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

interface Relayed {
  /** Undefined: all workers. */
  readonly threadId: number | undefined;
  readonly deed: Deed;
}

const CHANNEL = "pacestream-chaos";
const socketPath = process.env.CHAOS_AGENT_SOCKET;
if (socketPath !== undefined) {
  if (isMainThread) serve(socketPath);
  else follow();
}

function serve(path: string): void {
  const workers = new Set<number>();
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  let clock: Deed | undefined;
  process.on("worker", (worker) => {
    const id = worker.threadId;
    workers.add(id);
    worker.once("exit", () => workers.delete(id));
    if (clock) {
      const relayed: Relayed = { threadId: id, deed: clock };
      worker.once("online", () => channel.postMessage(relayed));
    }
  });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (line) => {
      const { deed, thread, which } = JSON.parse(line) as Order;
      const ids = [...workers];
      const chosen = ids[Math.floor(which * ids.length)];
      // Answered first: some deeds leave nobody to answer.
      socket.write(`${thread === "worker" ? (chosen ?? "none") : "main"}\n`, () => {
        if (thread === "everywhere") {
          if (deed.kind === "clock") clock = deed;
          channel.postMessage({ threadId: undefined, deed } satisfies Relayed);
        }
        if (thread === "worker") channel.postMessage({ threadId: chosen, deed } satisfies Relayed);
        else perform(deed);
      });
    });
  });
  rmSync(path, { force: true }); // of a process that was killed
  server.listen(path).unref();
}

function follow(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  channel.onmessage = (event) => {
    const { threadId: wanted, deed } = (event as { readonly data: Relayed }).data;
    if (wanted === undefined || wanted === threadId) perform(deed);
  };
}

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
