/**
 * One topic on its way into one table: executes what protocol.ts decides, until it is stopped or an end is reached.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { PartitionReader } from "../../kafka/log.ts";
import type { Announcements } from "./announcements.ts";
import { type BadRecord, type Batch, type BatchLimits, RecordSorter, type SinkTable } from "./batch.ts";
import { BatchReader } from "./batch-reader.ts";
import { holdsGoodRecord, rewound, unproven } from "./held.ts";
import type { Inserter } from "./inserter.ts";
import type { SinkMetrics } from "./metrics.ts";
import {
  type Action,
  type Announcement,
  decide,
  type End,
  follow,
  type Happening,
  pauseMs,
  recover,
  type TableState,
  tokenOf,
} from "./protocol.ts";

export interface PipelineOptions {
  readonly table: SinkTable;
  /** Of this pipeline alone. */
  readonly reader: PartitionReader;
  readonly announcements: Announcements;
  readonly inserter: Inserter;
  readonly metrics: SinkMetrics;
  readonly log: (line: string) => void;
  readonly limits: BatchLimits;
  /** How long a first record waits for others. */
  readonly lingerMs: number;
  /** From the start of one insert to the next, unless a batch is full. */
  readonly insertEveryMs: number;
}

/** Without records for so long, Kafka is told that everything is in ClickHouse. */
const IDLE_MS = 1_000;
/** A batch of so many rows lets the next one grow for `insertEveryMs` longer: fewer, larger parts cost fewer merges. */
const ROWS_A_ROUND = 10_000;
/** The longest a batch may grow, in `insertEveryMs`. */
const ROUNDS_MAX = 5;
/** A stop lets a request under way end by itself for so long. */
const STOP_GRACE_MS = 3_000;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #sorter: RecordSorter;
  readonly #source: BatchReader;
  readonly #stopping = new AbortController();
  /** Ends requests to ClickHouse and pauses between them. */
  readonly #cutting = new AbortController();
  #state: TableState | undefined;
  /** The batch of the ranges announced last, while it is at hand. */
  #batch: Batch | undefined;
  #reading = false;
  /** The first offset that Kafka keeps of each partition, as of the start. */
  #first: readonly number[] = [];
  #insertedAtMs = Number.NEGATIVE_INFINITY;
  #insertedRows = 0;
  #away = false;

  constructor(options: PipelineOptions) {
    const { reader, table, limits } = options;
    this.#options = options;
    this.#sorter = new RecordSorter(table.codec);
    this.#source = new BatchReader({ reader, topic: table.topic, sorter: this.#sorter, limits });
  }

  /** Runs from the table's last announcement on. @returns why it ended; undefined after `stop`. */
  async run(latest: Announcement | undefined): Promise<End | undefined> {
    const { reader, table } = this.#options;
    const count = await reader.partitionCount(table.topic);
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic: table.topic, partition }));
    this.#first = (await reader.offsets(partitions)).map((extent) => extent.first);
    let state = recover(latest && (await this.#heldOf(latest)), this.#first);
    try {
      while (!this.#stopping.signal.aborted) {
        this.#state = state;
        const action = decide(state, performance.now());
        if (action.kind === "end") return action.end;
        const happening = await this.#perform(action, state);
        if (happening) state = follow(state, happening);
      }
      return undefined;
    } finally {
      this.#state = state;
      await this.#source.stop();
    }
  }

  /** The announcement as far as ClickHouse has it: it may have been put back to an older state (held.ts). */
  async #heldOf(latest: Announcement): Promise<Announcement> {
    const { reader, table, inserter, log } = this.#options;
    const first = this.#first;
    const { signal } = this.#stopping;
    for (let attempts = 1; !signal.aborted; attempts++) {
      try {
        const ends = await inserter.ends(table, this.#cutting.signal);
        for (const range of unproven(latest, ends, first)) {
          if (!(await holdsGoodRecord(reader, table.topic, this.#sorter, range, signal))) continue;
          log(
            `${this.#name}: ClickHouse lacks rows that it had, from ${range.partition}:${range.first} on: put back to an older state? They are written again`,
          );
          return rewound(latest, ends, first);
        }
        return latest;
      } catch (error) {
        if (attempts === 1) log(`${this.#name}: cannot ask ClickHouse what it has: ${messageOf(error)}`);
        await sleep(pauseMs(attempts), undefined, { signal }).catch(() => {});
      }
    }
    return latest;
  }

  stop(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    void this.#source.stop();
    setTimeout(() => this.#cutting.abort(), STOP_GRACE_MS).unref();
  }

  /** Per partition: every committed record before this offset is in ClickHouse, or was set apart. Undefined: not known yet. */
  progress(): readonly number[] | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    const clear = state.phase.kind === "clear" || state.phase.kind === "settle";
    return state.ranges.map((range) => {
      const pending = !clear && range.end > range.first;
      return pending ? range.first : Math.max(range.end, this.#source.drainedTo(range.partition) ?? 0);
    });
  }

  async #perform(
    action: Exclude<Action, { kind: "end" }>,
    state: TableState,
  ): Promise<Happening | undefined> {
    switch (action.kind) {
      case "reread":
        this.#options.log(`${this.#name}: replaying what was announced last`);
        this.#batch = await this.#source.reread(action.ranges);
        return this.#stopping.signal.aborted ? undefined : { kind: "reread", rows: this.#batch.rows.count };
      case "take":
        return this.#take(state);
      case "announce": {
        const { announcements, table, metrics } = this.#options;
        const startedMs = performance.now();
        const { lettersFrom } = state;
        const isNew = ({ partition, offset }: BadRecord) => offset >= (lettersFrom?.[partition] ?? 0);
        const bad = action.deadLetters ? (this.#batch?.bad ?? []).filter(isNew) : []; // X7
        const outcome = await announcements.write(table, action.announcement, bad);
        if (outcome.kind === "committed" && bad.length > 0) {
          metrics.deadLetters(table.table, bad.length);
          this.#options.log(
            `${this.#name}: ${bad.length} records set apart, the first at ${bad[0]!.partition}:${bad[0]!.offset}: ${bad[0]!.reason}`,
          );
        }
        if (outcome.kind === "aborted")
          this.#options.log(`${this.#name}: announcement aborted, again: ${outcome.reason}`);
        return { kind: "announced", outcome, startedMs, nowMs: performance.now() };
      }
      case "insert":
        return this.#insert(action, state);
      case "count":
        return this.#attempt(async () => {
          const rows = await this.#options.inserter.count(
            this.#options.table,
            action.ranges,
            this.#cutting.signal,
          );
          return { kind: "counted", rows };
        });
      case "pause":
        await sleep(Math.max(1, action.untilMs - performance.now()), undefined, {
          signal: this.#stopping.signal,
        }).catch(() => {});
        return undefined;
    }
  }

  async #take(state: TableState): Promise<Happening | undefined> {
    if (this.#batch) {
      this.#source.recycle(this.#batch);
      this.#batch = undefined;
    }
    if (!this.#reading) {
      this.#source.start(state.ranges.map(({ end }) => end));
      this.#reading = true;
    }
    const { lingerMs, insertEveryMs } = this.#options;
    const rounds = Math.min(ROUNDS_MAX, 1 + this.#insertedRows / ROWS_A_ROUND);
    this.#batch = await this.#source.take({
      lingerMs,
      notBeforeMs: this.#insertedAtMs + insertEveryMs,
      growsUntilMs: this.#insertedAtMs + insertEveryMs * rounds,
      idleMs: IDLE_MS,
    });
    if (this.#batch) return { kind: "taken", ranges: this.#batch.ranges(), rows: this.#batch.rows.count };
    return this.#stopping.signal.aborted ? undefined : { kind: "idle" };
  }

  #insert(
    { ranges, generation }: Extract<Action, { kind: "insert" }>,
    state: TableState,
  ): Promise<Happening> {
    const { table, inserter, metrics } = this.#options;
    const batch = this.#batch!;
    const token = tokenOf(table.table, table.topic, ranges, generation);
    this.#insertedAtMs = performance.now();
    this.#insertedRows = batch.rows.count;
    return this.#attempt(async () => {
      // It may come back with an older state. A start looks closer; nothing may go in on top of a hole (held.ts, H1).
      if (this.#away) {
        const ends = await inserter.ends(table, this.#cutting.signal);
        if (unproven({ ranges: state.ranges, done: false }, ends, this.#first).length > 0)
          return { kind: "back" };
      }
      await inserter.insert(table, this.#sorter.format, batch, token, this.#cutting.signal);
      metrics.inserted(table.table, batch.rows.count, (performance.now() - this.#insertedAtMs) / 1000);
      return { kind: "inserted" };
    });
  }

  /** A request to ClickHouse. It is said once when it goes away, and once when it is back. */
  async #attempt(request: () => Promise<Happening>): Promise<Happening> {
    const { log, metrics, table } = this.#options;
    try {
      const happening = await request();
      if (this.#away) log(`${this.#name}: ClickHouse answers again`);
      this.#setAway(false);
      return happening;
    } catch (error) {
      metrics.failed(table.table);
      if (!this.#away)
        log(`${this.#name}: ClickHouse did not take the rows, trying until it does: ${messageOf(error)}`);
      this.#setAway(true);
      return { kind: "failed", nowMs: performance.now() };
    }
  }

  #setAway(away: boolean): void {
    this.#away = away;
    this.#options.metrics.away(this.#options.table.table, away);
  }

  get #name(): string {
    return `${this.#options.table.topic} → ${this.#options.table.table}`;
  }
}

function messageOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string };
  return message || code || String(error);
}
