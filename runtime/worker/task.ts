/**
 * A task: one stage on one slot. A pure state machine: records, ticks and restored changelog in; frames out. No socket, no
 * clock, no thread; the loop around it (task-loop.ts) brings those, the simulation brings its own.
 *
 * A task is used in this order: `restore` for each record of its changelog, `seal`, then `process` and `tick` in any order,
 * with `cut` between them whenever an epoch shall end.
 *
 * T1  What `cut` returns holds everything that followed from the records up to the offsets in it, and nothing else.
 * T2  A record that cannot be decoded, or that the job's code throws on, leaves a dead letter and nothing else.
 * T3  The watermark never goes back, and is never ahead of what the inputs have said.
 * T4  What `takeEarly` returns was caused by records of the epoch under way or an earlier one. It has to be in the log before
 *     the epoch is: then a result may come again after a failure, and none is lost.
 */

import type { Codec } from "../../schemas/index.ts";
import { decodeProgress, encodeProgress, type Progress } from "../checkpoint/progress.ts";
import type { FlowNode } from "../dsl/graph.ts";
import type { Row } from "../dsl/steps/join.ts";
import { assert, PacestreamError } from "../errors.ts";
import {
  DATA,
  DATA_UNNAMED,
  dataStart,
  dataTimestamp,
  decodeSchema,
  decodeWatermark,
  fingerprintAt,
  SCHEMA,
  WATERMARK,
} from "../exchange/exchange-record.ts";
import { ExchangeSchemas, exchangeStateName } from "../exchange/exchange-schemas.ts";
import { storedName } from "../graph/placement.ts";
import { CHANGELOG, DEAD_LETTERS, type StageInput, type StagePlan } from "../graph/plan.ts";
import { FrameWriter } from "../kafka/frames.ts";
import { keyText } from "../kafka/key.ts";
import type { PolledPartition, Position, RecordCursor, TopicPartition } from "../kafka/log.ts";
import type { HandOver } from "../operators/hand-over.ts";
import { type CompiledStage, compileStage } from "../operators/index.ts";
import type { OperatorRuntime } from "../operators/operator-runtime.ts";
import { RecordContext } from "../operators/record-context.ts";
import type { StageStep } from "../operators/stage-step.ts";
import { Changelog } from "../state/changelog.ts";
import { type ChangelogKey, PROGRESS_KEY } from "../state/changelog-key.ts";
import { StateStore } from "../state/state-store.ts";
import { UndoLog } from "../state/undo-log.ts";
import { MAX_WATERMARK, NO_WATERMARK } from "../time.ts";
import { deadLetter } from "./dead-letter.ts";
import { Downstream } from "./downstream.ts";
import { EventTime, finite } from "./event-time.ts";
import { exchangeChannel, type InputPartition, inputPartition, range } from "./input-partition.ts";
import { type Isolated, Isolation } from "./isolation.ts";
import { Pulse } from "./pulse.ts";
import { SideInputs } from "./side-inputs.ts";

export interface TaskSpec {
  readonly job: string;
  readonly slot: number;
  readonly parallelism: number;
  /** Partitions of the stage's inputs (all the same) and of its changelog. */
  readonly inputPartitions: number;
  /** Partitions of every topic that the stage writes to. */
  readonly partitions: Readonly<Record<string, number>>;
  /** The watermark goes downstream at most so often: it goes to every partition, which makes a transaction dear. */
  readonly watermarkEveryMs: number;
}

/** One epoch, to be committed as one transaction. */
export interface Epoch {
  readonly number: number;
  readonly frames: Uint8Array<ArrayBuffer>;
  readonly records: number;
  /** Input offsets after it. */
  readonly positions: readonly Position[];
}

/** The most that waits for the end of the epoch: outputs, state or timers; the watermark alone; input offsets alone. */
export type Pending = "results" | "watermark" | "progress" | "nothing";

export interface TaskCounters {
  recordsIn: number;
  recordsOut: number;
  deadLetters: number;
  /** Records that came too late for their window and were left out, or went to its side output. */
  late: number;
}

