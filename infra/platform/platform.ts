/**
 * Everything of Pacestream in one process: services, a runtime node with the jobs, the sink, the API on a thread of its own.
 *
 * Owns: what starts after what, and that all of it ends. What each part does is the part's.
 *
 * O1  Parts end in the reverse of the order they started in: first who talks to people, last who keeps the data.
 * O2  When a part does not start, those before it end before the error is thrown.
 * O3  Asked to stop while it starts, it starts nothing more, waits for nothing that is not a part, and ends what has started.
 */
import { once } from "node:events";
import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { HealthDataRule } from "../../api/security.ts";
import type { Api } from "../../api/server.ts";
import { type ApiThread, type ApiThreadOptions, openApiThread } from "../../api/thread/index.ts";
import { prepareOuterTopics } from "../../runtime/cluster/job-topology.ts";
import { type LoadedJob, loadJob } from "../../runtime/cluster/load-job.ts";
import { type RuntimeNode, startNode } from "../../runtime/cluster/node.ts";
import {
  type ClickHouseConnection,
  type KafkaConnection,
  threadsFromEnvironment,
} from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import type { PlanDescription } from "../../runtime/graph/describe.ts";
import type { Problem } from "../../runtime/health.ts";
import { topicAdmin } from "../../runtime/kafka/admin.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { type ClickHouseSink, startClickHouseSink } from "../../runtime/sinks/clickhouse/index.ts";
import type { Race } from "../../schemas/index.ts";
import { applyMigrations } from "../clickhouse/migrate.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { isFree, mustBeFree } from "../embedded/ports.ts";
import { startServices } from "../embedded/services.ts";
import { ensureRaceTopics } from "../replay/kafka-replay.ts";
import { acknowledgementDesk } from "./alerts.ts";
import { correctionDesk, jobControl } from "./control.ts";
import { announceRace, DEVICE_TABLES, loadDeviceJobs, prepareDevices } from "./devices.ts";

export interface PlatformOptions {
  /** The project's folder: jobs are named from it. */
  readonly root: string;
  readonly dataDir: string;
  readonly host: string;
  /** The API's port; `undefined`: 8080, or the next one that is free. */
  readonly port: number | undefined;
  /** Given: nothing embedded in its place. */
  readonly kafka: KafkaConnection | undefined;
  readonly clickHouse: ClickHouseConnection | undefined;
  /** Slots of the leaderboard; `undefined`: as many as it has, or two. */
  readonly parallelism: number | undefined;
  /** Also what devices send: the jobs of it, and what they make. */
  readonly devices: boolean;
  /** Asked for by calls that change something. */
  readonly controlToken: string;
  readonly healthData: HealthDataRule;
  /** Gives up starting: `startPlatform` throws its reason. */
  readonly signal: AbortSignal;
  /** What people should see. */
  readonly tell: (line: string) => void;
  /** The details. */
  readonly logger: Logger;
}

export interface Platform {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  /** Base address of API and board. */
  readonly url: string;
  readonly node: RuntimeNode;
  readonly sink: ClickHouseSink;
  readonly leaderboard: PlanDescription;
  /** A race is to be replayed: the jobs are told what they have to know of it. */
  announce(race: Race): Promise<void>;
  stop(): Promise<void>;
}

