/**
 * The sink at work: one transactional id, initialised once, and a pipeline for each table, until the id is lost or the sink is
 * told to end.
 *
 * A pipeline that ends for what is wrong with its table is followed by the next one after a pause (K1); one that learns that
 * the id is no longer ours, or may not be, ends the session.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClickHouseConnection, KafkaConnection } from "../../config.ts";
import type { PartitionReader } from "../../kafka/log.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import { Announcements } from "./announcements.ts";
import type { BatchLimits, SinkTable } from "./batch.ts";
import { Inserter } from "./inserter.ts";
import type { SinkMetrics } from "./metrics.ts";
import { Pipeline } from "./pipeline.ts";
import { type End, pauseMs } from "./protocol.ts";
import { messageOf } from "./refusal.ts";
import type { Progress } from "./stuck.ts";

export interface SessionOptions {
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  readonly name: string;
  readonly tables: ReadonlyMap<SinkTable, Progress>;
  readonly makeTables: (() => Promise<unknown>) | undefined;
  readonly deadLetterTopic: string;
  readonly metrics: SinkMetrics;
  readonly log: (line: string) => void;
  readonly limits: BatchLimits;
  readonly lingerMs: number;
  readonly insertEveryMs: number;
  /** Tables without records are looked after so often: a query, for all of them together. */
  readonly lookEveryMs: number;
  /** The id is ours, and what Kafka holds is read. */
  readonly onOpen: () => void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #announcements: Announcements;
  readonly #inserter: Inserter;
  readonly #pipelines = new Map<SinkTable, Pipeline>();
  readonly #ending = new AbortController();
  /** Of all tables that are missing together. */
  #making: Promise<unknown> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#announcements = new Announcements(options);
    this.#inserter = new Inserter(options.clickHouse);
  }

  /** `topic/partition` → every committed record before this offset is in ClickHouse, or set apart. */
  progress(): Map<string, number> {
    const progress = new Map<string, number>();
    for (const [{ topic }, pipeline] of this.#pipelines) {
      pipeline.progress()?.forEach((offset, partition) => {
        progress.set(`${topic}/${partition}`, offset);
      });
    }
    return progress;
  }

  /** @returns why it ended early; undefined after an abort. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const end = () => this.#end();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      const reader = this.#openReader();
      await this.#announcements.open(reader).finally(() => reader.close());
      this.#options.onOpen();
      const looking = this.#lookAfterTables();
      const runs = [...this.#options.tables].map(([table, progress]) =>
        // One that ends takes the others with it: they share the transactional id.
        this.#runTable(table, progress).finally(end),
      );
      const ends = await Promise.all(runs);
      await looking;
      const early = ends.find((one) => one !== undefined);
      return early && `${early.why}: ${early.reason}`;
    } finally {
      signal.removeEventListener("abort", end);
      await Promise.allSettled([this.#announcements.close(), this.#inserter.close()]);
    }
  }

  #end(): void {
    this.#ending.abort();
    for (const pipeline of this.#pipelines.values()) pipeline.stop();
  }

  /** Pipelines of one table, one after the other. @returns an end that is all tables'. */
  async #runTable(table: SinkTable, progress: Progress): Promise<End | undefined> {
    const { log } = this.#options;
    const { signal } = this.#ending;
    let said = "";
    for (let failures = 1; !signal.aborted; failures++) {
      const startedMs = performance.now();
      const end = await this.#runPipeline(table, progress).catch(
        (error: unknown): End => ({ why: "broken", reason: messageOf(error) }),
      );
      if (end === undefined || end.why === "fenced" || end.why === "unsure") return end;
      if (end.why === "broken") progress.hinder("no-progress", end.reason);
      if (performance.now() - startedMs > 60_000) failures = 1;
      if (end.reason !== said) log(`${table.topic} → ${table.table}: ${end.reason}; starting over`);
      said = end.reason;
      await sleep(pauseMs(failures), undefined, { signal }).catch(() => {});
    }
    return undefined;
  }

  async #runPipeline(table: SinkTable, progress: Progress): Promise<End | undefined> {
    const { deadLetterTopic, metrics, log, limits, lingerMs, insertEveryMs, makeTables } = this.#options;
    const reader = this.#openReader();
    const pipeline = new Pipeline({
      table,
      reader,
      openReader: () => this.#openReader(),
      announcements: this.#announcements,
      deadLetterTopic,
      inserter: this.#inserter,
      makeTables: makeTables && (() => this.#makeTables(makeTables)),
      metrics,
      progress,
      log,
      limits,
      lingerMs,
      insertEveryMs,
    });
    this.#pipelines.set(table, pipeline);
    if (this.#ending.signal.aborted) pipeline.stop();
    try {
      return await pipeline.run(this.#announcements.latest(table));
    } finally {
      this.#pipelines.delete(table);
      await reader.close();
    }
  }

  #makeTables(make: () => Promise<unknown>): Promise<unknown> {
    this.#making ??= make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  /** A table that somebody dropped is missed at its next insert, which may be long until: people ask before. */
  async #lookAfterTables(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleep(this.#options.lookEveryMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      // Whoever has rows for ClickHouse says when it is away.
      const missing = await this.#inserter.missing([...this.#options.tables.keys()], signal).catch(() => []);
      for (const table of missing)
        this.#pipelines.get(table)?.stop({ why: "behind", reason: "the table is not there" });
    }
  }

  #openReader(): PartitionReader {
    const { kafka, name, log } = this.#options;
    return createPartitionReader(kafka, { clientId: name, log });
  }
}