export class Task {
  readonly counters: TaskCounters = { recordsIn: 0, recordsOut: 0, deadLetters: 0, late: 0 };
  readonly #plan: StagePlan;
  /** In tests: freezes what changes hands. */
  readonly #handOver: HandOver | undefined;
  readonly #spec: TaskSpec;
  readonly #pulse: Pulse;
  readonly #record: RecordContext;
  readonly #decoding: number;
  readonly #undo = new UndoLog();
  readonly #frames = new FrameWriter(1 << 16);
  /** Results that do not wait for the end of the epoch. */
  readonly #early = new FrameWriter(1 << 12);
  /** What both held when the record at hand came. */
  #marks = { bytes: 0, count: 0, earlyBytes: 0, earlyCount: 0, out: 0, late: 0 };
  readonly #state: StateStore;
  readonly #eventTime = new EventTime();
  readonly #side: SideInputs;
  readonly #stage: CompiledStage;
  /** By their names in the changelog. */
  readonly #steps: ReadonlyMap<string, StageStep>;
  readonly #inputs = new Map<string, InputPartition>();
  readonly #isolated: Isolation;
  readonly #partitions: readonly number[];
  readonly #changelog: Changelog;
  #epoch = 0;
  #recordsInEpoch = 0;
  readonly #downstream: Downstream;
  /** The watermark that the changelog holds. */
  #savedWatermark = NO_WATERMARK;
  /** For durations; the clock of the record context may be set. */
  #elapsedMs = 0;

