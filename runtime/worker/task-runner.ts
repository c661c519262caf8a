/**
 * One run of one task, seen from the main thread: takes the slot's transactional id over, starts the task in a worker, and
 * commits its epochs.
 *
 * R1  `init` fences whoever had the id before, then the worker restores: in this order, never the other.
 * R2  An epoch is answered `committed` only when Kafka has said so. After anything else the run is over: the next run
 *     restores what is committed, whatever that turns out to be.
 * R3  An epoch commits after the results that left before it are in the log: they may come again, none is lost.
 */
import type { CommitOutcome, EarlyWriter, Position, TransactionalWriter } from "../kafka/log.ts";
import type { RuntimeMetrics, TaskLabels } from "../metrics/task-metrics.ts";
import type { Time } from "../time.ts";
import type { FromTask, TaskStatus, ToTask } from "./messages.ts";
import { type PooledStart, type RunningTask, ThreadEnd, type WorkerPool } from "./pool.ts";
import { type PulseReading, placeText } from "./pulse.ts";

/** How a run ended. */
export type RunEnd =
  | { readonly kind: "stopped" }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly cause: "hang" | "memory" | "error" | "outside";
      /** What its thread was at, if there was one. */
      readonly pulse: PulseReading | undefined;
    }
  /** Another owner holds the transactional id. */
  | { readonly kind: "fenced"; readonly reason: string };

export interface TaskRunOptions {
  readonly start: PooledStart;
  /** Topics by index of a frame. */
  readonly outputs: readonly string[];
  readonly pool: WorkerPool;
  readonly writer: TransactionalWriter;
  /** Of results that leave before their epoch; absent where the stage has none. */
  readonly early: EarlyWriter | undefined;
  readonly time: Time;
  readonly metrics: RuntimeMetrics;
  readonly log: (line: string) => void;
  /** Offsets that are committed now; `caughtUp`: nothing more is known to come. */
  readonly onCommitted: (positions: readonly Position[], caughtUp: boolean) => void;
  /** How much it has to do, now and then. */
  readonly onStatus: (status: TaskStatus) => void;
}

/** How long a task may take to end when told to before its thread is killed. */
const STOP_BUDGET_MS = 15_000;

export class TaskRun {
  readonly #options: TaskRunOptions;
  readonly #abort = new AbortController();
  readonly #labels: TaskLabels;
  #failure: Exclude<RunEnd, { kind: "stopped" }> | undefined;
  #stopping = false;
  /** Once the task has been started. */
  #task: RunningTask | undefined;
  #initialisedMs = 0;

  constructor(options: TaskRunOptions) {
    this.#options = options;
    this.#labels = { job: options.start.spec.job, stage: options.start.stage, slot: options.start.spec.slot };
  }

  /** Resolves, never rejects, with how it ended. Called once. */
  async run(): Promise<RunEnd> {
    const { writer, pool, start } = this.#options;
    try {
      await writer.init();
      this.#initialisedMs = this.#options.time.elapsed();
      if (this.#stopping) return { kind: "stopped" };
      const report = this.#options.metrics.task(this.#labels);
      this.#task = pool.run(start, this.#abort.signal);
      this.#task.port.on("message", (message) => void this.#hear(message, report));
      await this.#task.ended;
      return this.#failure ?? { kind: "stopped" };
    } catch (error) {
      return this.#failure ?? this.#failed(error);
    } finally {
      this.#task?.port.close();
      await Promise.all([writer.close(), this.#options.early?.close()]);
      this.#options.metrics.gone(this.#labels);
    }
  }

  #failed(error: unknown): RunEnd {
    const reason = error instanceof Error ? error.message : String(error);
    const pulse = this.#task?.pulse.read();
    if (error instanceof ThreadEnd) {
      const at = pulse?.place ? `, at ${placeText(pulse.place)} in step "${pulse.place.step}"` : "";
      return { kind: "failed", cause: error.cause, reason: `${reason}${at}`, pulse };
    }
    // A thread that waited did nothing that could be at fault.
    const cause = pulse === undefined || pulse.phase === "waiting" ? "outside" : "error";
    return { kind: "failed", cause, reason, pulse };
  }

  /** Commits the epoch under way and ends; kills the thread when that takes too long. */
  stop(): void {
    this.#stopping = true;
    this.#say({ kind: "stop" });
    this.#task?.hurry();
    this.#killIfLate();
  }

  #killIfLate(): void {
    this.#options.time.after(STOP_BUDGET_MS, () => this.#abort.abort(), "background");
  }

  async #hear(message: FromTask, report: ReturnType<RuntimeMetrics["task"]>): Promise<void> {
    switch (message.kind) {
      case "running":
        if (message.restoredRecords > 0) {
          const tookMs = Math.round(this.#options.time.elapsed() - this.#initialisedMs);
          this.#options.log(
            `${name(this.#labels)}: restored from ${message.restoredRecords} changelog records in ${tookMs} ms`,
          );
        }
        return;
      case "status":
        report(message.status);
        this.#options.onStatus(message.status);
        return;
      case "early":
        this.#options.early?.write(this.#options.outputs, message.frames);
        return;
      case "epoch":
        report(message.status);
        this.#options.onStatus(message.status);
        await this.#commit(message);
    }
  }

  async #commit(epoch: Extract<FromTask, { kind: "epoch" }>): Promise<void> {
    const { writer, early, outputs, time, metrics, onCommitted } = this.#options;
    const began = time.elapsed();
    const missing = await early?.settled().catch((error: Error) => error); // R3
    const outcome: CommitOutcome = missing
      ? { kind: "lost", reason: missing.message }
      : await writer.commit(outputs, epoch.frames);
    if (outcome.kind === "committed") {
      metrics.epoch(this.#labels, time.elapsed() - began, epoch.frames.byteLength);
      onCommitted(epoch.positions, epoch.caughtUp);
      this.#say({ kind: "committed", number: epoch.number });
      return;
    }
    // R2: nothing of this run is worth keeping.
    const reason = `epoch ${epoch.number} ${outcome.kind}: ${outcome.reason}`;
    this.#failure =
      outcome.kind === "fenced"
        ? { kind: "fenced", reason }
        : { kind: "failed", cause: "outside", reason, pulse: undefined };
    this.#say({ kind: "abandon" });
    this.#killIfLate();
  }

  #say(message: ToTask): void {
    this.#task?.port.postMessage(message);
  }
}

const name = ({ job, stage, slot }: TaskLabels): string => `${job}/${stage}/${slot}`;
