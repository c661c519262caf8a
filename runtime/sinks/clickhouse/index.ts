/**
 * Kafka result topics → ClickHouse tables, each committed record exactly once. See protocol.ts for how.
 *
 * Owns when the sink works: while this node holds the lease (the only partition of `NAME-ranges`, dealt out by Kafka's
 * group protocol), session after session. The lease says who should work; that nobody else's work counts is fencing by the
 * sink's transactional id (X5).
 *
 * K1  A session starts from what Kafka holds and nothing else; whatever goes wrong in one, the next starts anew.
 * K2  Memory is bounded by two batches a table: the one being inserted and the one being filled.
 * K3  Result topics are not compacted, and their retention is longer than the sink may be away: a range that was announced
 *     and not inserted is read again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { ClickHouseConnection, KafkaConnection } from "../../config.ts";
import { PacestreamError } from "../../errors.ts";
import type { PartitionReader } from "../../kafka/log.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import { Announcements, keyOf } from "./announcements.ts";
import type { SinkTable } from "./batch.ts";
import { Inserter } from "./inserter.ts";
import { holdLease, type Lease } from "./lease.ts";
import { SinkMetrics } from "./metrics.ts";
import { Pipeline } from "./pipeline.ts";
import { type End, pauseMs } from "./protocol.ts";

export type { SinkTable } from "./batch.ts";
export { type Reconciliation, reconcile } from "./reconcile.ts";

export interface ClickHouseSinkOptions {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  /** Their topics exist; their tables too (infra/clickhouse/migrate.ts). */
  readonly tables: readonly SinkTable[];
  /** Of the sink in the cluster: its transactional id, its group, and `NAME-ranges`, its topic. One database a name. */
  readonly name?: string;
  /** Exists. */
  readonly deadLetterTopic?: string;
  readonly log: (line: string) => void;
  /** Where the sink's metrics are registered. */
  readonly registry?: Registry;
  /** Records of one insert, at most. */
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
  /** How long a first record waits for others. */
  readonly lingerMs?: number;
  /** From one insert of a table to the next, unless a batch is full: ClickHouse likes few, large inserts. */
  readonly insertEveryMs?: number;
}

export interface ClickHouseSink {
  /** `topic/partition` → every committed record before this offset is in ClickHouse. Empty while another node works. */
  progress(): Map<string, number>;
  /**
   * Resolves when every record committed before this call is in ClickHouse (or was set apart). Waits while ClickHouse is away
   * and while another node holds the lease.
   */
  caughtUp(): Promise<void>;
  /** What it does, in a word: `standing by` while another node works. */
  readonly state: "standing by" | "working" | "stopped";
  /** Ends after the step under way; what is left is taken up by the next start. */
  stop(): Promise<void>;
}

const CAUGHT_UP_EVERY_MS = 20;

/** Starts the sink; it works from the moment it gets the lease. Main thread only. */
export async function startClickHouseSink(options: ClickHouseSinkOptions): Promise<ClickHouseSink> {
  const sink = new RunningSink(options);
  await sink.start();
  return sink;
}

