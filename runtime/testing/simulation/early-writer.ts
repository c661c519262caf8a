/**
 * The writer of results that do not wait for their epoch, over the simulated cluster: librdkafka's idempotent producer, batch after
 * batch, each asked again until it is known to be in the log.
 */
import { forEachFrame } from "../../kafka/frames.ts";
import type { EarlyWriter } from "../../kafka/log.ts";
import type { Cluster } from "./cluster.ts";
import { BROKEN } from "./network.ts";
import type { Thread } from "./world.ts";

const RETRY_MS = 40;
/** Now and then a leader takes its time: whoever does not wait for it shows. */
const SLOW_CHANCE = 0.1;
const SLOW_MS = 500;

interface Pending {
  readonly partition: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
}

export class SimulatedEarlyWriter implements EarlyWriter {
  readonly #cluster: Cluster;
  readonly #node: string;
  readonly #client: Thread;
  #given: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(cluster: Cluster, node: string, client: Thread) {
    this.#cluster = cluster;
    this.#node = node;
    this.#client = client;
  }

  write(topics: readonly string[], frames: Uint8Array): void {
    const records: Pending[] = [];
    forEachFrame(frames, ({ topic, partition, key, value, timestampMs }) => {
      const copies = { key: key && Buffer.from(key), value: value && Buffer.from(value) };
      records.push({ partition: `${topics[topic]}/${partition}`, timestampMs, ...copies });
    });
    this.#given = this.#given.then(() => this.#send(records));
    this.#given.catch(() => {}); // said by `settled`
  }

  settled(): Promise<void> {
    return this.#given;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #send(records: readonly Pending[]): Promise<void> {
    const byPartition = Map.groupBy(records, ({ partition }) => partition);
    for (const [partition, batch] of byPartition) await this.#sendBatch(partition, batch);
  }

  async #sendBatch(partition: string, batch: readonly Pending[]): Promise<void> {
    const { network, world } = this.#cluster;
    let isWritten = false;
    if (world.random.chance(SLOW_CHANCE)) await this.#pause(SLOW_MS);
    while (!this.#closed) {
      const answer = await network.ask(this.#node, this.#client, "Produce", () => {
        // A batch that was written already is acknowledged: its sequence number says so.
        if (!isWritten) this.#cluster.log(partition).append(batch, this.#cluster.brokerNow());
        isWritten = true;
        return undefined;
      });
      if (answer === undefined) return;
      if (answer !== BROKEN) throw new Error(`a record was not delivered: ${String(answer)}`);
      await this.#pause(RETRY_MS);
    }
    throw new Error("the writer is closed");
  }

  #pause(ms: number): Promise<void> {
    const { world } = this.#cluster;
    return new Promise((resolve) => world.after(world.random.latencyMs(ms), resolve, this.#client));
  }
}