/** One sink a cluster, whichever node it works on. */
export const SINK_NAME = "clickhouse-sink";
/** Path from the project's folder. */
const LEADERBOARD_MODULE = "jobs/marathon-leaderboard.ts";
/** How long a part may take to end before the next one's turn comes. */
const STOP_MAX_MS = 15_000;
const PARALLELISM_DEFAULT = 2;
/** Of the jobs of what devices send: each task is a thread, and three jobs share the machine. */
const DEVICE_PARALLELISM = 1;
/** What keeps a job from running as its file is now, while the version before can. */
const STAYS_AS_IT_IS: ReadonlySet<string> = new Set(["UPGRADE", "JOB_NAME_TAKEN"]);
const PORT_DEFAULT = 8080;
const LOOP_LOOKS_EVERY_MS = 100;
/** Ports tried after the usual one, before any. */
const PORTS_TRIED = 50;

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { root, logger, devices, host, port, signal } = options;
  await mustBeFree(host, port ?? 0);
  const log = (line: string) => logger.info(line);
  const parts = new Parts(log);
  const threads = threadsFromEnvironment();
  try {
    // First: it loads while the services start.
    const apiThread = await parts.start("api thread", Promise.resolve(openApiThread()), (it) => it.close());
    const loading = Promise.all([
      loadJob(root, LEADERBOARD_MODULE),
      devices ? loadDeviceJobs(root) : undefined,
    ]);
    loading.catch(() => {}); // thrown where it is waited for
    const services = await parts.start("services", startServices({ ...options, log: options.tell }), (it) =>
      it.stop(),
    );
    const { kafka, clickHouse } = services;
    const registry = new Registry();
    /** Each part that can be stuck says here what is. */
    const stuck: (() => readonly Problem[])[] = [];
    // A loop that is looked at a hundred times a second is never idle.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOKS_EVERY_MS });

    const [leaderboard, deviceJobs] = await unless(signal, loading);
    const prepare = async () => {
      await ensureRaceTopics(kafka);
      await prepareOuterTopics(topicAdmin(kafka), leaderboard);
      if (deviceJobs) await prepareDevices(kafka, deviceJobs);
    };
    await unless(signal, Promise.all([prepare(), applyMigrations(clickHouse)]));

    const sinkOptions = {
      kafka,
      clickHouse,
      name: SINK_NAME,
      tables: devices ? [...RESULT_TABLES, ...DEVICE_TABLES] : RESULT_TABLES,
      makeTables: () => applyMigrations(clickHouse),
      warn: (line: string) => logger.warn(line),
    };
    const [sink, node, producer] = await Promise.all([
      parts.start("sink", startClickHouseSink({ ...sinkOptions, registry, log }), (it) => it.stop()),
      parts.start("node", startNode({ kafka, registry, log, root, threads }), (it) => it.stop()),
      parts.start("producer", createProducer(kafka, { clientId: "pacestream-desks" }), (it) => it.close()),
    ]);
    signal.throwIfAborted(); // O3
    stuck.push(
      () => node.problems(),
      () => sink.problems(),
    );
    const apiOptions = {
      kafka,
      registry,
      problems: () => stuck.flatMap((problems) => problems()),
      log: logger,
      jobs: jobControl(node),
      corrections: await correctionDesk(kafka, producer),
      ...(devices && {
        acknowledgements: await acknowledgementDesk(kafka, producer),
        athletes: clickHouse,
      }),
      controlToken: options.controlToken,
      healthData: options.healthData,
    };
    const starting = Promise.all([
      parts.start("api", listen(apiThread, options, apiOptions), (it) => it.close()),
      submit(node, leaderboard, options.parallelism, options.tell),
      ...Object.values(deviceJobs ?? {}).map((job: LoadedJob) => submit(node, job, undefined, options.tell)),
    ]);
    const [api] = await unless(signal, starting);
    await unless(signal, api.ready);
    const announce = (race: Race) => announceRace(kafka, producer, race);
    return {
      kafka,
      clickHouse,
      url: api.url,
      node,
      sink,
      leaderboard,
      announce: devices ? announce : async () => undefined,
      stop: () => parts.stop(),
    };
  } catch (error) {
    await parts.stop(); // O2
    throw error;
  }
}

/** O3: what `promise` resolves to, unless `signal` comes first: then its reason is thrown. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const done = new AbortController();
  const asked = once(signal, "abort", { signal: done.signal }).then(() => signal.throwIfAborted());
  try {
    return (await Promise.race([promise, asked])) as T;
  } finally {
    done.abort();
    for (const left of [promise, asked]) left.catch(() => {});
  }
}

async function listen(
  thread: ApiThread,
  { host, port }: PlatformOptions,
  options: Omit<ApiThreadOptions, "port" | "host">,
): Promise<Api> {
  if (port !== undefined) return thread.serve({ ...options, host, port });
  let free = PORT_DEFAULT;
  while (free < PORT_DEFAULT + PORTS_TRIED && !(await isFree(free))) free++;
  // Somebody may take it before we do: then any will do.
  return thread.serve({ ...options, host, port: free, portFallback: true });
}

/** Has a job run as its file is now, unless it does, or somebody cancelled it. */
async function submit(
  node: RuntimeNode,
  { job: name, code }: LoadedJob,
  parallelism: number | undefined,
  tell: PlatformOptions["tell"],
): Promise<void> {
  const { module } = code;
  const known = (await node.jobs()).find((job) => job.name === name);
  if (known?.state === "cancelled") {
    tell(`The job ${name} was cancelled; it goes on after: npx pace submit ${module}`);
    return;
  }
  const isSame = known?.codeHash === code.hash && (parallelism ?? known.parallelism) === known.parallelism;
  if (known && isSame) return;
  const byDefault = module === LEADERBOARD_MODULE ? PARALLELISM_DEFAULT : DEVICE_PARALLELISM;
  try {
    await node.submit({ module, parallelism: parallelism ?? known?.parallelism ?? byDefault });
  } catch (error) {
    if (!known || !(error instanceof PacestreamError) || !STAYS_AS_IT_IS.has(error.code)) throw error;
    tell(`The job ${name} goes on as it was submitted before: ${error.message}`);
  }
}

/** What has started, and how it ends (O1). */
class Parts {
  readonly #ends: { readonly name: string; readonly end: () => Promise<void> }[] = [];
  readonly #starting = new Set<Promise<unknown>>();
  readonly #log: (line: string) => void;
  #stopped: Promise<void> | undefined;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  async start<T>(name: string, starting: Promise<T>, end: (part: T) => Promise<void>): Promise<T> {
    const started = starting.then((part) => {
      this.#ends.push({ name, end: () => end(part) });
      return part;
    });
    this.#starting.add(started);
    return started;
  }

  /** May be called more than once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#starting); // one that fails leaves others that start beside it
    for (let part = this.#ends.pop(); part; part = this.#ends.pop()) {
      const startedMs = performance.now();
      await inTime(part.end(), STOP_MAX_MS).catch((error: Error) =>
        this.#log(`stopping ${part?.name}: ${error.message}`),
      );
      this.#log(`stopped ${part.name} in ${Math.round(performance.now() - startedMs)} ms`);
    }
  }
}

async function inTime(ending: Promise<void>, maxMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ended after ${maxMs / 1000} s; left behind`)), maxMs);
  });
  await Promise.race([ending, late]).finally(() => clearTimeout(timer));
}
