/**
 * One slot on this node: the tasks of every stage, each started again when it fails.
 *
 * The lease only says who should run the slot; that no one else's work counts is the writers' fencing.
 *
 * L1  A slot whose lease is in doubt (the group was not reached for too long: a broker restarts) goes on: most often it is
 *     given back at once. But what is fenced meanwhile stays down until the lease is sure again: two nodes must not fence
 *     each other in turn.
 * L2  What has failed is started again when the group confirms the lease, not before: a node that stood still for long finds
 *     its commits lost before it hears that the slot is another's, and would fence the one who is right.
 */
import type { RuntimeMetrics } from "../metrics/task-metrics.ts";
import { sleep, type Time } from "../time.ts";
import type { TaskRun } from "../worker/task-runner.ts";
import { RestartPolicy } from "./restart-policy.ts";

const UNCONFIRMED_PAUSE_MS = 500;

export interface SlotTask {
  readonly stage: string;
  /** A fresh run; a failed one is never used again. */
  readonly newRun: () => TaskRun;
}

export interface SlotOptions {
  readonly job: string;
  readonly slot: number;
  readonly tasks: readonly SlotTask[];
  readonly time: Time;
  readonly metrics: RuntimeMetrics;
  readonly log: (line: string) => void;
  /** Asks the group whether the lease is this node's now. */
  readonly confirms: () => Promise<boolean>;
  readonly onFailure: (stage: string, reason: string) => void;
}

export class Slot {
  readonly #options: SlotOptions;
  readonly #stopping = new AbortController();
  readonly #runs = new Set<TaskRun>();
  readonly #done: Promise<unknown>;
  #leased = Promise.withResolvers<void>();

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#leased.resolve();
    this.#done = Promise.all(options.tasks.map((task) => this.#keepRunning(task)));
  }

  /** The group may have given the lease to another node (L1). */
  doubtLease(): void {
    this.#leased = Promise.withResolvers();
  }

  /** The lease is this node's. */
  confirmLease(): void {
    this.#leased.resolve();
  }

  /** Resolves when every task has committed what it had and ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#leased.resolve();
    for (const run of this.#runs) run.stop();
    await this.#done;
  }

  async #keepRunning({ stage, newRun }: SlotTask): Promise<void> {
    const { job, slot, time, metrics, log, confirms, onFailure } = this.#options;
    const policy = new RestartPolicy();
    while (!this.#stopping.signal.aborted) {
      const run = newRun();
      this.#runs.add(run);
      const began = time.elapsed();
      const end = await run.run();
      this.#runs.delete(run);
      if (this.#stopping.signal.aborted || end.kind === "stopped") continue;
      const pauseMs = policy.failed(time.elapsed() - began);
      log(`${job}/${stage}/${slot}: ${end.reason}; again in ${pauseMs} ms`);
      onFailure(stage, end.reason);
      metrics.restarted({ job, stage, slot });
      if (end.kind === "fenced") await this.#leased.promise; // L1
      await sleep(time, pauseMs, this.#stopping.signal);
      while (!this.#stopping.signal.aborted && !(await confirms()))
        await sleep(time, UNCONFIRMED_PAUSE_MS, this.#stopping.signal); // L2
    }
  }
}
