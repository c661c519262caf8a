/**
 * A simulated machine that runs the job: the runtime's own JobRun, slots, runs, writers, task loops and tasks, each on a
 * simulated thread. It can be killed, stopped, set back, started again.
 *
 * N1  What stands in here is what `cluster/node.ts`, `worker/pool.ts` and `worker/entry.ts` do around that code, and no more.
 * N2  Memory: a task sends its next epoch only when the last is committed, and none is larger than the limit and what one poll
 *     adds to it.
 */
import { Registry } from "prom-client";
import { JobRun } from "../../cluster/job-run.ts";
import type { JobServices } from "../../cluster/job-services.ts";
import type { JobDefinition } from "../../dsl/job.ts";
import { describePlan } from "../../graph/describe.ts";
import { planJob } from "../../graph/plan.ts";
import type { CommitOutcome, PartitionReader, TransactionalWriter } from "../../kafka/log.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import { createTransactionalWriter } from "../../kafka/transactional-writer.ts";
import { RuntimeMetrics } from "../../metrics/task-metrics.ts";
import type { EpochSettings, FromTask, TaskPort, ToTask } from "../../worker/messages.ts";
import type { PooledStart, RunningTask } from "../../worker/pool.ts";
import { Pulse } from "../../worker/pulse.ts";
import { TaskLoop } from "../../worker/task-loop.ts";
import type { Bug } from "./bugs.ts";
import type { Cluster } from "./cluster.ts";
import { SimulatedEarlyWriter } from "./early-writer.ts";
import { BROKER_LIST, readerLink } from "./reader-link.ts";
import { threadChannel } from "./thread-channel.ts";
import { BEGIN_MS, type MachineClock, threadTime } from "./thread-time.ts";
import { Thread } from "./world.ts";
import { writerLink } from "./writer-link.ts";

export interface NodeOptions {
  readonly name: string;
  readonly cluster: Cluster;
  readonly job: JobDefinition;
  readonly parallelism: number;
  readonly epochs: EpochSettings;
  readonly bug: Bug | undefined;
}

/** What a poll may add to an epoch that is not full yet, at most: chunks are small here. */
const POLL_ADDS_BYTES_MAX = 1 << 20;
/** Batches are small, so that an epoch takes several of a partition. */
const BATCH_BYTES_MAX = 4_000;

