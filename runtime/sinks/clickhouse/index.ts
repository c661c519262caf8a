/**
 * Kafka result topics → ClickHouse tables, each committed record exactly once. See protocol.ts for how.
 *
 * Owns when the sink works: while this node holds the lease (the only partition of `NAME-ranges`, dealt out by Kafka's
 * group protocol), session after session. The lease says who should work; that nobody else's work counts is fencing by the
 * sink's transactional id (X5).
 *
 * K1  A session starts from what Kafka holds and nothing else; whatever goes wrong in one, the next starts anew. So does a
 *     table of it, alone: what is wrong with one table keeps no other from going on.
 * K2  Memory is bounded by two batches a table: the one being inserted and the one being filled.
 * K3  Result topics are not compacted, and their retention is longer than the sink may be away: a range that was announced
 *     and not inserted is read again. What Kafka deleted before is gone; the sink goes on with what is left.
 * K4  Who loses sight of the group goes on working until somebody fences it: on a machine that is busy the lease comes back, and
 *     nothing was begun anew for it.
 * K5  Work that does not get on is a problem (stuck.ts), and said once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { ClickHouseConnection, KafkaConnection } from "../../config.ts";
import { PacestreamError } from "../../errors.ts";
import { deadLetterTopic } from "../../graph/topics.ts";
import type { Problem } from "../../health.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import type { SinkTable } from "./batch.ts";
import { holdLease, type Lease } from "./lease.ts";
import { SinkMetrics } from "./metrics.ts";
import { pauseMs } from "./protocol.ts";
import { messageOf } from "./refusal.ts";
import { Session } from "./session.ts";
import { Progress, problemsOf, type Stuck } from "./stuck.ts";

export type { SinkTable } from "./batch.ts";
export { type Reconciliation, reconcile } from "./reconcile.ts";

export interface ClickHouseSinkOptions {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  /** Their topics exist; their tables too, unless `makeTables` makes them. */
  readonly tables: readonly SinkTable[];
  /** Makes the tables that are missing (infra/clickhouse/migrate.ts): somebody may drop one. They are filled again from Kafka. */
  readonly makeTables?: () => Promise<unknown>;
  /** Of the sink in the cluster: its transactional id, its group, and `NAME-ranges`, its topic. One database a name. */
  readonly name?: string;
  /** Made where it is missing; `NAME.dead-letters` where absent. */
  readonly deadLetterTopic?: string;
  readonly log: (line: string) => void;
  /** What somebody should look at; `log` where absent. */
  readonly warn?: (line: string) => void;
  /** Where the sink's metrics are registered. */
  readonly registry?: Registry;
  /** Records of one insert, at most. */
  readonly batchRowsMax?: number;
  readonly batchBytesMax?: number;
  /** How long a first record waits for others. */
  readonly lingerMs?: number;
  /** From one insert of a table to the next, unless a batch is full: ClickHouse likes few, large inserts. */
  readonly insertEveryMs?: number;
  /** From one look whether the tables are there to the next. */
  readonly lookEveryMs?: number;
  /** Work that does not get on for so long is a problem. */
  readonly stuckAfterMs?: number;
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
  /** What does not get on, and why (K5). */
  problems(): readonly Problem[];
  /** Ends after the step under way; what is left is taken up by the next start. */
  stop(): Promise<void>;
}

