/**
 * One topic on its way into one table: executes what protocol.ts decides, until it is stopped or an end is reached.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { PartitionReader } from "../../kafka/log.ts";
import { type Announcement, hasRecords, tokenOf } from "./announcement.ts";
import type { Announcements } from "./announcements.ts";
import { countOf, type Offsets } from "./apart.ts";
import { type BadRecord, type Batch, type BatchLimits, RecordSorter, type SinkTable } from "./batch.ts";
import { BatchReader } from "./batch-reader.ts";
import { lacking, rewound } from "./held.ts";
import type { Inserter } from "./inserter.ts";
import { letteredOffsets, recordsAt } from "./letters.ts";
import type { SinkMetrics } from "./metrics.ts";
import {
  type Action,
  decide,
  type End,
  follow,
  type Happening,
  pauseMs,
  recover,
  type TableState,
} from "./protocol.ts";
import { type About, aboutOf, isAnswer, messageOf } from "./refusal.ts";
import type { Progress } from "./stuck.ts";

export interface PipelineOptions {
  readonly table: SinkTable;
  /** Of this pipeline alone. */
  readonly reader: PartitionReader;
  /** Closed by the pipeline. */
  readonly openReader: () => PartitionReader;
  readonly announcements: Announcements;
  readonly deadLetterTopic: string;
  readonly inserter: Inserter;
  /** Makes tables that are not there; without it they are waited for. */
  readonly makeTables: (() => Promise<unknown>) | undefined;
  readonly metrics: SinkMetrics;
  readonly progress: Progress;
  readonly log: (line: string) => void;
  readonly limits: Readonly<BatchLimits>;
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
/** An insert that takes so long, or fails after so long, makes those after it smaller by half: there is less to lose. */
const SLOW_MS = 10_000;
/** One that takes less lets them grow again. */
const QUICK_MS = 2_000;
/** Of a reason, in the log; dead letters hold all of it. */
const LOGGED_MAX = 200;
const SHRUNK_ROWS = 1_000;
const SHRUNK_BYTES = 256 * 1024;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #sorter: RecordSorter;
  readonly #source: BatchReader;
  readonly #limits: BatchLimits;
  readonly #stopping = new AbortController();
  /** Ends requests to ClickHouse and pauses between them. */
  readonly #cutting = new AbortController();
  #state: TableState | undefined;
  /** Set from outside of the protocol. */
  #end: End | undefined;
  /** The batch of the ranges announced last, while it is at hand. */
  #batch: Batch | undefined;
  /** Refused rows of it, until their dead letters are written. */
  #refused: readonly BadRecord[] = [];
  /** Offsets that had their dead letters at the first look. Those written since are of records that do not come again here. */
  #lettered: ReadonlyMap<number, ReadonlySet<number>> | undefined;
  #reading = false;
  /** The first offset that Kafka keeps of each partition, as of the start. */
  #first: readonly number[] = [];
  #insertedAtMs = Number.NEGATIVE_INFINITY;
  #insertedRows = 0;
  /** ClickHouse was away and may have come back with an older state: a look is due before the next insert. */
  #mistrusted = false;
  #away = false;

  constructor(options: PipelineOptions) {
    const { reader, table, limits } = options;
    this.#options = options;
    this.#sorter = new RecordSorter(table.codec);
    this.#limits = { ...limits };
    this.#source = new BatchReader({
      reader,
      topic: table.topic,
      sorter: this.#sorter,
      limits: this.#limits,
    });
  }

  /** Runs from the table's last announcement on. @returns why it ended; undefined after `stop`. */
  async run(latest: Announcement | undefined): Promise<End | undefined> {
    const { reader, table, progress } = this.#options;
    try {
      const count = await reader.partitionCount(table.topic);
      const partitions = Array.from({ length: count }, (_, partition) => ({ topic: table.topic, partition }));
      this.#first = (await reader.offsets(partitions)).map((extent) => extent.first);
      let state = recover(await this.#heldOf(latest), this.#first);
      while (!this.#stopping.signal.aborted) {
        this.#state = state;
        const nowMs = performance.now();
        if (state.phase.kind === "clear") progress.end();
        else progress.begin(nowMs);
        const action = decide(state, nowMs);
        if (action.kind === "end") return action.end;
        const happening = await this.#perform(action, state);
        if (happening) state = follow(state, happening);
      }
      return this.#end;
    } finally {
      await this.#source.stop();
    }
  }

  /**
   * The announcement as far as ClickHouse has it: it may have been put back to an older state (held.ts), or the table dropped,
   * which is made again.
   */
  async #heldOf(latest: Announcement | undefined): Promise<Announcement | undefined> {
    const { inserter, makeTables, log, table, progress } = this.#options;
    const { signal } = this.#stopping;
    for (let attempts = 1; !signal.aborted; attempts++) {
      progress.begin(performance.now());
      try {
        const ends = await inserter.ends(table, this.#cutting.signal);
        if (latest === undefined) return undefined;
        // An older version did not say: what is there now is what is known.
        const rowsTo = latest.rowsTo ?? this.#first.map((_, partition) => ends.get(partition) ?? 0);
        const lacks = lacking(rowsTo, ends, this.#first);
        if (lacks.length === 0) return { ...latest, rowsTo };
        log(
          `${this.#name}: ClickHouse lacks rows that it had, of partition ${lacks.join(", ")}: put back to an older state, or emptied? They are written again`,
        );
        return rewound(latest, ends, this.#first);
      } catch (error) {
        const about = this.#failed(error);
        if (about === "table" && makeTables) {
          log(`${this.#name}: the table is not there; it is made again`);
          const made = await makeTables().then(
            () => true,
            (failure: unknown) => this.#failed(failure) && false,
          );
          if (made && attempts === 1) continue;
        }
        await sleep(pauseMs(attempts), undefined, { signal }).catch(() => {});
      }
    }
    return latest;
  }

  stop(end?: End): void {
    if (this.#stopping.signal.aborted) return;
    this.#end = end;
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
      const pending = !clear && hasRecords(range);
      return pending ? range.first : Math.max(range.end, this.#source.drainedTo(range.partition) ?? 0);
    });
  }

  async #perform(
    action: Exclude<Action, { kind: "end" }>,
    state: TableState,
  ): Promise<Happening | undefined> {
    const { table, inserter, log } = this.#options;
    switch (action.kind) {
      case "reread":
        log(`${this.#name}: replaying what was announced last`);
        this.#batch = await this.#source.reread(action.ranges, action.without, this.#first);
        return this.#stopping.signal.aborted ? undefined : { kind: "reread", rows: this.#batch.atHand() };
      case "take":
        return this.#take(state);
      case "announce":
        return this.#announce(action, state);
      case "insert":
        return this.#insert(action, state);
      case "count":
        return this.#attempt(async () => ({
          kind: "counted",
          rows: await inserter.count(table, action.ranges, this.#cutting.signal),
        }));
      case "examine":
        return this.#attempt(() => this.#examine(state));
      case "pause":
        await sleep(Math.max(1, action.untilMs - performance.now()), undefined, {
          signal: this.#stopping.signal,
        }).catch(() => {});
        return undefined;
    }
  }

  async #announce(
    { announcement, letters }: Extract<Action, { kind: "announce" }>,
    { lettersFrom }: TableState,
  ): Promise<Happening> {
    const { announcements, table, metrics, log } = this.#options;
    const isNew = ({ partition, offset }: BadRecord) => offset >= (lettersFrom?.[partition] ?? 0);
    const malformed = letters === "malformed" ? (this.#batch?.bad ?? []).filter(isNew) : []; // X7
    const bad = letters === "refused" ? this.#refused : malformed;
    const { outcome, startedMs } = await announcements.write(table, announcement, bad);
    if (outcome.kind === "committed" && bad.length > 0) {
      const { partition, offset, reason } = bad[0]!;
      metrics.deadLetters(table.table, bad.length);
      log(
        `${this.#name}: ${bad.length} records set apart, the first at ${partition}:${offset}: ${reason.slice(0, LOGGED_MAX)}`,
      );
    }
    if (outcome.kind === "committed") this.#refused = [];
    if (outcome.kind === "aborted") log(`${this.#name}: announcement aborted, again: ${outcome.reason}`);
    return { kind: "announced", outcome, startedMs, nowMs: performance.now() };
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
    if (this.#batch) return { kind: "taken", ranges: this.#batch.ranges(), rows: this.#batch.atHand() };
    return this.#stopping.signal.aborted ? undefined : { kind: "idle" };
  }

  #insert(
    { ranges, generation, timeoutMs }: Extract<Action, { kind: "insert" }>,
    { rowsTo }: TableState,
  ): Promise<Happening | undefined> {
    const { table, inserter, metrics } = this.#options;
    const batch = this.#batch!;
    const token = tokenOf(table.table, table.topic, ranges, generation);
    const { signal } = this.#cutting;
    const startedMs = performance.now();
    this.#insertedAtMs = startedMs;
    this.#insertedRows = batch.rows.count;
    return this.#attempt(async () => {
      // It may come back with an older state. A start looks closer; nothing may go in on top of a hole (held.ts, H1).
      if (this.#mistrusted && lacking(rowsTo, await inserter.ends(table, signal), this.#first).length > 0)
        return { kind: "back" };
      try {
        await inserter.insert(table, this.#sorter.format, batch, token, { signal, timeoutMs });
      } catch (error) {
        const about = aboutOf(error);
        if (about === "service") this.#resize(performance.now() - startedMs, false);
        if (about === "service" || about === "table") throw error;
        this.#options.progress.hinder("clickhouse-refuses", messageOf(error));
        return { kind: "refused" };
      }
      const tookMs = performance.now() - startedMs;
      this.#resize(tookMs, true);
      this.#mistrusted = false;
      metrics.inserted(table.table, batch.rows.count, tookMs / 1000);
      return { kind: "inserted" };
    });
  }

  /** Slow inserts make for smaller batches, quick ones for larger ones. */
  #resize(tookMs: number, done: boolean): void {
    const { limits } = this.#options;
    const factor = tookMs > SLOW_MS ? 0.5 : done && tookMs < QUICK_MS ? 2 : 1;
    const within = (value: number, least: number, most: number) =>
      Math.min(most, Math.max(Math.min(least, most), Math.round(value * factor)));
    this.#limits.rowsMax = within(this.#limits.rowsMax, SHRUNK_ROWS, limits.rowsMax);
    this.#limits.bytesMax = within(this.#limits.bytesMax, SHRUNK_BYTES, limits.bytesMax);
  }

  /** Searches for the rows that ClickHouse refuses, and takes them out of the batch (X8). */
  async #examine({ lettersFrom }: TableState): Promise<Happening> {
    const { inserter, table } = this.#options;
    const batch = this.#batch!;
    const { offenders, places } = await inserter.tryRows(table, this.#sorter, batch, this.#cutting.signal);
    const reasons = new Map(offenders.map(({ row, reason }) => [row, reason]));
    const apart = new Map<number, number[]>();
    const reasonAt = new Map<string, string>();
    for (const { row, reason } of offenders) {
      const { partition, offset } = places[row]!;
      apart.set(partition, [...(apart.get(partition) ?? []), offset]);
      reasonAt.set(`${partition}:${offset}`, reason);
    }
    for (const offsets of apart.values()) offsets.sort((a, b) => a - b);
    this.#refused = await this.#lettersOf(
      apart,
      (partition, offset) => reasonAt.get(`${partition}:${offset}`) ?? "",
      lettersFrom,
    );
    batch.rows.remove(places, (row) => reasons.has(row));
    return { kind: "examined", apart, rows: batch.atHand(), nowMs: performance.now() };
  }

  /** Of refused rows, but those that have theirs: ranges may come a second time (X7). */
  async #lettersOf(
    apart: Offsets,
    reasonOf: (partition: number, offset: number) => string,
    lettersFrom: readonly number[] | undefined,
  ): Promise<BadRecord[]> {
    if (countOf(apart) === 0) return [];
    const { openReader, deadLetterTopic, table } = this.#options;
    const reader = openReader();
    try {
      const records = await recordsAt(reader, table.topic, apart, reasonOf);
      if (lettersFrom === undefined) return records;
      this.#lettered ??= await letteredOffsets(reader, deadLetterTopic, table);
      const lettered = this.#lettered;
      return records.filter(({ partition, offset }) => !lettered.get(partition)?.has(offset));
    } finally {
      await reader.close();
    }
  }

  /** A request to ClickHouse. It is said once when it goes away, and once when it is back. */
  async #attempt(request: () => Promise<Happening>): Promise<Happening | undefined> {
    const { log, metrics, table } = this.#options;
    try {
      const happening = await request();
      if (this.#away) log(`${this.#name}: ClickHouse answers again`);
      this.#away = false;
      metrics.away(table.table, false);
      return happening;
    } catch (error) {
      metrics.failed(table.table);
      if (this.#failed(error) !== "table") return { kind: "failed", nowMs: performance.now() };
      this.stop({ why: "behind", reason: messageOf(error) });
      return undefined;
    }
  }

  #failed(error: unknown): About {
    const { log, metrics, table, progress } = this.#options;
    const about = aboutOf(error);
    const message = messageOf(error);
    progress.hinder(isAnswer(error) ? "clickhouse-refuses" : "clickhouse-away", message);
    if (!this.#away) log(`${this.#name}: ClickHouse did not take the rows, trying until it does: ${message}`);
    this.#away = true;
    this.#mistrusted = true;
    metrics.away(table.table, true);
    return about;
  }

  get #name(): string {
    return `${this.#options.table.topic} → ${this.#options.table.table}`;
  }
}
