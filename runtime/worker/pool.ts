/** The worker threads of a node: a piscina pool in which every task is one long call. */
import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import type { TaskStart } from "./messages.ts";

export interface WorkerPool {
  /** Resolves when the task has stopped; rejects when it failed, or its thread died. */
  run(start: TaskStart, signal: AbortSignal): Promise<void>;
  destroy(): Promise<void>;
}

/** Tasks a thread may hold: more than a node is ever given, so that a task never waits for a thread. */
const TASKS_PER_THREAD = 256;

export function createWorkerPool(options: { threads?: number; heapMaxMb?: number } = {}): WorkerPool {
  const threads = options.threads ?? availableParallelism();
  const pool = new Piscina<TaskStart, void>({
    filename: new URL("./entry.ts", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_THREAD,
    idleTimeout: Number.POSITIVE_INFINITY,
    ...(options.heapMaxMb && { resourceLimits: { maxOldGenerationSizeMb: options.heapMaxMb } }),
  });
  // A thread that dies fails its tasks, and each of those reports it; unheard here, it would end the process.
  pool.on("error", () => {});
  return {
    run: (start, signal) => pool.run(start, { transferList: [start.port], signal }),
    destroy: () => pool.destroy(),
  };
}
