/**
 * The worker threads of a node: a piscina pool in which every task is one long call on a thread of its own. So a task that
 * runs out of memory or never comes back takes no other with it, and can be killed alone.
 */
import { Piscina } from "piscina";
import type { TaskStart } from "./messages.ts";

export interface WorkerPool {
  /** Resolves when the task has stopped; rejects when it failed, its thread died, or `signal` killed it. */
  run(start: TaskStart, signal: AbortSignal): Promise<void>;
  destroy(): Promise<void>;
}

const THREADS_MAX = 1024;
/** Decoded records die young: room for them keeps the collector from copying what is about to die. */
const YOUNG_GENERATION_MB = 96;

export function createWorkerPool(options: { heapMaxMb?: number } = {}): WorkerPool {
  const pool = new Piscina<TaskStart, void>({
    filename: new URL("./entry.ts", import.meta.url).href,
    minThreads: 0,
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
    run: (start, signal) => pool.run(start, { transferList: [start.port], signal }),
    destroy: () => pool.destroy(),
  };
}
