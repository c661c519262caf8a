/**
 * The services the program needs and was not given: an embedded Kafka, an embedded ClickHouse.
 *
 * Owns: which of them run, where, and the order of starting and stopping. A service named by the caller
 * is used as it is and never touched.
 *
 * V1  Everything listens on 127.0.0.1 only.
 * V2  Kafka stops last: whoever writes to ClickHouse notes in Kafka how far it came.
 * V3  However the last run ended, the next start cleans up after it and finds its data.
 */
import { join } from "node:path";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { clickHouseOf, kafkaOf } from "./accounts.ts";
import { type Child, startChild } from "./child.ts";
import { clickHouseSpec, clickHouseUrl, createDatabase } from "./clickhouse.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { kafkaSpec } from "./kafka.ts";
import { endLeftover } from "./os-process.ts";
import { choosePorts, isFree, type Ports } from "./ports.ts";

const START_ATTEMPTS = 3;

export interface EmbeddedOptions {
  /** Created where missing; one live program a folder. */
  readonly dataDir: string;
  /** Given: no embedded Kafka. */
  readonly kafka?: KafkaConnection | undefined;
  /** Given: no embedded ClickHouse. */
  readonly clickHouse?: ClickHouseConnection | undefined;
  readonly log: (line: string) => void;
  /** This port or an error; 0: any free one; absent: the one used before in this folder, else 9092, else a free one. */
  readonly kafkaPort?: number | undefined;
  /** As `kafkaPort`, for HTTP; usually 8123. */
  readonly clickHousePort?: number | undefined;
  /** Gives up starting; what has started by then is stopped, and its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface Services {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  /** The embedded children that run now. */
  readonly pids: () => { kafka?: number; clickHouse?: number };
  /** Stops what was started, Kafka last, and frees the data folder. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts what was not given and resolves when all of it answers. Call it from the main thread: children end
 * with the thread that started them.
 *
 * Errors: `DATA_FOLDER_IN_USE`; `CONFIG` where a port insisted on is taken or set-up has not run;
 * `EMBEDDED_START` with the end of the service's output. After an error nothing is left running.
 */
export async function startServices(options: EmbeddedOptions): Promise<Services> {
  const { log } = options;
  if (options.kafka && options.clickHouse) {
    return { kafka: options.kafka, clickHouse: options.clickHouse, pids: () => ({}), stop: async () => {} };
  }
  const folder = await openDataFolder(options.dataDir);
  let children: Children = {};
  const stop = async () => {
    await children.clickHouse?.stop();
    await children.kafka?.stop(); // V2
    folder.release();
  };
  try {
    await endLeftovers(folder, log);
    const { ports, ...started } = await startChildren(folder, options);
    children = started;
    const clickHouse = options.clickHouse ?? clickHouseOf(folder.path, clickHouseUrl(ports));
    if (children.clickHouse) await createDatabase(clickHouse);
    let stopped: Promise<void> | undefined;
    return {
      kafka: options.kafka ?? kafkaOf(folder.path, [`127.0.0.1:${ports.kafka}`]),
      clickHouse,
      pids: () => {
        const [kafka, clickHouse] = [children.kafka?.pid(), children.clickHouse?.pid()];
        return { ...(kafka && { kafka }), ...(clickHouse && { clickHouse }) };
      },
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Children {
  readonly kafka?: Child;
  readonly clickHouse?: Child;
}

/** V3: children of a run that was killed end with it; this finds one that was only being started then. */
async function endLeftovers(folder: DataFolder, log: (line: string) => void): Promise<void> {
  for (const name of ["kafka-format", "kafka", "clickhouse"]) {
    const pid = await endLeftover(join(folder.run, `${name}.json`), folder.path);
    if (pid) log(`ended ${name} (pid ${pid}), left over from an earlier run`);
  }
}

/** Starts both side by side. A port can be lost to another program between its choice and its use: choose again then. */
async function startChildren(
  folder: DataFolder,
  options: EmbeddedOptions,
): Promise<Children & { ports: Ports }> {
  const { log, signal } = options;
  const wishes = { kafka: options.kafkaPort, clickHouseHttp: options.clickHousePort };
  for (let attempt = 1; ; attempt++) {
    const ports = await choosePorts(join(folder.run, "ports.json"), {
      ...wishes,
      ...(wishes.kafka !== undefined && { kafkaController: 0 }),
    });
    const [kafka, clickHouse] = await Promise.allSettled([
      options.kafka
        ? undefined
        : kafkaSpec(folder, ports, log, {}, signal).then((spec) => startChild(spec, signal)),
      options.clickHouse ? undefined : startChild(clickHouseSpec(folder, ports, log), signal),
    ]);
    if (kafka.status === "fulfilled" && clickHouse.status === "fulfilled") {
      return {
        ports,
        ...(kafka.value && { kafka: kafka.value }),
        ...(clickHouse.value && { clickHouse: clickHouse.value }),
      };
    }
    for (const started of [clickHouse, kafka])
      if (started.status === "fulfilled") await started.value?.stop();
    signal?.throwIfAborted();
    const free = await Promise.all(Object.values(ports).map(isFree));
    if (attempt === START_ATTEMPTS || free.every(Boolean)) {
      throw kafka.status === "rejected" ? kafka.reason : (clickHouse as PromiseRejectedResult).reason;
    }
    log("a port was taken by another program meanwhile; choosing again");
  }
}