  /** @param isolated what is not to be tried again, each with the reason @param pulse where it says what it is at */
  constructor(
    plan: StagePlan,
    spec: TaskSpec,
    upstreamParallelism: number,
    isolated: readonly Isolated[] = [],
    pulse = new Pulse(),
    handOver?: HandOver,
  ) {
    this.#plan = plan;
    this.#handOver = handOver;
    this.#spec = spec;
    this.#isolated = new Isolation(isolated);
    this.#pulse = pulse;
    this.#record = new RecordContext(pulse);
    this.#decoding = this.#record.stepId("decode");
    this.#changelog = new Changelog(this.#frames, CHANGELOG, this.#record);
    this.#state = new StateStore(this.#record, this.#undo);
    this.#partitions = range(spec.inputPartitions).filter(
      (partition) => partition % spec.parallelism === spec.slot,
    );
    this.#side = new SideInputs(plan, this.#record, this.#state, this.#partitions, spec.slot === 0);
    this.#stage = compileStage(plan.nodes, plan.exchangesOut, this.#runtime());
    this.#steps = new Map(this.#stage.steps.map((step) => [storedName(plan.generations, step.name), step]));
    this.#downstream = new Downstream(plan, spec, this.#frames, this.#record, this.#eventTime);
    for (const input of plan.inputs) {
      const schemas = this.#exchangeSchemas(input);
      for (const partition of this.#partitions) {
        const made = inputPartition(
          plan,
          input,
          partition,
          upstreamParallelism,
          this.#stage.entries,
          schemas,
        );
        this.#inputs.set(inputId(input.topic, partition), made);
        this.#eventTime.add(made);
      }
    }
  }

  /** What is known of the schemas of an exchange; `undefined` for a topic of others. */
  #exchangeSchemas({ topic, nodes }: StageInput): ExchangeSchemas | undefined {
    const [first] = nodes;
    if (first?.kind !== "keyBy") return undefined;
    const schemas = new ExchangeSchemas(topic, first.exchange.codec);
    this.#state.adopt(exchangeStateName(topic), schemas);
    return schemas;
  }

  /** The changelog partitions that hold this task's state. */
  get partitions(): readonly number[] {
    return this.#partitions;
  }

  /** Records out and dead letters, state and timers of the epoch so far, in bytes. */
  get pendingBytes(): number {
    return this.#frames.bytes;
  }

  /** What `cut` would have to commit. */
  get pending(): Pending {
    if (this.#frames.count > 0 || this.#state.isDirty) return "results";
    for (const step of this.#stage.steps) if (step.isDirty) return "results";
    if (this.#downstream.isDue(this.#elapsedMs)) return "watermark";
    if (this.#side.moved) return "progress";
    // ET2: while all is quiet, time alone is not worth a transaction.
    if (this.#record.watermark > this.#savedWatermark && !this.#eventTime.isQuiet) return "progress";
    for (const input of this.#inputs.values()) if (input.changed) return "progress";
    return "nothing";
  }

  /** Whether every input partition was read to its end at the last poll that said so. */
  get caughtUp(): boolean {
    for (const input of this.#inputs.values()) if (input.next < input.end) return false;
    return true;
  }

  /** Records known to be in the inputs and not processed yet. */
  get lag(): number {
    let lag = 0;
    for (const input of this.#inputs.values()) lag += Math.max(0, input.end - input.next);
    return lag;
  }

  get watermark(): number {
    return this.#record.watermark;
  }

  /**
   * How far the watermark is behind the highest event time seen: 0 where it has gone beyond that, as it does when all is quiet, or
   * was there before a restart; undefined before either.
   */
  get watermarkDelayMs(): number | undefined {
    const delay = this.#eventTime.max - this.#record.watermark;
    return Number.isFinite(delay) ? Math.max(0, delay) : undefined;
  }

  // --- restore -------------------------------------------------------------------------------------------------------

  /** One record of a changelog partition, in its order. */
  restore(partition: number, key: ChangelogKey, value: Buffer | null): void {
    switch (key.kind) {
      case "progress":
        if (value) this.#restoreProgress(partition, decodeProgress(value));
        return;
      case "timer": {
        const step = this.#steps.get(key.step);
        step?.timers?.[key.domain].restore(key.timeMs, key.key, partition, value !== null);
        return;
      }
      case "part":
        this.#changelog.restorePart(key, partition, value);
        return;
      case "value":
      case "map":
        if (!this.#changelog.isCut(key, partition, value)) this.#state.restore(key, partition, value);
        return;
      case "schema":
        this.#state.restore(key, partition, value);
    }
  }

  #restoreProgress(partition: number, progress: Progress): void {
    this.#epoch = Math.max(this.#epoch, progress.epoch);
    this.#side.restore(progress);
    const { watermark: own = null } = progress;
    if (own !== null && own > this.#record.watermark) {
      this.#record.watermark = own;
      this.#eventTime.restore(own);
    }
    for (const saved of progress.inputs) {
      const input = this.#inputs.get(inputId(saved.topic, partition));
      // An input that the job no longer has: what it gave is in the state, nothing more comes of it.
      if (!input) continue;
      input.next = saved.next;
      this.#eventTime.restoreInput(input, saved);
    }
  }

  /**
   * After the last `restore`. @param extent what an input partition holds now: an input never read starts at its first.
   * @param nowMs the clock @param elapsedMs for durations, here and below: it never steps, whatever is done to the clock
   */
  seal(
    extent: (topic: string, partition: number) => { first: number; end: number },
    nowMs: number,
    elapsedMs = nowMs,
  ): readonly Position[] {
    this.#elapsedMs = elapsedMs;
    for (const input of this.#inputs.values()) {
      const { first, end } = extent(input.input.topic, input.partition);
      if (input.next < 0) input.next = first;
      input.end = input.writtenTo = end;
      this.#eventTime.seal(input, elapsedMs);
    }
    this.#record.nowMs = nowMs;
    // Where the channels give more than what was saved, the first tick goes there, and fires what is due on the way.
    this.#savedWatermark = this.#record.watermark;
    this.#changelog.seal((key, partition, value) => this.#state.restore(key, partition, value));
    this.#state.seal();
    for (const step of this.#stage.steps) step.seal(this.#record.watermark);
    return this.positions();
  }

  positions(): readonly Position[] {
    return [...this.#inputs.values()].map(({ input, partition, next }) => ({
      topic: input.topic,
      partition,
      offset: next,
    }));
  }

  // --- tables and broadcasts -----------------------------------------------------------------------------------------

  processTable(polled: PolledPartition): void {
    this.#side.processTable(polled, (error, records) =>
      this.#deadLetter(error, copy(records, "key"), copy(records, "value")),
    );
  }

  /** Where broadcasts are to be read on from, -1: from the start. They are read to their end before the first record. */
  broadcastPositions(): readonly Position[] {
    return this.#side.positions();
  }

  processBroadcast(polled: PolledPartition, nowMs: number): void {
    this.#record.nowMs = nowMs;
    this.#side.processBroadcast(polled, (error, records) => {
      // Each task reads it: one of them says so.
      if (this.#spec.slot === 0) this.#deadLetter(error, copy(records, "key"), copy(records, "value"));
    });
  }

  // --- records and time ----------------------------------------------------------------------------------------------

  /** What is to be said of all that was polled before any of it is processed: event time waits for each partition of them. */
  announce({ topic, partition, writtenTo }: PolledPartition): void {
    const input = this.#inputs.get(inputId(topic, partition));
    if (!input) return;
    input.writtenTo = writtenTo;
    this.#eventTime.announced(input);
  }

  /**
   * @param recordsMax the most to be processed now.
   * @returns whether that was all of them; otherwise it is to be called with the rest.
   */
  process(
    polled: PolledPartition,
    nowMs: number,
    elapsedMs = nowMs,
    recordsMax = Number.POSITIVE_INFINITY,
  ): boolean {
    const input = this.#inputs.get(inputId(polled.topic, polled.partition));
    assert(
      input,
      `records of ${polled.topic}/${polled.partition}, which is not read by slot ${this.#spec.slot}`,
    );
    const record = this.#record;
    record.topic = polled.topic;
    record.partition = polled.partition;
    record.nowMs = nowMs;
    this.#downstream.tellSchemas(this.#elapsedMs);
    const { records } = polled;
    const topicId = this.#pulse.id(polled.topic);
    const isolated = this.#isolated.records(polled.topic, polled.partition);
    let left = recordsMax;
    while (left > 0 && records.next()) {
      left--;
      assert(
        records.offset >= input.next,
        () => `offset ${records.offset} of ${polled.topic}/${polled.partition} a second time`,
      );
      this.#eventTime.heard(input, elapsedMs);
      record.offset = records.offset;
      record.ingestMs = records.timestampMs;
      record.timestamp = undefined;
      this.#pulse.record(topicId, polled.partition, records.offset);
      const why = isolated?.get(records.offset);
      if (why !== undefined) this.#setApart(why, copy(records, "key"), copy(records, "value"));
      else if (input.schemas) this.#processExchange(input, input.schemas, records);
      else this.#processRecord(input, records, records.valueStart);
    }
    const isAll = left > 0;
    const next = isAll ? polled.nextOffset : records.offset + 1;
    if (next > input.next) {
      input.next = next;
      input.changed = true;
    }
    input.end = polled.endOffset;
    this.#pulse.working();
    this.#advanceEventTime();
    return isAll;
  }

  /** @param schemas of a record that names the schema it is written with */
  #processRecord(
    input: InputPartition,
    records: RecordCursor,
    valueStart: number,
    schemas?: ExchangeSchemas,
  ): void {
    this.#recordsInEpoch++;
    this.counters.recordsIn++;
    this.#mark();
    this.#record.live = true;
    try {
      this.#record.at = this.#decoding;
      if (input.rows) input.push(rowOf(input.codec, records));
      else if (records.valueStart < 0) throw new Error("the value is null");
      else {
        const { buffer, valueEnd } = records;
        const codec = schemas?.readerOf(fingerprintAt(buffer, records.valueStart)) ?? input.codec;
        input.push(codec.decode(buffer, valueStart, valueEnd));
      }
      this.#failCaught();
      this.#undo.clear();
      this.#eventTime.settle(input, true);
    } catch (error) {
      this.#eventTime.settle(input, false);
      this.#takeBack(error);
      this.#deadLetter(error, copy(records, "key"), copy(records, "value"));
    } finally {
      this.#record.live = false;
    }
  }

  #processExchange(input: InputPartition, schemas: ExchangeSchemas, records: RecordCursor): void {
    const { buffer, valueStart, valueEnd } = records;
    switch (buffer[valueStart]) {
      case DATA:
      case DATA_UNNAMED: {
        const start = dataStart(buffer, valueStart);
        this.#record.timestamp = dataTimestamp(buffer, start);
        if (this.#record.timestamp !== undefined) this.#eventTime.saw(this.#record.timestamp);
        this.#processRecord(input, records, start, buffer[valueStart] === DATA ? schemas : undefined);
        return;
      }
      case SCHEMA:
        schemas.hear(
          fingerprintAt(buffer, valueStart),
          decodeSchema(buffer, valueStart, valueEnd),
          input.partition,
        );
        return;
      case WATERMARK: {
        const { task, watermark, idle } = decodeWatermark(buffer, valueStart);
        const channel = exchangeChannel(input.input.topic, input.partition, task);
        assert(
          input.channels.includes(channel),
          `a watermark of task ${task} in ${input.input.topic}: written with another parallelism`,
        );
        this.#eventTime.advance(channel, watermark, idle);
        return;
      }
      default:
        throw new Error(
          `${input.input.topic}/${input.partition} offset ${records.offset}: an exchange record of kind ${buffer[valueStart]}, written by a newer version`,
        );
    }
  }

  /** Time passes: idle inputs, processing-time timers. */
  tick(nowMs: number, elapsedMs = nowMs): void {
    this.#record.nowMs = nowMs;
    this.#elapsedMs = elapsedMs;
    this.#eventTime.tick(elapsedMs, this.#record.watermark);
    this.#advanceEventTime();
    for (const step of this.#stage.steps) step.tick(nowMs);
    this.#undo.clear();
    this.#state.expire(this.#record.watermark, nowMs);
  }

  /** Partitions that are better not read now (`driftMax`). */
  held(): readonly TopicPartition[] {
    return this.#eventTime.held();
  }

  /** What does not hold event time back, for it has been silent: what a `.watermark` says of a source partition. */
  silent(): readonly (TopicPartition & { readonly node: FlowNode })[] {
    return this.#eventTime.silent();
  }

  /** When `tick` has something to do next, Unix milliseconds, or +Infinity. */
  nextTimerMs(): number {
    return Math.min(...this.#stage.steps.map((step) => step.nextTickMs()));
  }

  #advanceEventTime(): void {
    const watermark = this.#eventTime.watermark();
    // At the end of time what is still set is due, though time goes no further.
    if (watermark <= this.#record.watermark && watermark < MAX_WATERMARK) return;
    this.#record.watermark = watermark;
    for (const step of this.#stage.steps) step.advance(watermark);
    this.#undo.clear();
  }

  #attempt<A>(
    key: string,
    partition: number,
    timestamp: number | undefined,
    run: (argument: A) => void,
    argument: A,
    codec?: Codec<unknown>,
  ): void {
    this.#undo.clear();
    this.#downstream.tellSchemas(this.#elapsedMs);
    this.#mark();
    const record = this.#record;
    record.topic = "";
    record.partition = partition;
    record.offset = -1;
    record.key = key;
    record.timestamp = timestamp;
    record.ingestMs = record.nowMs;
    this.#pulse.timer(key, timestamp);
    const why = this.#isolated.takeTimer(key, timestamp);
    if (why !== undefined) {
      this.#setApart(why, Buffer.from(key), null);
      return;
    }
    record.live = true;
    try {
      run(argument);
      this.#failCaught();
      this.#undo.clear();
      this.#pulse.working();
    } catch (error) {
      this.#takeBack(error);
      this.#deadLetter(error, Buffer.from(key), codec ? codec.encode(argument) : null);
    } finally {
      record.live = false;
    }
  }

  /** An error that the job's code caught, though it was not its own (RC3). */
  #failCaught(): void {
    const { failure } = this.#record;
    if (failure === undefined) return;
    this.#record.at = failure.at;
    throw failure.error;
  }

  #mark(): void {
    const marks = this.#marks;
    marks.bytes = this.#frames.bytes;
    marks.count = this.#frames.count;
    marks.earlyBytes = this.#early.bytes;
    marks.earlyCount = this.#early.count;
    marks.out = this.counters.recordsOut;
    marks.late = this.counters.late;
  }

  /** T2. Errors that are no fault of the record stop the task. */
  #takeBack(error: unknown): void {
    if (error instanceof PacestreamError) throw error;
    this.#record.failure = undefined;
    this.#undo.rollback();
    this.#frames.truncate(this.#marks.bytes, this.#marks.count);
    this.#early.truncate(this.#marks.earlyBytes, this.#marks.earlyCount);
    this.counters.recordsOut = this.#marks.out;
    this.counters.late = this.#marks.late;
  }

  /** What took the task down before: it is not tried again, and its dead letter commits with everything else. */
  #setApart({ step, reason }: Isolated, key: Buffer | null, value: Buffer | null): void {
    this.#record.at = this.#record.stepId(step);
    this.#deadLetter(reason, key, value);
  }

  #deadLetter(error: unknown, key: Buffer | null, value: Buffer | null): void {
    const where = { job: this.#spec.job, stage: this.#plan.name };
    const why = this.#handOver ? this.#handOver.explain(error) : error;
    const letter = deadLetter(where, this.#record, why, key, value);
    const partitions = this.#spec.partitions[this.#plan.outputs[DEAD_LETTERS]!]!;
    const { partition, ingestMs } = this.#record;
    this.#frames.write(DEAD_LETTERS, partition % partitions, ingestMs, null, letter);
    this.counters.deadLetters++;
  }

  /** Results since the last call that may leave before their epoch commits (T4). */
  takeEarly(): Uint8Array<ArrayBuffer> | undefined {
    return this.#early.count > 0 ? this.#early.take() : undefined;
  }

  // --- epochs --------------------------------------------------------------------------------------------------------

  /** Ends the epoch: all that changed since the last, or undefined when nothing did. */
  cut(): Epoch | undefined {
    if (this.pending === "nothing") return undefined;
    this.#pulse.epochEnds();
    this.#epoch++;
    this.#state.flush(this.#changelog);
    for (const step of this.#stage.steps) step.flush(this.#changelog);
    this.#downstream.tellWatermark(this.#elapsedMs);
    this.#writeProgress();
    const records = this.#recordsInEpoch;
    this.#recordsInEpoch = 0;
    this.#pulse.epochEnded();
    return { number: this.#epoch, frames: this.#frames.take(), records, positions: this.positions() };
  }

  #writeProgress(): void {
    // A watermark that moved without a record (idle inputs) is told in one partition: time must not go back in a restore (T3).
    const anyChanged = [...this.#inputs.values()].some((input) => input.changed);
    let told = anyChanged || this.#savedWatermark >= this.#record.watermark;
    this.#savedWatermark = this.#record.watermark;
    for (const partition of this.#partitions) {
      const inputs = this.#plan.inputs.map(({ topic }) => this.#inputs.get(inputId(topic, partition))!);
      if (told && !this.#side.moved && !inputs.some((input) => input.changed)) continue;
      told = true;
      for (const input of inputs) input.changed = false;
      this.#changelog.putBytes(
        partition,
        PROGRESS_KEY,
        encodeProgress({
          epoch: this.#epoch,
          watermark: finite(this.#record.watermark),
          ...this.#side.save(),
          inputs: inputs.map((input) => ({
            topic: input.input.topic,
            next: input.next,
            ...this.#eventTime.saveInput(input),
          })),
        }),
      );
    }
    this.#side.cut();
  }

  // --- making --------------------------------------------------------------------------------------------------------

  #runtime(): OperatorRuntime {
    const { outputs } = this.#plan;
    return {
      handOver: this.#handOver,
      record: this.#record,
      frames: this.#frames,
      early: this.#early,
      undo: this.#undo,
      state: this.#state,
      storedName: (step, state) => storedName(this.#plan.generations, step, state),
      job: this.#spec.job,
      inputPartitions: this.#spec.inputPartitions,
      table: (topic) => this.#side.content(topic),
      outputIndex: (topic) => outputs.indexOf(topic),
      partitionsOf: (topic) => this.#spec.partitions[topic]!,
      observeEventTime: (node, timeMs, watermark) => this.#eventTime.observe(node, timeMs, watermark),
      attempt: (key, partition, timestamp, run, argument, codec) =>
        this.#attempt(key, partition, timestamp, run, argument, codec),
      countOut: () => {
        this.counters.recordsOut++;
      },
      countLate: () => {
        this.counters.late++;
      },
    };
  }
}

const inputId = (topic: string, partition: number): string => `${topic}/${partition}`;

function rowOf(codec: Codec<unknown>, records: RecordCursor): Row<unknown> {
  const { buffer, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = records;
  if (keyStart < 0) throw new Error("the key is null, and so it is no row");
  return {
    key: keyText(buffer, keyStart, keyEnd),
    value: valueStart < 0 ? undefined : codec.decode(buffer, valueStart, valueEnd),
    ingestMs: timestampMs,
  };
}

function copy(records: RecordCursor, part: "key" | "value"): Buffer | null {
  const start = part === "key" ? records.keyStart : records.valueStart;
  const end = part === "key" ? records.keyEnd : records.valueEnd;
  return start < 0 ? null : Buffer.from(records.buffer.subarray(start, end));
}
