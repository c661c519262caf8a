/**
 * The worker threads of a node: a piscina pool in which every task is one long call on a thread of its own. So a task that
 * runs out of memory or never comes back takes no other with it, and can be killed alone.
 */
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { FromTask, TaskPort, TaskStart, ToTask } from "./messages.ts";

export interface WorkerPool {
  /** Starts a task on a thread of its own. `signal` kills the thread. */
  run(start: Omit<TaskStart, "port">, signal: AbortSignal): RunningTask;
  destroy(): Promise<void>;
}

export interface RunningTask {
  /** The main thread's end of what is said with the task. */
  readonly port: TaskPort<ToTask, FromTask>;
  /** Resolves when the task has stopped; rejects when it failed, its thread died or was killed. */
  readonly ended: Promise<void>;
}

const THREADS_MAX = 1024;
/** Started with the node, so that the first tasks need not wait for a thread that loads the runtime. */
const THREADS_READY = 2;
/** Decoded records die young: room for them keeps the collector from copying what is about to die. */
const YOUNG_GENERATION_MB = 48;

export function createWorkerPool(options: { heapMaxMb?: number } = {}): WorkerPool {
  const pool = new Piscina<TaskStart, void>({
    filename: new URL("./entry.ts", import.meta.url).href,
    minThreads: THREADS_READY,
    maxThreads: THREADS_MAX,
    concurrentTasksPerWorker: 1,
    // A thread has open sockets while it works: it must not sleep in Atomics.wait.
    atomics: "disabled",
    resourceLimits: {
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      ...(options.heapMaxMb && { maxOldGenerationSizeMb: options.heapMaxMb }),
    },
  });
  // A thread that dies fails its task, which reports it; unheard here, it would end the process.
  pool.on("error", () => {});
  return {
    run(start, signal) {
      const { port1, port2 } = new MessageChannel();
      return { port: port1, ended: pool.run({ ...start, port: port2 }, { transferList: [port2], signal }) };
    },
    destroy: () => pool.destroy(),
  };
}
