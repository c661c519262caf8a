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
import type { Problem } from "../health.ts";
import type { Position } from "../kafka/log.ts";
import type { RuntimeMetrics } from "../metrics/task-metrics.ts";
import { sleep, type Time } from "../time.ts";
import type { Isolated } from "../worker/isolation.ts";
import type { TaskStatus } from "../worker/messages.ts";
import { placeText } from "../worker/pulse.ts";
import type { TaskRun } from "../worker/task-runner.ts";
import { FaultPolicy } from "./fault-policy.ts";
import { TaskWatch } from "./task-watch.ts";

const UNCONFIRMED_PAUSE_MS = 500;

export interface SlotTask {
  readonly stage: string;
  /** A fresh run; a failed one is never used again. */
  readonly newRun: (how: RunHow) => TaskRun;
}

/** How a run begins after those before it, and who hears how it goes. */
export interface RunHow {
  readonly isolated: readonly Isolated[];
  readonly epochRecordsMax: number | undefined;
  readonly onCommitted: (positions: readonly Position[]) => void;
  readonly onStatus: (status: TaskStatus) => void;
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
}

export class Slot {
  readonly #options: SlotOptions;
  readonly #stopping = new AbortController();
  readonly #runs = new Set<TaskRun>();
  readonly #done: Promise<unknown>;
  readonly #watches: TaskWatch[] = [];
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

  /** What does not go on. */
  problems(): readonly Problem[] {
    return this.#watches.flatMap((watch) => watch.problem() ?? []);
  }

  /** Resolves when every task has committed what it had and ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#leased.resolve();
    for (const run of this.#runs) run.stop();
    await this.#done;
  }

  async #keepRunning({ stage, newRun }: SlotTask): Promise<void> {
    const { job, slot, time, metrics, log, confirms } = this.#options;
    const name = `${job}/${stage}/${slot}`;
    const policy = new FaultPolicy();
    const watch = new TaskWatch(`job ${job}`, name, time);
    this.#watches.push(watch);
    let isolated: readonly Isolated[] = [];
    let epochRecordsMax: number | undefined;
    while (!this.#stopping.signal.aborted) {
      let committed = false;
      watch.began();
      const run = newRun({
        isolated,
        epochRecordsMax,
        onStatus: ({ lag }) => watch.status(lag),
        onCommitted: (positions) => {
          committed = true;
          isolated = stillAhead(isolated, positions);
          watch.committed(positions);
        },
      });
      this.#runs.add(run);
      const began = time.elapsed();
      const end = await run.run();
      this.#runs.delete(run);
      if (this.#stopping.signal.aborted || end.kind === "stopped") continue;
      const { reason } = end;
      const decision = policy.failed({
        ...(end.kind === "failed" ? end : { cause: "outside", pulse: undefined }),
        reason,
        ranMs: time.elapsed() - began,
        committed,
      });
      const { pauseMs, isolate, blameless } = decision;
      epochRecordsMax = decision.epochRecordsMax;
      watch.failed(reason, blameless);
      log(`${name}: ${reason}; again in ${pauseMs} ms`);
      metrics.restarted({ job, stage, slot });
      if (isolate) {
        isolated = [...isolated, isolate];
        metrics.isolated({ job, stage, slot });
        log(`${name}: ${placeText(isolate.place)} is set apart: ${isolate.reason}`);
      }
      if (end.kind === "fenced") await this.#leased.promise; // L1
      await sleep(time, pauseMs, this.#stopping.signal);
      while (!this.#stopping.signal.aborted && !(await confirms()))
        await sleep(time, UNCONFIRMED_PAUSE_MS, this.#stopping.signal); // L2
    }
  }
}

/** What is set apart and not behind the task yet: a dead letter stands for the rest, committed with what was read up to there. */
function stillAhead(isolated: readonly Isolated[], positions: readonly Position[]): readonly Isolated[] {
  if (isolated.length === 0) return isolated;
  return isolated.filter(({ place }) => {
    if (place.kind === "timer") return false;
    const at = positions.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    return at === undefined || at.offset <= place.offset;
  });
}
