/**
 * The simulated Kafka cluster: topics, leaders, the coordinators. Clients reach it through the network only.
 */
import type { TopicAdmin, TopicSpec } from "../../kafka/admin.ts";
import { Coordinator } from "./coordinator.ts";
import { GroupCoordinator } from "./group.ts";
import { Network } from "./network.ts";
import { PartitionLog } from "./partition-log.ts";
import { BEGIN_MS } from "./thread-time.ts";
import type { World } from "./world.ts";

export interface SimulatedTopic {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly PartitionLog[];
  readonly leaders: number[];
  readonly compacted: boolean;
}

export const BROKERS = 3;

export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly coordinator: Coordinator;
  readonly group: GroupCoordinator;
  readonly topics = new Map<string, SimulatedTopic>();
  readonly #logs = new Map<string, PartitionLog>();

  constructor(world: World) {
    this.world = world;
    this.network = new Network(world);
    this.coordinator = new Coordinator(world, this);
    this.group = new GroupCoordinator(world);
  }

  /** A broker's clock: Unix milliseconds. */
  brokerNow(): number {
    return BEGIN_MS + Math.floor(this.world.nowMs);
  }

  /** @param id `topic/partition` */
  log(id: string): PartitionLog {
    return this.#logs.get(id)!;
  }

  get logs(): IterableIterator<PartitionLog> {
    return this.#logs.values();
  }

  readonly admin: TopicAdmin = {
    describeTopics: async (names) =>
      new Map(names.flatMap((name) => (this.topics.has(name) ? [[name, this.partitionCount(name)]] : []))),
    ensureTopics: async (specs) => {
      for (const spec of specs) if (!this.topics.has(spec.topic)) this.#create(spec);
    },
  };

  partitionCount(topic: string): number {
    return this.topics.get(topic)!.partitions.length;
  }

  /** One partition's leadership moves: who asks the old leader is told so. */
  moveLeaders(): void {
    for (const { leaders } of this.topics.values())
      for (let i = 0; i < leaders.length; i++)
        if (this.world.random.chance(0.3)) leaders[i] = this.world.random.between(1, BROKERS);
    this.world.mark("leaders moved");
  }

  /** Compacts what is to be compacted, leaving a tail of its own length in each partition. */
  compact(keepTombstonesMs: number): void {
    const { random } = this.world;
    for (const { partitions, compacted } of this.topics.values()) {
      if (!compacted) continue;
      for (const log of partitions) {
        const { removed, tombstones } = log.compact(random.between(1, 8), this.brokerNow(), keepTombstonesMs);
        if (removed > 0) this.world.mark("records compacted");
        if (tombstones > 0) this.world.mark("tombstones compacted");
      }
    }
  }

  #create({ topic, partitions, config }: TopicSpec): void {
    const logs = Array.from(
      { length: partitions },
      (_, partition) => new PartitionLog(topic, partition, () => this.world.nowMs),
    );
    for (const log of logs) this.#logs.set(`${topic}/${log.partition}`, log);
    this.topics.set(topic, {
      name: topic,
      id: `id-${topic}`,
      partitions: logs,
      leaders: logs.map(() => this.world.random.between(1, BROKERS)),
      compacted: config?.["cleanup.policy"] === "compact",
    });
  }
}
