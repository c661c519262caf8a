/**
 * The Kafka under test: one broker, or three that are a cluster (KRaft, each its own controller), with a listener for every
 * client that is to have faults of its own.
 *
 * A client is told by a broker to come back at the listener it came in at. So each client has its own listener on every
 * broker, whose advertised port is that of a proxy: nothing it says to any broker goes past its proxies.
 *
 * B1  The harness's own readers use a listener without a proxy.
 * B2  Where a disk is to be full, every broker's folder is a small file system of its own, if the system allows mounting one.
 *     What it holds is copied beside it at the end, for whoever looks into what went wrong.
 */
import { join } from "node:path";
import type { KafkaConnection } from "../../runtime/config.ts";
import { kafkaAccount } from "../embedded/accounts.ts";
import { type Child, startChild } from "../embedded/child.ts";
import { openDataFolder } from "../embedded/data-folder.ts";
import { kafkaSpec, newClusterId } from "../embedded/kafka.ts";
import { secret } from "../embedded/secrets.ts";
import { mountSmall, type SmallDisk } from "./disk.ts";
import { FreePorts } from "./free-ports.ts";
import { type FaultProxy, type Impairment, openProxy } from "./proxy.ts";

export interface BrokersOptions {
  readonly dataDir: string;
  readonly count: 1 | 3;
  /** Who gets a listener of its own. */
  readonly clients: readonly string[];
  readonly random: () => number;
  /** B2. */
  readonly smallDisks: boolean;
  readonly log: (line: string) => void;
}

const HEAP_MAX_MB = { 1: 512, 3: 320 } as const;
const DISK_MB = 1536;

/**
 * So short that a run has all of it: transactional ids that expire (fault 31), compaction at any moment (18), tombstones that
 * are gone before a slow restore is done (19).
 */
const CHAOTIC = {
  "transactional.id.expiration.ms": 60_000,
  "transaction.remove.expired.transaction.cleanup.interval.ms": 2_000,
  "log.cleaner.backoff.ms": 1_000,
  "log.cleaner.delete.retention.ms": 1_000,
  "log.roll.ms": 60_000,
};

const REPLICATED = {
  "default.replication.factor": 3,
  "min.insync.replicas": 2,
  "offsets.topic.replication.factor": 3,
  "transaction.state.log.replication.factor": 3,
  "transaction.state.log.min.isr": 2,
  "share.coordinator.state.topic.replication.factor": 3,
};

interface Broker {
  readonly child: Child;
  readonly isReady: () => boolean;
  readonly disk: SmallDisk | undefined;
  readonly directPort: number;
  readonly proxies: ReadonlyMap<string, FaultProxy>;
}

export class Brokers {
  readonly #brokers: readonly Broker[];
  readonly #password: string;

  private constructor(brokers: readonly Broker[], password: string) {
    this.#brokers = brokers;
    this.#password = password;
  }

  static async start(options: BrokersOptions): Promise<Brokers> {
    const { count, clients, dataDir, log, random, smallDisks } = options;
    const ports = new FreePorts();
    const clusterId = newClusterId();
    const password = secret(dataDir, "kafka");
    const plans = await Promise.all(
      Array.from({ length: count }, async (_, index) => ({
        id: index + 1,
        direct: await ports.take(),
        controller: await ports.take(),
        lanes: new Map(
          await Promise.all(
            clients.map(async (client): Promise<[string, { listener: number; proxy: FaultProxy }]> => {
              const listener = await ports.take();
              return [client, { listener, proxy: await openProxy(listener, random) }];
            }),
          ),
        ),
      })),
    );
    const voters = plans.map(({ id, controller }) => `${id}@127.0.0.1:${controller}`).join(",");
    const started = await Promise.allSettled(
      plans.map(async ({ id, direct, controller, lanes }): Promise<Broker> => {
        const path = join(dataDir, `broker-${id}`);
        const disk = smallDisks ? mountSmall(path, DISK_MB, log) : undefined; // B2
        const folder = await openDataFolder(path);
        const listeners = [...lanes].map(([client, { listener, proxy }]) => ({
          name: listenerOf(client),
          port: listener,
          advertisedPort: proxy.port,
        }));
        const properties = {
          "node.id": id,
          "controller.quorum.voters": voters,
          ...CHAOTIC,
          ...(count === 3 && REPLICATED),
        };
        const spec = await kafkaSpec(
          folder,
          { kafka: direct, kafkaController: controller, clickHouseHttp: 0 },
          log,
          { name: `broker ${id}`, clusterId, password, listeners, properties, heapMaxMb: HEAP_MAX_MB[count] },
        );
        const child = await startChild(spec);
        const proxies = new Map([...lanes].map(([client, { proxy }]) => [client, proxy]));
        const isReady = () => spec.isReady() === true;
        return { child, isReady, disk, directPort: direct, proxies };
      }),
    );
    const brokers = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const cluster = new Brokers(brokers, password);
    const failed = started.find((result) => result.status === "rejected");
    if (failed) {
      await cluster.stop();
      throw failed.reason;
    }
    return cluster;
  }

  get count(): number {
    return this.#brokers.length;
  }

  /** B1. */
  get direct(): KafkaConnection {
    return this.#connectionAt(({ directPort }) => directPort);
  }

  connectionOf(client: string): KafkaConnection {
    return this.#connectionAt(({ proxies }) => proxies.get(client)!.port);
  }

  #connectionAt(portOf: (broker: Broker) => number): KafkaConnection {
    return kafkaAccount(
      this.#brokers.map((broker) => `127.0.0.1:${portOf(broker)}`),
      this.#password,
    );
  }

  pid(index: number): number | undefined {
    return this.#brokers[index]!.child.pid();
  }

  /** As it says itself since its last start. */
  isReady(index: number): boolean {
    return this.#brokers[index]!.isReady();
  }

  disk(index: number): SmallDisk | undefined {
    return this.#brokers[index]!.disk;
  }

  /** On all ways of this client to any broker; `make` is called once a proxy. */
  impair(client: string, make: () => Impairment): void {
    for (const { proxies } of this.#brokers) proxies.get(client)!.impair(make());
  }

  heal(client: string): void {
    for (const { proxies } of this.#brokers) proxies.get(client)!.heal();
  }

  async stop(): Promise<void> {
    for (const { disk } of this.#brokers) disk?.free();
    await Promise.all(this.#brokers.map(({ child }) => child.stop()));
    for (const { proxies, disk } of this.#brokers) {
      for (const proxy of proxies.values()) await proxy.close();
      disk?.unmount();
    }
  }
}

const listenerOf = (client: string) => client.toUpperCase().replaceAll("-", "");