const CAUGHT_UP_EVERY_MS = 20;
const PROBLEMS_EVERY_MS = 5_000;
const NAME_DEFAULT = "clickhouse-sink";

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
  readonly #log: (line: string) => void;
  readonly #warn: (line: string) => void;
  /** Of each table, over all sessions; and of sessions themselves. */
  readonly #tables: ReadonlyMap<SinkTable, Progress>;
  readonly #starting: Progress;
  #session: Session | undefined;
  #lease: Lease | undefined;
  /** The group holds this node for the lease's holder, as far as we know (K4). */
  #held = false;
  /** Since the lease was got. */
  #tenure: { readonly ending: AbortController; readonly ended: Promise<void> } | undefined;
  /** Resolves when the last tenure that was told to end has ended. */
  #ending: Promise<void> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;
  /** Said and not over, by part and code. */
  #said = new Set<string>();
  #stopped = false;

  constructor(options: ClickHouseSinkOptions) {
    this.#options = options;
    this.#name = options.name ?? NAME_DEFAULT;
    this.#metrics = new SinkMetrics(options.registry);
    this.#log = options.log;
    this.#warn = options.warn ?? options.log;
    this.#starting = new Progress(options.stuckAfterMs);
    this.#tables = new Map(options.tables.map((table) => [table, new Progress(options.stuckAfterMs)]));
  }

  async start(): Promise<void> {
    const { kafka } = this.#options;
    this.#watch = setInterval(() => this.#sayProblems(), PROBLEMS_EVERY_MS).unref();
    this.#lease = await holdLease({
      kafka,
      name: this.#name,
      log: this.#log,
      onHeld: () => {
        this.#held = !this.#stopped;
        if (this.#stopped || this.#tenure) return;
        const ending = new AbortController();
        // A tenure that is still ending goes on to its end first.
        const before = this.#ending;
        this.#tenure = { ending, ended: before.then(() => this.#work(ending.signal)) };
      },
      onRevoked: () => {
        this.#held = false;
        return this.#endTenure();
      },
      onLost: () => {
        this.#held = false;
      },
    });
  }

  get state(): ClickHouseSink["state"] {
    if (this.#stopped) return "stopped";
    return this.#tenure ? "working" : "standing by";
  }

  progress(): Map<string, number> {
    return this.#session?.progress() ?? new Map();
  }

  problems(): readonly Problem[] {
    const nowMs = performance.now();
    const stuck = new Map<string, Stuck>();
    const add = (name: string, progress: Progress) => {
      const one = progress.stuck(nowMs);
      if (one) stuck.set(name, { ...one, sinceMs: Date.now() - (nowMs - one.sinceMs) });
    };
    for (const [{ table }, progress] of this.#tables) add(table, progress);
    add("start", this.#starting);
    return problemsOf("sink", stuck);
  }

  #sayProblems(): void {
    const problems = this.problems();
    for (const { part, code, message } of problems) {
      if (!this.#said.has(code)) this.#warn(`${part}: ${code}: ${message}`);
    }
    const codes = new Set(problems.map(({ code }) => code));
    for (const code of this.#said) if (!codes.has(code)) this.#warn(`sink: ${code}: over`);
    this.#said = codes;
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
    this.#held = false;
    clearInterval(this.#watch);
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

  /** Sessions, one after the other, while the lease is ours. */
  async #work(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let said = "";
    while (!signal.aborted && this.#held) {
      const startedMs = performance.now();
      this.#starting.begin(startedMs);
      const failure = await this.#hold(signal).catch(messageOf);
      this.#session = undefined;
      if (failure === undefined) continue;
      if (performance.now() - startedMs > 60_000) failures = 0;
      failures++;
      this.#starting.hinder("no-progress", failure);
      const pause = pauseMs(failures);
      if (failure !== said) this.#log(`${this.#name}: ${failure}; starting over in ${pause} ms`);
      said = failure;
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
    // Lost, and fenced: whoever has the lease works now (K4).
    if (this.#tenure?.ending.signal === signal) this.#tenure = undefined;
    this.#starting.end();
    for (const progress of this.#tables.values()) progress.end();
  }

  /** One session. @returns why it ended early; undefined after an abort. */
  async #hold(signal: AbortSignal): Promise<string | undefined> {
    const { kafka, clickHouse, makeTables } = this.#options;
    this.#session = new Session({
      kafka,
      clickHouse,
      name: this.#name,
      tables: this.#tables,
      makeTables,
      deadLetterTopic: this.#options.deadLetterTopic ?? deadLetterTopic(this.#name),
      metrics: this.#metrics,
      log: this.#log,
      limits: {
        rowsMax: this.#options.batchRowsMax ?? 100_000,
        bytesMax: this.#options.batchBytesMax ?? 32 * 1024 * 1024,
      },
      lingerMs: this.#options.lingerMs ?? 150,
      insertEveryMs: this.#options.insertEveryMs ?? 1000,
      lookEveryMs: this.#options.lookEveryMs ?? 15_000,
      onOpen: () => this.#starting.end(),
    });
    return this.#session.run(signal);
  }
}