export class SimulatedNode {
  readonly name: string;
  readonly clock: MachineClock = { offsetMs: 0 };
  /** Each fetch takes so much longer. */
  slowMs = 0;
  readonly #options: NodeOptions;
  #process: Thread | undefined;
  #main: Thread | undefined;
  #jobRun: JobRun | undefined;
  readonly #workers = new Set<{ readonly thread: Thread; die: (reason: string) => void }>();
  /** Tasks that are reading their changelog. */
  restoring = 0;
  /** When a task began to run, the last time. */
  taskBeganMs = 0;

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#process !== undefined && !this.#process.isDead;
  }

  /** Tasks that are through with their restore. */
  get running(): number {
    return this.isUp ? this.#workers.size - this.restoring : 0;
  }

  start(): void {
    if (this.isUp) return;
    const { cluster, job, parallelism, epochs } = this.#options;
    const { world } = cluster;
    const process = new Thread(this.name);
    const main = new Thread(`${this.name} main`, process);
    this.#process = process;
    this.#main = main;
    this.restoring = 0;
    this.#workers.clear();
    const jobRun = new JobRun({
      record: { name: job.name, parallelism, submittedMs: BEGIN_MS },
      plan: describePlan(planJob(job)),
      code: { module: "", hash: "", files: [] },
      root: "/",
      kafka: { brokers: BROKER_LIST },
      services: this.#services(process, main),
      epochs,
      metrics: new RuntimeMetrics(new Registry()),
      log: (line) => world.tell(this.name, line),
    });
    this.#jobRun = jobRun;
    world.tell(this.name, "starts");
    world.after(world.random.latencyMs(20), () => void jobRun.start(), main);
  }

  /** As by SIGKILL. */
  kill(): void {
    if (!this.isUp) return;
    this.#options.cluster.world.tell(this.name, "is killed");
    this.#process!.kill();
  }

  /** As by SIGTERM: resolves when everything is given back. */
  async stop(): Promise<void> {
    const process = this.#process;
    if (!process || process.isDead || process.isPaused) return;
    this.#options.cluster.world.tell(this.name, "is asked to stop");
    await this.#jobRun!.stop();
    process.kill();
    this.#options.cluster.world.tell(this.name, "has stopped");
  }

  /** As by SIGSTOP and SIGCONT. */
  standStill(forMs: number): void {
    this.#standStill(this.#process, forMs);
  }

  /** The event loop is blocked; workers and librdkafka, which leads the group, go on. */
  blockMain(forMs: number): void {
    this.#standStill(this.#main, forMs);
  }

  /** One task's thread ends. */
  killWorker(): boolean {
    const [worker] = this.#options.cluster.world.random.shuffled([...this.#workers]);
    worker?.die("the thread died");
    return worker !== undefined;
  }

  #standStill(thread: Thread | undefined, forMs: number): void {
    if (!thread || thread.isDead) return;
    const { world } = this.#options.cluster;
    world.tell(this.name, `${thread === this.#main ? "main thread stands" : "stands"} still`);
    thread.pause();
    world.after(forMs, () => {
      if (!thread.isDead) world.tell(this.name, "goes on");
      thread.resume();
    });
  }

  #services(process: Thread, main: Thread): JobServices {
    const { cluster, parallelism, bug } = this.#options;
    const { world } = cluster;
    const time = threadTime(world, main, this.clock);
    const client = new Thread(`${this.name} librdkafka`, process);
    return {
      time,
      topics: cluster.admin,
      joinGroup: (options) => cluster.group.join(this.name, main, parallelism, options),
      pool: { run: (start, signal) => this.#runTask(process, main, start, signal), destroy: async () => {} },
      newEarlyWriter: () => {
        const writer = new SimulatedEarlyWriter(cluster, this.name, client);
        return bug?.earlyWriter?.(writer) ?? writer;
      },
      newWriter: (options) => {
        const writer = createTransactionalWriter(
          { brokers: BROKER_LIST },
          {
            ...options,
            time,
            batchBytesMax: world.random.between(100, BATCH_BYTES_MAX),
            newCluster: (of) => {
              const link = writerLink({ ...of, cluster, node: this.name, thread: main });
              return bug?.writes?.(link) ?? link;
            },
          },
        );
        return this.#watched(bug?.writer?.(writer) ?? writer, options.transactionalId);
      },
    };
  }

  #watched(writer: TransactionalWriter, id: string): TransactionalWriter {
    const { world } = this.#options.cluster;
    const told = (outcome: CommitOutcome) => {
      world.mark(`epoch ${outcome.kind}`);
      world.tell(
        this.name,
        `${id}: ${outcome.kind}${"reason" in outcome ? `: ${outcome.reason}` : ""}`,
        outcome.kind === "committed",
      );
      return outcome;
    };
    return {
      init: () => writer.init(),
      commit: async (topics, frames) => told(await writer.commit(topics, frames)),
      close: () => writer.close(),
    };
  }

  // --- workers -----------------------------------------------------------------------------------------------------------

  #runTask(process: Thread, main: Thread, start: PooledStart, signal: AbortSignal): RunningTask {
    const { cluster, job, bug } = this.#options;
    const { world } = cluster;
    const label = `${start.stage}/${start.spec.slot}`;
    const thread = new Thread(`${this.name} ${label}`, process);
    const ended = Promise.withResolvers<void>();
    const [ours, theirs] = threadChannel<ToTask, FromTask>(world, main, thread, (at, error) => {
      if (at === thread) worker.die(error.message);
      else world.violation(`${this.name}: an unhandled error on the main thread: ${error.message}`);
    });
    const hasStarted = { running: false };
    const worker = {
      thread,
      die: (reason: string) => {
        if (thread.isDead || !this.#workers.delete(worker)) return;
        world.tell(this.name, `${label}: ${reason}`);
        thread.kill();
        if (!hasStarted.running) this.restoring--;
        world.after(1, () => ended.reject(new Error(reason)), main);
      },
    };
    this.#workers.add(worker);
    this.restoring++;
    signal.addEventListener("abort", () => {
      if (thread.isDead || !this.#workers.has(worker)) return;
      world.mark("task killed");
      worker.die("killed: it did not stop in time");
    });
    const over = (settle: () => void) => {
      if (!this.#workers.delete(worker)) return;
      if (!hasStarted.running) this.restoring--;
      world.after(world.random.latencyMs(0.2), settle, main);
    };
    const plan = planJob(job).stages.find((stage) => stage.name === start.stage)!;
    const time = threadTime(world, thread, this.clock);
    const real = createPartitionReader(start.kafka, {
      time,
      cluster: readerLink({
        cluster,
        node: this.name,
        thread,
        slowMs: () => this.slowMs,
        flaws: bug?.reads ?? {},
      }),
    });
    const reader: PartitionReader = bug?.reader?.(real) ?? real;
    const port = this.#watchedPort(theirs, label, start.epochs, () => {
      if (hasStarted.running) return;
      hasStarted.running = true;
      this.restoring--;
      this.taskBeganMs = world.nowMs;
    });
    const pulse = new Pulse();
    const body = async () => {
      try {
        await new TaskLoop({ ...start, pulse: pulse.buffer, port }, plan, reader, time).run();
        port.close();
        await reader.close();
        over(ended.resolve);
      } catch (error) {
        over(() => ended.reject(error));
      }
    };
    world.after(world.random.latencyMs(10), () => void body(), thread);
    return { port: ours, pulse, ended: ended.promise, hurry: () => {} };
  }

  /** Watches what a task says (N2). */
  #watchedPort(
    port: TaskPort<FromTask, ToTask>,
    label: string,
    { bytesMax }: EpochSettings,
    onRunning: () => void,
  ): TaskPort<FromTask, ToTask> {
    const { world } = this.#options.cluster;
    let committing = false;
    return {
      close: () => port.close(),
      on: (event, hear) =>
        port.on(event, (message) => {
          if (message.kind === "committed") committing = false;
          hear(message);
        }),
      postMessage: (message) => {
        if (message.kind === "running") {
          onRunning();
          if (message.restoredRecords > 0) world.mark("task restored");
          world.tell(this.name, `${label}: runs, restored from ${message.restoredRecords} records`);
        }
        if (message.kind === "epoch") {
          if (committing) world.violation(`${this.name} ${label}: a second epoch before the first committed`);
          committing = true;
          const { byteLength } = message.frames;
          if (byteLength >= bytesMax) world.mark("task waited for its commit");
          if (byteLength > bytesMax + POLL_ADDS_BYTES_MAX)
            world.violation(
              `${this.name} ${label}: an epoch of ${byteLength} bytes, the limit is ${bytesMax}`,
            );
        }
        port.postMessage(message);
      },
    };
  }
}
