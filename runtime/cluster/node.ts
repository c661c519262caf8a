/**
 * A node: one process that runs its share of every job. All nodes are the same program and there is no master: which jobs
 * shall run stands in a topic (job-store.ts), who runs which slot is settled by Kafka's group protocol (membership.ts).
 */
import type { Registry } from "prom-client";
import type { KafkaConnection } from "../config.ts";
import { PacestreamError } from "../errors.ts";
import { RuntimeMetrics } from "../metrics/task-metrics.ts";
import type { EpochSettings } from "../worker/messages.ts";
import { createWorkerPool } from "../worker/pool.ts";
import { JobRun } from "./job-run.ts";
import { kafkaServices } from "./job-services.ts";
import { JOBS_TOPIC, type JobRecord, openJobStore } from "./job-store.ts";
import { loadJob } from "./load-job.ts";

export interface NodeOptions {
  readonly kafka: KafkaConnection;
  readonly registry: Registry;
  readonly log: (line: string) => void;
  /** The folder that job modules are named from. Default: the working directory. */
  readonly root?: string;
  readonly epochs?: Partial<EpochSettings>;
  /** Where it stands which jobs shall run: nodes of one topic are one cluster. Default: `pacestream.jobs`. */
  readonly jobsTopic?: string;
}

export interface JobInfo {
  readonly name: string;
  readonly module: string;
  readonly parallelism: number;
  readonly state: "running" | "cancelled" | "failed";
  readonly submittedMs: number;
  /** Slots that this node runs. */
  readonly slots: readonly number[];
  /** Why it failed to start here, or what its stages failed with last. */
  readonly problems: readonly string[];
}

export interface RuntimeNode {
  /** Checks the job and has every node run it. @throws JobError, before anything is stored, when its author made a mistake. */
  submit(job: { readonly module: string; readonly parallelism?: number }): Promise<JobInfo>;
  /** Stops it on every node; its state and topics stay. @throws PacestreamError UNKNOWN_JOB */
  cancel(name: string): Promise<JobInfo>;
  jobs(): Promise<JobInfo[]>;
  /** Commits what is under way, gives the slots back, ends the workers. The jobs go on elsewhere. */
  stop(): Promise<void>;
}

const PARALLELISM_DEFAULT = 2;
const EPOCHS_DEFAULT: EpochSettings = { intervalMs: 100, bytesMax: 8 << 20 };

export async function startNode(options: NodeOptions): Promise<RuntimeNode> {
  const { kafka, log, root = process.cwd() } = options;
  const metrics = new RuntimeMetrics(options.registry);
  const pool = createWorkerPool();
  const services = kafkaServices(kafka, pool, root);
  const epochs: EpochSettings = { ...EPOCHS_DEFAULT, ...options.epochs };
  const runs = new Map<string, JobRun>();
  const startFailures = new Map<string, string>();
  /** Changes of one job happen one after the other. */
  const queues = new Map<string, Promise<void>>();
  let stopped = false;

  const settle = async (name: string): Promise<void> => {
    const wanted = store.all().get(name);
    const run = runs.get(name);
    const same = run && wanted?.state === "running" && run.record.submittedMs === wanted.submittedMs;
    if (same && !stopped) return;
    if (run) {
      runs.delete(name);
      await run.stop();
    }
    if (stopped || wanted?.state !== "running") return;
    const fresh = new JobRun({ record: wanted, root, kafka, services, epochs, metrics, log });
    try {
      await fresh.start();
      runs.set(name, fresh);
      startFailures.delete(name);
      log(`job ${name}: running, parallelism ${wanted.parallelism}`);
    } catch (error) {
      startFailures.set(name, (error as Error).message);
      log(`job ${name}: ${(error as Error).message}`);
    }
  };
  const enqueue = (name: string): Promise<void> => {
    const next = (queues.get(name) ?? Promise.resolve()).then(() => settle(name));
    queues.set(name, next);
    return next;
  };

  const early: string[] = [];
  let opened = false;
  const store = await openJobStore(
    kafka,
    options.jobsTopic ?? JOBS_TOPIC,
    (record) => (opened ? void enqueue(record.name) : early.push(record.name)),
    log,
  );
  opened = true;
  for (const name of new Set(early)) void enqueue(name);

  const info = (record: JobRecord): JobInfo => {
    const run = runs.get(record.name);
    const failure = startFailures.get(record.name);
    return {
      name: record.name,
      module: record.module,
      parallelism: record.parallelism,
      state: record.state === "running" && failure ? "failed" : record.state,
      submittedMs: record.submittedMs,
      slots: run?.slots ?? [],
      problems: failure
        ? [failure]
        : [...(run?.failures ?? [])].map(([stage, reason]) => `${stage}: ${reason}`),
    };
  };
  const put = async (record: JobRecord): Promise<JobInfo> => {
    await store.put(record);
    await enqueue(record.name);
    return info(store.all().get(record.name) ?? record); // another node may have put one after it
  };

  return {
    async submit({ module, parallelism = PARALLELISM_DEFAULT }) {
      if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > 1024) {
        throw new PacestreamError(
          "BAD_PARALLELISM",
          `parallelism ${parallelism}: give a whole number from 1 to 1024`,
        );
      }
      const plan = await loadJob(root, module);
      return put({ name: plan.job, module, parallelism, state: "running", submittedMs: Date.now() });
    },
    async cancel(name) {
      const record = store.all().get(name);
      if (!record) {
        const known = [...store.all().keys()].join(", ") || "none";
        throw new PacestreamError("UNKNOWN_JOB", `there is no job "${name}"; known: ${known}`);
      }
      return put({ ...record, state: "cancelled" });
    },
    jobs: async () => [...store.all().values()].map(info),
    async stop() {
      stopped = true;
      await store.close();
      await Promise.all([...runs.keys()].map(enqueue));
      await Promise.all(queues.values());
      await pool.destroy();
    },
  };
}
