/**
 * What is under test: Kafka, ClickHouse, two or more nodes of the unmodified program, and a replay that loads them, all as
 * processes of one machine, with a proxy of its own on each way to a service.
 *
 * Owns: what starts and ends, in which order. What is done to it is `faults/`'s; what must hold is `verdict.ts`'s.
 *
 * CL1  However a run ends, `stop` leaves no process and no mount.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type ClickHouseConnection,
  clickHouseVariables,
  type KafkaConnection,
  kafkaVariables,
} from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import { TOKEN_VARIABLE, TRACKER_RECORDINGS } from "../cli/places.ts";
import { clickHouseOf } from "../embedded/accounts.ts";
import { type Child, startChild } from "../embedded/child.ts";
import { clickHouseSpec, clickHouseUrl, createDatabase } from "../embedded/clickhouse.ts";
import { openDataFolder } from "../embedded/data-folder.ts";
import { secret } from "../embedded/secrets.ts";
import { Brokers } from "./brokers.ts";
import { mountSmall, type SmallDisk } from "./disk.ts";
import { FreePorts } from "./free-ports.ts";
import { makeNextVersion } from "./next-version.ts";
import { type FaultProxy, type Impairment, openProxy } from "./proxy.ts";
import { Supervised } from "./supervised.ts";

export interface ClusterOptions {
  readonly dataDir: string;
  readonly brokers: 1 | 3;
  readonly nodes: number;
  /** Of the race to replay, and race seconds a second. */
  readonly raceFolder: string;
  readonly speed: number;
  /** Of the trackers, and how long they send. */
  readonly seed: number;
  readonly minutes: number;
  readonly random: () => number;
  /** Services' folders as file systems of their own, so that they can be full. */
  readonly smallDisks: boolean;
  readonly log: (line: string) => void;
  /** Gives starting up. */
  readonly signal: AbortSignal;
}

export const LOADER = "loader";
const TRACKERS = "trackers";
/** Two recordings, so many devices each, and from the first reading to the last of them all. */
const TRACKER_COPIES = 6;
const TRACKED_MINUTES = 270;
const DISK_MB = 1024;
const START_MAX_MS = 240_000;
const RESTART_AFTER_MS = 1_000;
/** So that a worker that runs out of memory does it in seconds, not when the machine has none left. */
const HEAP_MAX_MB = 512;
const AGENT = new URL("./agent.ts", import.meta.url).href;

export interface ChaosNode {
  readonly name: string;
  readonly url: string;
  readonly program: Supervised;
}

export class Cluster {
  readonly brokers: Brokers;
  readonly clickHouse: { readonly connection: ClickHouseConnection; readonly disk: SmallDisk | undefined };
  readonly #clickHouseChild: Child;
  readonly #clickHouseProxies: ReadonlyMap<string, FaultProxy>;
  readonly #options: ClusterOptions;
  #nodes: ChaosNode[] = [];
  #loader: Supervised | undefined;
  #trackers: Supervised | undefined;

  private constructor(
    options: ClusterOptions,
    brokers: Brokers,
    clickHouse: { child: Child; connection: ClickHouseConnection; disk: SmallDisk | undefined },
    proxies: ReadonlyMap<string, FaultProxy>,
  ) {
    this.#options = options;
    this.brokers = brokers;
    this.clickHouse = clickHouse;
    this.#clickHouseChild = clickHouse.child;
    this.#clickHouseProxies = proxies;
  }