class RunningSink implements ClickHouseSink {
  readonly #options: ClickHouseSinkOptions;
  readonly #name: string;
  readonly #metrics: SinkMetrics;
  readonly #pipelines = new Map<SinkTable, Pipeline>();
  #lease: Lease | undefined;
  /** While the lease is held. */
  #tenure: { readonly ending: AbortController; readonly ended: Promise<void> } | undefined;
  /** Resolves when the last tenure that was told to end has ended. */
  #ending: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ClickHouseSinkOptions) {
    this.#options = options;
    this.#name = options.name ?? "clickhouse-sink";
    this.#metrics = new SinkMetrics(options.registry);
  }

  async start(): Promise<void> {
    const { kafka, log } = this.#options;
    this.#lease = await holdLease({
      kafka,
      name: this.#name,
      log,
      onHeld: () => {
        if (this.#stopped) return;
        const ending = new AbortController();
        // A tenure that is still ending goes on to its end first: they share the pipelines.
        const before = this.#ending;
        this.#tenure = { ending, ended: before.then(() => this.#work(ending.signal)) };
      },
      onLost: () => this.#endTenure(),
    });
  }

  get state(): ClickHouseSink["state"] {
    if (this.#stopped) return "stopped";
    return this.#tenure ? "working" : "standing by";
  }

  progress(): Map<string, number> {
    const progress = new Map<string, number>();
    for (const [{ topic }, pipeline] of this.#pipelines) {
      pipeline.progress()?.forEach((offset, partition) => {
        progress.set(`${topic}/${partition}`, offset);
      });
    }
    return progress;
  }

  async caughtUp(): Promise<void> {
    const reader = createPartitionReader(this.#options.kafka, { clientId: this.#name });
    const targets: { key: string; end: number }[] = [];
    try {
      for (const { topic } of this.#options.tables) {
        const count = await reader.partitionCount(topic);
        const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
        const offsets = await reader.offsets(partitions);
        offsets.forEach(({ end }, partition) => {
          targets.push({ key: `${topic}/${partition}`, end });
        });
      }
    } finally {
      await reader.close();
    }
    for (;;) {
      const progress = this.progress();
      if (targets.every(({ key, end }) => (progress.get(key) ?? -1) >= end)) return;
      if (this.#stopped)
        throw new PacestreamError(
          "SINK_STOPPED",
          `${this.#name} was stopped before it had caught up`,
          "retry",
        );
      await sleep(CAUGHT_UP_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#endTenure();
    await this.#lease?.release();
  }

  async #endTenure(): Promise<void> {
    const tenure = this.#tenure;
    this.#tenure = undefined;
    tenure?.ending.abort();
    if (tenure) this.#ending = tenure.ended;
    await this.#ending;
  }

  /** Sessions, one after the other, until the lease is lost. */
  async #work(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = performance.now();
      const failure = await this.#session(signal).catch((error: unknown) =>
        String((error as Error).message ?? error),
      );
      this.#pipelines.clear();
      if (failure === undefined) continue;
      if (performance.now() - startedMs > 60_000) failures = 0;
      failures++;
      const pause = pauseMs(failures);
      log(`${this.#name}: ${failure}; starting over in ${pause} ms`);
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }

  /** @returns why it ended early; undefined after an abort. */
  async #session(signal: AbortSignal): Promise<string | undefined> {
    const { kafka, clickHouse, tables, log } = this.#options;
    const announcements = new Announcements({
      kafka,
      name: this.#name,
      deadLetterTopic: this.#options.deadLetterTopic ?? "dead-letters",
      log,
    });
    const inserter = new Inserter(clickHouse);
    const readers: PartitionReader[] = [];
    const openReader = () => {
      const reader = createPartitionReader(kafka, { clientId: this.#name, log });
      readers.push(reader);
      return reader;
    };
    try {
      const latest = await announcements.open(openReader());
      for (const table of tables) {
        const pipeline = new Pipeline({
          table,
          reader: openReader(),
          announcements,
          inserter,
          metrics: this.#metrics,
          log,
          limits: {
            rowsMax: this.#options.batchRowsMax ?? 100_000,
            bytesMax: this.#options.batchBytesMax ?? 32 * 1024 * 1024,
          },
          lingerMs: this.#options.lingerMs ?? 150,
          insertEveryMs: this.#options.insertEveryMs ?? 1000,
        });
        this.#pipelines.set(table, pipeline);
      }
      const stopAll = () => {
        for (const pipeline of this.#pipelines.values()) pipeline.stop();
      };
      signal.addEventListener("abort", stopAll);
      if (signal.aborted) stopAll();
      // One that ends takes the others with it: they share the transactional id.
      const runs = [...this.#pipelines].map(([table, pipeline]) =>
        pipeline.run(latest.get(keyOf(table))).finally(stopAll),
      );
      const ends = await Promise.allSettled(runs);
      signal.removeEventListener("abort", stopAll);
      return whyEnded(ends);
    } finally {
      await Promise.allSettled([
        announcements.close(),
        inserter.close(),
        ...readers.map((reader) => reader.close()),
      ]);
    }
  }
}

function whyEnded(ends: readonly PromiseSettledResult<End | undefined>[]): string | undefined {
  for (const end of ends) {
    if (end.status === "rejected") return String((end.reason as Error).message ?? end.reason);
  }
  for (const end of ends) {
    if (end.status === "fulfilled" && end.value) return `${end.value.why}: ${end.value.reason}`;
  }
  return undefined;
}
