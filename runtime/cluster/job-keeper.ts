/**
 * Keeps one job on this node as it is wanted: starts it, starts it again in its next version, stops it, and tries again while
 * what it needs is away.
 *
 *     idle ──► starting ──► running ──► idle
 *                 │ ▲
 *                 ▼ │ for something that passes
 *              waiting          failed: until somebody submits it again
 *
 * K1  Changes of one job happen one after the other; of several that wait, the last wish is what comes about.
 * K2  A start that failed for a reason that may pass is tried again, after growing pauses, without anybody's hand.
 */
import { PacestreamError } from "../errors.ts";
import type { Problem } from "../health.ts";
import type { Time } from "../time.ts";
import type { JobRun } from "./job-run.ts";
import type { JobRecord } from "./job-store.ts";

export type JobState = "running" | "starting" | "waiting" | "failed" | "cancelled";

export interface JobKeeperOptions {
  readonly name: string;
  readonly time: Time;
  readonly log: (line: string) => void;
  /** What is wanted of the job now. */
  readonly wanted: () => JobRecord | undefined;
  /** A run of this record; not started. May be asked again after it failed. */
  readonly newRun: (record: JobRecord) => Promise<JobRun>;
}

interface StartFailure {
  readonly reason: string;
  readonly sinceMs: number;
  /** When it is tried again, if it is. */
  readonly againMs: number | undefined;
}

const AGAIN_FIRST_MS = 1_000;
const AGAIN_LONGEST_MS = 30_000;

export class JobKeeper {
  readonly #options: JobKeeperOptions;
  #run: JobRun | undefined;
  #queue: Promise<void> = Promise.resolve();
  #failure: StartFailure | undefined;
  #failures = 0;
  #cancelAgain: (() => void) | undefined;
  #stopped = false;

  constructor(options: JobKeeperOptions) {
    this.#options = options;
  }

  get run(): JobRun | undefined {
    return this.#run;
  }

  get state(): JobState {
    if (this.#options.wanted()?.state === "cancelled") return "cancelled";
    if (this.#run) return "running";
    if (this.#failure) return this.#failure.againMs === undefined ? "failed" : "waiting";
    return "starting";
  }

  /** Why it is not started, where it should be. */
  get startProblem(): Problem | undefined {
    const { name, wanted, time } = this.#options;
    if (!this.#failure || wanted()?.state !== "running") return undefined;
    const { reason, sinceMs, againMs } = this.#failure;
    const next =
      againMs === undefined
        ? "it stays so until it is submitted again"
        : `tried again in ${Math.max(0, Math.ceil((againMs - time.now()) / 1000))} s`;
    return { part: `job ${name}`, code: "start-failed", message: `${reason}; ${next}`, sinceMs };
  }

  /** Has it be as it is wanted. Resolves when that has been tried. */
  settle(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#settle());
    return this.#queue;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelAgain?.();
    await this.settle();
  }

  async #settle(): Promise<void> {
    const record = this.#options.wanted();
    const isWanted = record?.state === "running" && !this.#stopped;
    if (this.#run && isWanted && this.#run.record.submittedMs === record.submittedMs) return; // K1
    this.#cancelAgain?.();
    const run = this.#run;
    this.#run = undefined;
    await run?.stop();
    if (isWanted) await this.#start(record);
    else this.#failure = undefined;
  }

  async #start(record: JobRecord): Promise<void> {
    const { name, log, newRun } = this.#options;
    try {
      const run = await newRun(record);
      await run.start();
      this.#run = run;
      this.#failure = undefined;
      this.#failures = 0;
      log(`job ${name}: running, parallelism ${record.parallelism}`);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    const { name, time, log } = this.#options;
    const passes = !(error instanceof PacestreamError) || error.retry === "retry";
    const pauseMs = Math.min(AGAIN_LONGEST_MS, AGAIN_FIRST_MS * 2 ** this.#failures++);
    const nowMs = time.now();
    this.#failure = {
      reason: error.message,
      sinceMs: this.#failure?.sinceMs ?? nowMs,
      againMs: passes ? nowMs + pauseMs : undefined,
    };
    log(`job ${name}: not started: ${error.message}${passes ? `; again in ${pauseMs} ms` : ""}`);
    if (passes) this.#cancelAgain = time.after(pauseMs, () => void this.settle(), "background"); // K2
  }
}