  /** Services and nodes; resolves when every node is ready. The load starts with `load`. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { dataDir, nodes, random, smallDisks, log } = options;
    mkdirSync(dataDir, { recursive: true });
    const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`);
    const ports = new FreePorts();
    const brokers = await Brokers.start({
      dataDir,
      count: options.brokers,
      clients: [...names, LOADER],
      random,
      smallDisks,
      log,
    });
    const path = join(dataDir, "clickhouse");
    const disk = smallDisks ? mountSmall(path, DISK_MB, log) : undefined;
    let cluster: Cluster | undefined;
    let child: Child | undefined;
    try {
      const folder = await openDataFolder(path);
      const at = {
        kafka: 0,
        kafkaController: 0,
        clickHouseHttp: await ports.take(),
      };
      child = await startChild(clickHouseSpec(folder, at, log));
      const connection = clickHouseOf(folder.path, clickHouseUrl(at));
      await createDatabase(connection);
      const proxies = new Map<string, FaultProxy>();
      for (const name of names) proxies.set(name, await openProxy(at.clickHouseHttp, random));
      cluster = new Cluster(options, brokers, { child, connection, disk }, proxies);
      for (const name of names) cluster.#nodes.push(cluster.#startNode(name, await ports.take()));
      const ready = Promise.all(
        cluster.nodes.map(({ program }) => program.line((line) => line.includes("is ready"))),
      );
      ready.catch(() => undefined); // heard below, unless something else came first
      const late = AbortSignal.any([options.signal, AbortSignal.timeout(START_MAX_MS)]);
      await Promise.race([ready, once(late, "abort").then(() => Promise.reject(startError(options.signal)))]);
      return cluster;
    } catch (error) {
      if (cluster) await cluster.stop();
      else {
        await child?.stop();
        await brokers.stop();
        disk?.unmount();
      }
      throw error;
    }
  }

  /** What every node asks for before it changes something. */
  get token(): string {
    return secret(this.#options.dataDir, "control-token");
  }

  get nodes(): readonly ChaosNode[] {
    return this.#nodes;
  }

  /** The replay of the race. */
  get loader(): Supervised | undefined {
    return this.#loader;
  }

  /** All that sends: the replay of the race, and that of trackers. */
  get loads(): readonly Supervised[] {
    return [this.#loader, this.#trackers].filter((load) => load !== undefined);
  }

  /** Kafka as the harness itself reaches it. */
  get kafka(): KafkaConnection {
    return this.brokers.direct;
  }

  get clickHousePid(): number | undefined {
    return this.#clickHouseChild.pid();
  }

  /** Starts to replay the race, and beside it what trackers of other people send. */
  load(): void {
    const { speed, minutes, seed } = this.#options;
    this.#loader = this.#replay(String(speed));
    const which = ["--copies", String(TRACKER_COPIES), "--seed", String(seed), "--name", `chaos-${seed}`];
    const args = [...TRACKER_RECORDINGS, ...which, "--speed", String(Math.ceil(TRACKED_MINUTES / minutes))];
    this.#trackers = this.#load(TRACKERS, ["device", "replay"], args);
  }

  /** Replays what is left of the race as fast as it goes. Trackers stop: at that speed most of what they send would be late. */
  async hurry(): Promise<void> {
    await Promise.all(this.loads.map((load) => load.stop()));
    this.#trackers = undefined;
    if (!this.#loader?.done) this.#loader = this.#replay("max");
  }

  #replay(speed: string): Supervised {
    return this.#load(LOADER, ["race", "replay"], [this.#options.raceFolder, "--speed", speed]);
  }

  #load(name: string, command: readonly string[], args: readonly string[]): Supervised {
    const { dataDir, log } = this.#options;
    return new Supervised({
      name,
      command,
      args,
      env: kafkaVariables(this.brokers.connectionOf(LOADER)),
      stderrFile: join(dataDir, `${name}.err`),
      endsByItself: true,
      restartAfterMs: RESTART_AFTER_MS,
      log,
    });
  }

  /** The folder of the next version, which is made when it is first asked for. */
  nextVersion(): string {
    const folder = join(this.#options.dataDir, "next-version");
    if (!existsSync(folder)) makeNextVersion(folder);
    return folder;
  }

  impairClickHouse(node: string, impairment: Impairment): void {
    this.#clickHouseProxies.get(node)!.impair(impairment);
  }

  healClickHouse(node: string): void {
    this.#clickHouseProxies.get(node)!.heal();
  }

  /** Ways of programs that ended when nobody had asked for it. */
  get unexpectedEnds(): string[] {
    // The replay says why it cannot reach Kafka and ends: it is its manager that starts it again.
    return this.#nodes.flatMap(({ program }) => program.unexpected);
  }

  async stop(): Promise<void> {
    await Promise.all(this.loads.map((load) => load.stop()));
    await Promise.all(this.#nodes.map(({ program }) => program.stop()));
    const { disk } = this.clickHouse;
    disk?.free();
    await this.#clickHouseChild.stop();
    for (const proxy of this.#clickHouseProxies.values()) await proxy.close();
    disk?.unmount();
    await this.brokers.stop();
  }

  #startNode(name: string, port: number): ChaosNode {
    const { dataDir, log } = this.#options;
    const data = join(dataDir, name);
    mkdirSync(data, { recursive: true });
    const socket = join(data, "agent.sock");
    rmSync(socket, { force: true });
    const program = new Supervised({
      name,
      command: ["up"],
      args: ["--no-replay", "--data", data, "--port", String(port)],
      env: {
        ...kafkaVariables(this.brokers.connectionOf(name)),
        ...clickHouseVariables({
          ...this.clickHouse.connection,
          url: `http://127.0.0.1:${this.#clickHouseProxies.get(name)!.port}`,
        }),
        [TOKEN_VARIABLE]: this.token,
        CHAOS_AGENT_SOCKET: socket,
        NODE_OPTIONS: `--import=${AGENT} --max-old-space-size=${HEAP_MAX_MB} --disable-warning=ExperimentalWarning`,
      },
      stderrFile: join(data, "stderr"),
      restartAfterMs: RESTART_AFTER_MS,
      log,
    });
    return { name, url: `http://127.0.0.1:${port}`, program };
  }
}

function startError(signal: AbortSignal): Error {
  return signal.aborted
    ? new PacestreamError("STOPPED", "stopped before the cluster was up")
    : new PacestreamError(
        "CHAOS_START",
        `the nodes were not ready within ${START_MAX_MS / 1000} s: their logs lie in the run's folder`,
      );
}
