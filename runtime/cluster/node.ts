/**
 * A node: one process that runs its share of every job. All nodes are the same program and there is no master: which jobs
 * shall run stands in a topic (job-store.ts), who runs which slot is settled by Kafka's group protocol (membership.ts).
 */
import type { Registry } from "prom-client";
import type { KafkaConnection } from "../config.ts";
import { PacestreamError } from "../errors.ts";
import type { Problem } from "../health.ts";
import { RuntimeMetrics } from "../metrics/task-metrics.ts";
import type { EpochSettings } from "../worker/messages.ts";
import { createWorkerPool, type PoolOptions } from "../worker/pool.ts";
import { JobKeeper, type JobState } from "./job-keeper.ts";
import { JobRun } from "./job-run.ts";
import { kafkaServices } from "./job-services.ts";
import { JOBS_TOPIC, type JobRecord, openJobStore } from "./job-store.ts";
import { deploymentOf, prepareSubmission, type Submission } from "./submission.ts";

export interface NodeOptions {
  readonly kafka: KafkaConnection;
  readonly registry: Registry;
  readonly log: (line: string) => void;
  /** The folder that job modules are named from. Default: the working directory. */
  readonly root?: string;
  readonly epochs?: Partial<EpochSettings>;
  /** Bounds of a task's thread. */
  readonly threads?: PoolOptions;
  /** Where it stands which jobs shall run: nodes of one topic are one cluster. Default: `pacestream.jobs`. */
  readonly jobsTopic?: string;
}

export interface JobInfo {
  readonly name: string;
  readonly module: string;
  readonly parallelism: number;
  readonly state: JobState;
  readonly submittedMs: number;
  /** Of the code that runs: the same for the same code; absent in jobs that an older version submitted. */
  readonly codeHash?: string;
  /** Slots that this node runs. */
  readonly slots: readonly number[];
  /** What does not go on here, and why. */
  readonly problems: readonly string[];
}

export interface RuntimeNode {
  /**
   * Checks the job and has every node run it, as its files are now.
   * @throws PacestreamError, before anything that runs is touched, when it cannot be: see submission.ts.
   */
  submit(job: Submission): Promise<JobInfo>;
  /** Stops it on every node; its state and topics stay. @throws PacestreamError UNKNOWN_JOB */
  cancel(name: string): Promise<JobInfo>;
  jobs(): Promise<JobInfo[]>;
  /** What does not go on, on this node. */
  problems(): readonly Problem[];
  /** Commits what is under way, gives the slots back, ends the workers. The jobs go on elsewhere. */
  stop(): Promise<void>;
}

const EPOCHS_DEFAULT: EpochSettings = { intervalMs: 100, bytesMax: 8 << 20 };

export async function startNode(options: NodeOptions): Promise<RuntimeNode> {
  const { kafka, log, root = process.cwd() } = options;
  const metrics = new RuntimeMetrics(options.registry);
  const pool = createWorkerPool(options.threads);
  const services = kafkaServices(kafka, pool);
  const epochs: EpochSettings = { ...EPOCHS_DEFAULT, ...options.epochs };
  const keepers = new Map<string, JobKeeper>();
  let stopped = false;

  const newRun = async (record: JobRecord): Promise<JobRun> => {
    const deployment = await deploymentOf(root, record, services.topics);
    return new JobRun({ record, ...deployment, root, kafka, services, epochs, metrics, log });
  };
  const keeperOf = (name: string): JobKeeper => {
    const known = keepers.get(name);
    if (known) return known;
    const wanted = () => store.all().get(name);
    const fresh = new JobKeeper({ name, time: services.time, log, wanted, newRun });
    keepers.set(name, fresh);
    return fresh;
  };

  const early: string[] = [];
  let opened = false;
  const store = await openJobStore(
    kafka,
    options.jobsTopic ?? JOBS_TOPIC,
    ({ name }) => {
      if (!opened) early.push(name);
      else if (!stopped) void keeperOf(name).settle();
    },
    log,
  );
  opened = true;
  for (const name of new Set(early)) void keeperOf(name).settle();

  const problemsOf = (name: string): readonly Problem[] => {
    const keeper = keeperOf(name);
    const { startProblem, run } = keeper;
    return [...(startProblem ? [startProblem] : []), ...(run?.problems() ?? [])];
  };
  const info = (record: JobRecord): JobInfo => {
    const { name, module, parallelism, submittedMs, codeHash } = record;
    const keeper = keeperOf(name);
    return {
      name,
      module,
      parallelism,
      state: keeper.state,
      submittedMs,
      ...(codeHash !== undefined && { codeHash }),
      slots: keeper.run?.slots ?? [],
      problems: problemsOf(name).map(({ message }) => message),
    };
  };
  const put = async (record: JobRecord): Promise<JobInfo> => {
    await store.put(record);
    await keeperOf(record.name).settle();
    return info(store.all().get(record.name) ?? record); // another node may have put one after it
  };

  return {
    submit: async (submission) =>
      put(await prepareSubmission(root, submission, store.all(), services.topics)),
    async cancel(name) {
      const record = store.all().get(name);
      if (!record) {
        const known = [...store.all().keys()].join(", ") || "none";
        throw new PacestreamError("UNKNOWN_JOB", `there is no job "${name}"; known: ${known}`);
      }
      return put({ ...record, state: "cancelled" });
    },
    jobs: async () => [...store.all().values()].map(info),
    problems: () => [...store.all().keys()].flatMap(problemsOf),
    async stop() {
      stopped = true;
      await store.close();
      await Promise.all([...keepers.values()].map((keeper) => keeper.stop()));
      await pool.destroy();
    },
  };
}
