/**
 * The worker threads of a node: a piscina pool in which every task is one long call on a thread of its own. So a task that
 * runs out of memory or never comes back takes no other with it, and can be killed alone.
 *
 * WP1  A thread that works and whose pulse stands still for `hangAfterMs` is ended; one that was told to stop, sooner.
 * WP2  A thread has bounded memory: one that fills it dies alone.
 */
import { availableParallelism, totalmem } from "node:os";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { FromTask, TaskPort, TaskStart, ToTask } from "./messages.ts";
import { Pulse } from "./pulse.ts";

/** All that a task is started with but what the pool adds. */
export type PooledStart = Omit<TaskStart, "port" | "pulse">;

export interface WorkerPool {
  /** Starts a task on a thread of its own. `signal` kills the thread. */
  run(start: PooledStart, signal: AbortSignal): RunningTask;
  destroy(): Promise<void>;
}

export interface RunningTask {
  /** The main thread's end of what is said with the task. */
  readonly port: TaskPort<ToTask, FromTask>;
  /** What it is at, also when it has ended. */
  readonly pulse: Pulse;
  /** Resolves when the task has stopped; rejects when it failed, its thread died or was killed (`ThreadEnd`, where it is known why). */
  readonly ended: Promise<void>;
  /** It was told to stop: no patience with a thread that does not answer. */
  hurry(): void;
}

/** Why a thread ended, other than by an error of the task. */
export class ThreadEnd extends Error {
  override readonly cause: "hang" | "memory";

  constructor(cause: "hang" | "memory", message: string) {
    super(message);
    this.cause = cause;
  }
}

export interface PoolOptions {
  /** For the long-lived objects of a task. Default: a core's part of half of the machine. */
  readonly heapMaxMb?: number | undefined;
  /** How long a task may be at one record. */
  readonly hangAfterMs?: number | undefined;
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
const HANG_AFTER_MS = 10_000;
/** Of one that was told to stop. */
const HURRIED_MS = 2_000;
const LOOKS = 10;
const HEAP_LEAST_MB = 512;
const HEAP_MOST_MB = 8_192;

/** Of the machine, or of what the process may use of it. */
function heapDefaultMb(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const part = memory / (1 << 20) / 2 / Math.max(2, availableParallelism());
  return Math.round(Math.min(HEAP_MOST_MB, Math.max(HEAP_LEAST_MB, part)));
}

export function createWorkerPool(options: PoolOptions = {}): WorkerPool {
  const { heapMaxMb = heapDefaultMb(), hangAfterMs = HANG_AFTER_MS } = options;
  const pool = new Piscina<TaskStart | null, void>({
    filename: new URL("./entry.ts", import.meta.url).href,
    minThreads: THREADS_READY,
    // A thread whose task has ended is ready for another.
    idleTimeout: Number.POSITIVE_INFINITY,
    maxThreads: THREADS_MAX,
    concurrentTasksPerWorker: 1,
    // A thread has open sockets while it works: it must not sleep in Atomics.wait.
    atomics: "disabled",
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB, maxOldGenerationSizeMb: heapMaxMb }, // WP2
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
      const pulse = new Pulse();
      const killed = new AbortController();
      const task = { ...start, pulse: pulse.buffer, port: port2 };
      const both = AbortSignal.any([signal, killed.signal]);
      const watch = watchPulse(pulse, hangAfterMs, () => killed.abort());
      const ended = pool
        .run(task, { transferList: [port2], signal: both })
        .catch((error: unknown) => {
          if (killed.signal.aborted)
            throw new ThreadEnd("hang", `does not come back: ${watch.stillMs()} ms at the same place`);
          if ((error as { code?: string }).code === "ERR_WORKER_OUT_OF_MEMORY")
            throw new ThreadEnd("memory", `its thread needs more than the ${heapMaxMb} MB that it may have`);
          throw error;
        })
        .finally(() => watch.end());
      readying ??= setTimeout(makeReady, READY_AFTER_MS).unref();
      return { port: port1, pulse, ended, hurry: () => watch.allow(Math.min(HURRIED_MS, hangAfterMs)) };
    },
    async destroy() {
      clearTimeout(readying);
      await pool.destroy();
    },
  };
}

interface PulseWatch {
  /** From now on it may stand still for so long. */
  allow(ms: number): void;
  stillMs(): number;
  end(): void;
}

/**
 * WP1. Counts looks, not time: when this thread, or the machine, stood still itself, little can be said of the other.
 */
function watchPulse(pulse: Pulse, hangAfterMs: number, onHang: () => void): PulseWatch {
  let everyMs = hangAfterMs / LOOKS;
  let still = 0;
  let last = pulse.read();
  const look = () => {
    const now = pulse.read();
    still = now.phase !== "waiting" && now.beat === last.beat ? still + 1 : 0;
    last = now;
    if (still < LOOKS) return;
    clearInterval(timer);
    onHang();
  };
  let timer = setInterval(look, everyMs).unref();
  return {
    allow(ms) {
      clearInterval(timer);
      everyMs = ms / LOOKS;
      still = 0;
      timer = setInterval(look, everyMs).unref();
    },
    stillMs: () => still * everyMs,
    end: () => clearInterval(timer),
  };
}
