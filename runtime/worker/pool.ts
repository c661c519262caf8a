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
/** Threads that have loaded the runtime and wait for a task: to load it takes longer than to take over a small slot. */
const THREADS_READY = 2;
/**
 * They are replaced so long after a start: loading one takes a second of CPU, and what has just started, and catches up, needs the
 * processor for itself.
 */
const READY_AFTER_MS = 60_000;
/** Decoded records die young: room for them keeps the collector from copying what is about to die. */
const YOUNG_GENERATION_MB = 48;

export function createWorkerPool(options: { heapMaxMb?: number } = {}): WorkerPool {
  const pool = new Piscina<TaskStart | null, void>({
    filename: new URL("./entry.ts", import.meta.url).href,
    minThreads: THREADS_READY,
    // A thread whose task has ended is ready for another.
    idleTimeout: Number.POSITIVE_INFINITY,
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
  let readying: NodeJS.Timeout | undefined;
  const makeReady = () => {
    readying = undefined;
    // Tasks of nothing, at once: each needs an idle thread, and the pool starts one where there is none.
    for (let i = 0; i < THREADS_READY; i++) pool.run(null).catch(() => {});
  };
  return {
    run(start, signal) {
      const { port1, port2 } = new MessageChannel();
      const ended = pool.run({ ...start, port: port2 }, { transferList: [port2], signal });
      readying ??= setTimeout(makeReady, READY_AFTER_MS).unref();
      return { port: port1, ended };
    },
    async destroy() {
      clearTimeout(readying);
      await pool.destroy();
    },
  };
}
