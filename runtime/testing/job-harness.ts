/**
 * Runs a whole job in memory, in one thread, with a clock in the test's hand: every stage, every exchange, the real tasks,
 * no Kafka. For authors of jobs; and for the runtime's own tests of what a job means.
 *
 *     const harness = new JobHarness(myJob);
 *     harness.send("uploads", upload);
 *     harness.run();
 *     expect(harness.output("windows", WindowCodec)).toEqual([...]);
 *
 * `restart()` throws every task away and restores it from its changelog, as a crash would. For crashes in the middle of the
 * work, and for other cuts of it, see `HarnessOptions`: what a job means must not depend on any of them.
 */
import type { Codec } from "../../schemas/codec.ts";
import { DeadLetter } from "../../schemas/index.ts";
import type { JobDefinition } from "../dsl/job.ts";
import { count, duration } from "../dsl/options.ts";
import { JobError } from "../errors.ts";
import { SCHEMA, WATERMARK } from "../exchange/exchange-record.ts";
import { describePlan } from "../graph/describe.ts";
import { CHANGELOG, DEAD_LETTERS, type JobPlan, planJob, type StagePlan } from "../graph/plan.ts";
import { changelogTopic } from "../graph/topics.ts";
import { type Allowed, judgeUpgrade, upgradeWords } from "../graph/upgrade.ts";
import { forEachFrame } from "../kafka/frames.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { parseChangelogKey } from "../state/changelog-key.ts";
import { Task } from "../worker/task.ts";
import { freezing } from "./frozen.ts";
import { type MemoryRecord, polled } from "./memory-log.ts";
import type { Scheduled, Taken } from "./reference/schedule.ts";
import { sectionId, watermarkId } from "./reference/sections.ts";

export interface HarnessOptions {
  /** Partitions of every topic. */
  readonly partitions?: number;
  readonly parallelism?: number;
  /** Start of the clock, Unix milliseconds. */
  readonly nowMs?: number;
  /** The most records that a task takes of a partition at once. Default: all there are. */
  readonly batchMax?: number;
  /**
   * Whether what changes hands is frozen, so that code which changes a value in place that others have, too, throws. Default true.
   * False: as in production, where such code goes wrong without a word.
   */
  readonly freeze?: boolean;
  /** Turns of a task in an epoch; it ends earlier when there is nothing to do. Default 1. */
  readonly turnsAnEpoch?: number;
  /**
   * Asked at the end of each epoch of any task, counted from 0: whether the task dies there, and is restored.
   * `before-commit`: what the epoch did is lost, and is done again.
   */
  readonly crash?: (epoch: number) => "before-commit" | "after-commit" | undefined;
  /** Hears in which order which task took what, as far as it was committed: what the reference is driven by (reference/). */
  readonly onSchedule?: (step: Scheduled) => void;
}

/** The job's next version. @throws JobError when it cannot go on from what is kept. */
function upgraded(before: JobPlan, job: JobDefinition, allowed: Allowed): JobPlan {
  const next = planJob(job, before.placement);
  const upgrade = judgeUpgrade(describePlan(before), describePlan(next), allowed);
  if (upgrade.findings.length > 0) throw new JobError(upgradeWords(upgrade));
  return planJob(job, upgrade.next.placement);
}

/** More epochs than any test needs: a job that never comes to rest, or a crash that always comes back. */
const EPOCHS_MAX = 100_000;

interface RunningTask {
  readonly stage: StagePlan;
  readonly slot: number;
  readonly task: Task;
  /** Turns since the last end of an epoch. */
  turns: number;
  /** Table records that the task has seen, by topic/partition. */
  readonly tablePositions: Map<string, number>;
  /** Turns that nothing is committed of yet. */
  schedule: Scheduled[];
}

export class JobHarness {
  #plan: JobPlan;
  readonly #partitions: number;
  readonly #parallelism: number;
  /** topic/partition → records. */
  readonly #log = new Map<string, MemoryRecord[]>();
  readonly #options: HarnessOptions;
  #tasks: RunningTask[] = [];
  #epochs = 0;
  nowMs: number;

  constructor(job: JobDefinition, options: HarnessOptions = {}) {
    this.#plan = planJob(job);
    this.#options = checked(options);
    this.#partitions = options.partitions ?? 2;
    this.#parallelism = options.parallelism ?? this.#partitions;
    this.nowMs = options.nowMs ?? 1_700_000_000_000;
    this.#startTasks();
  }

  /** Puts a value on a topic that the job reads. @param key as the topic is keyed. */
  send<T>(topic: string, codec: Codec<T>, key: string, value: T): void {
    this.sendBytes(topic, key, codec.encode(value));
  }

  /** Any bytes, good or bad. */
  sendBytes(topic: string, key: string | null, value: Uint8Array | null): void {
    const broadcast = this.#plan.stages.some((stage) =>
      stage.broadcasts.some((source) => source.topic.name === topic),
    );
    this.#append(topic, broadcast || key === null ? 0 : partitionOf(key, this.#partitions), {
      key,
      value,
      timestampMs: this.nowMs,
    });
  }

  /** Lets every task work until none has anything to do. @param turnsMax of each task: something may be left to do */
  run(turnsMax = Number.POSITIVE_INFINITY): void {
    let moved = true;
    for (let turns = 0; moved && turns < turnsMax; turns++) {
      moved = false;
      for (const index of this.#tasks.keys()) if (this.#turn(index)) moved = true;
    }
  }

  /** Moves the clock on, fires what is due, and runs. */
  advance(ms: number): void {
    this.nowMs += ms;
    this.run();
  }

  /**
   * Every task is lost and restored from what it committed.
   * @param job its next version, if it changed meanwhile: it is placed, and refused, as it would be when submitted.
   * @param allowed what may be given up for it.
   */
  restart(job?: JobDefinition, allowed: Allowed = {}): void {
    if (job) {
      this.#plan = upgraded(this.#plan, job, allowed);
      this.#options.onSchedule?.({ kind: "edit", job });
    }
    this.#startTasks();
    for (const running of this.#tasks) this.#sayRestart(running);
  }

  /**
   * All values on a topic, partition by partition, in order; without those that a later record of their key deletes, as a compacted
   * topic is read. (`records` has them all.)
   */
  output<T>(topic: string, codec: Codec<T>): T[] {
    return range(this.#partitions).flatMap((partition) =>
      standing(this.#records(topic, partition)).map((value) => codec.decode(Buffer.from(value))),
    );
  }

  /** Where records of this key stand, on every topic. */
  partitionOf(key: string): number {
    return partitionOf(key, this.#partitions);
  }

  deadLetters(): DeadLetter[] {
    return this.output(this.#plan.stages[0]!.outputs[DEAD_LETTERS]!, DeadLetter);
  }

  stages(): readonly StagePlan[] {
    return this.#plan.stages;
  }

  /** Keys of what a stage's changelog holds once it is compacted, such as `v\0count.last\0KEY` (state/changelog-key.ts). */
  changelogKeys(stage: string): string[] {
    const keys = new Set<string>();
    for (const { key, value } of this.#everything(changelogTopic(this.#plan.job, stage))) {
      if (value === null) keys.delete(key!);
      else keys.add(key!);
    }
    return [...keys];
  }

  #startTasks(): void {
    this.#tasks = this.#plan.stages.flatMap((stage) =>
      Array.from({ length: this.#parallelism }, (_, slot) => this.#startTask(stage, slot)),
    );
  }

  #startTask(stage: StagePlan, slot: number): RunningTask {
    const partitions = Object.fromEntries(stage.outputs.map((topic) => [topic, this.#partitions]));
    const spec = {
      job: this.#plan.job,
      slot,
      parallelism: this.#parallelism,
      inputPartitions: this.#partitions,
      partitions,
      watermarkEveryMs: 0,
    };
    const task = new Task(
      stage,
      spec,
      this.#parallelism,
      [],
      undefined,
      this.#options.freeze === false ? undefined : freezing,
    );
    for (const partition of task.partitions) {
      for (const record of this.#records(stage.outputs[CHANGELOG]!, partition)) {
        const value = record.value === null ? null : Buffer.from(record.value);
        task.restore(partition, parseChangelogKey(record.key!), value);
      }
    }
    task.seal((topic, partition) => ({ first: 0, end: this.#records(topic, partition).length }), this.nowMs);
    return { stage, slot, task, turns: 0, tablePositions: new Map(), schedule: [] };
  }

  /** One turn of a task: some records of each input, then what time has set off, then perhaps the end of an epoch. */
  #turn(index: number): boolean {
    const running = this.#tasks[index]!;
    const { stage, task, tablePositions } = running;
    const { batchMax = Number.POSITIVE_INFINITY, turnsAnEpoch = 1 } = this.#options;
    let moved = false;
    const silentBefore = silentOf(running);
    const tables: Taken[] = [];
    const broadcasts: Taken[] = [];
    for (const {
      topic: { name },
    } of stage.tables) {
      for (let partition = 0; partition < this.#partitions; partition++) {
        const records = this.#records(name, partition);
        const from = tablePositions.get(`${name}/${partition}`) ?? 0;
        if (from === records.length) continue;
        task.processTable(polled(name, partition, from, records.slice(from)));
        tablePositions.set(`${name}/${partition}`, records.length);
        tables.push({ topic: name, partition, from, to: records.length });
        moved = true;
      }
    }
    for (const { topic, partition, offset } of task.broadcastPositions()) {
      const records = this.#records(topic, partition);
      const from = Math.max(offset, 0);
      if (from >= records.length) continue;
      task.processBroadcast(polled(topic, partition, from, records.slice(from)), this.nowMs);
      broadcasts.push({ topic, partition, from, to: records.length });
      moved = true;
    }
    const held = new Set(task.held().map(({ topic, partition }) => `${topic}/${partition}`));
    const batches: Taken[] = [];
    const arrived = task.positions().flatMap(({ topic, partition, offset }) => {
      const records = this.#records(topic, partition);
      if (held.has(`${topic}/${partition}`) || offset >= records.length) return [];
      const from = this.carriedBefore(topic, partition, offset);
      const to = this.carriedBefore(topic, partition, Math.min(offset + batchMax, records.length));
      batches.push({ topic, partition, from, to });
      return [polled(topic, partition, offset, records.slice(offset, offset + batchMax), records.length)];
    });
    for (const one of arrived) task.announce(one);
    for (const one of arrived) task.process(one, this.nowMs);
    moved ||= arrived.length > 0;
    task.tick(this.nowMs);
    running.turns++;
    running.schedule.push({
      kind: "turn",
      ...who(running),
      nowMs: this.nowMs,
      tables,
      broadcasts,
      silentBefore,
      batches,
      silentAfter: silentOf(running),
      reached: task.watermark,
    });
    if (moved && running.turns < turnsAnEpoch) return true;
    running.turns = 0;
    return this.#endEpoch(index) || moved;
  }

  /** @returns whether there was anything to commit. */
  #endEpoch(index: number): boolean {
    const running = this.#tasks[index]!;
    const { stage, slot, task } = running;
    const early = task.takeEarly();
    if (early) this.#commit(stage, early);
    const epoch = task.cut();
    if (!epoch) {
      this.#saySchedule(running);
      return false;
    }
    const crash = this.#options.crash?.(this.#epochs++);
    if (this.#epochs > EPOCHS_MAX) throw new Error(`the job did not come to rest in ${EPOCHS_MAX} epochs`);
    if (crash !== "before-commit") {
      const tells = this.#commit(stage, epoch.frames);
      this.#saySchedule(running);
      if (tells) this.#options.onSchedule?.({ kind: "tell", ...who(running) });
    }
    if (crash) {
      this.#tasks[index] = this.#startTask(stage, slot);
      this.#sayRestart(running);
    }
    return true;
  }

  /** What the turns did is committed, or there is nothing to commit of them. */
  #saySchedule(running: RunningTask): void {
    for (const step of running.schedule) this.#options.onSchedule?.(step);
    running.schedule = [];
  }

  #sayRestart(running: RunningTask): void {
    this.#options.onSchedule?.({ kind: "restart", ...who(running), nowMs: this.nowMs });
  }

  /** @returns whether the task tells those downstream how far it has come. */
  #commit(stage: StagePlan, frames: Uint8Array): boolean {
    let tells = false;
    forEachFrame(frames, ({ topic, partition, timestampMs, key, value }) => {
      if (stage.outputs[topic]!.endsWith(".exchange") && value?.[0] === WATERMARK) tells = true;
      this.#append(stage.outputs[topic]!, partition, {
        key: key === null ? null : key.toString("utf8"),
        value: value === null ? null : Buffer.from(value),
        timestampMs,
      });
    });
    return tells;
  }

  #append(topic: string, partition: number, record: MemoryRecord): void {
    this.#records(topic, partition).push(record);
  }

  #records(topic: string, partition: number): MemoryRecord[] {
    const id = `${topic}/${partition}`;
    const known = this.#log.get(id);
    if (known) return known;
    const fresh: MemoryRecord[] = [];
    this.#log.set(id, fresh);
    return fresh;
  }

  #everything(topic: string): MemoryRecord[] {
    return Array.from({ length: this.#partitions }, (_, partition) => this.#records(topic, partition)).flat();
  }

  /** Records that came too late for their window, and were left out or went to its side output; since the tasks started. */
  late(): number {
    return this.#tasks.reduce((late, { task }) => late + task.counters.late, 0);
  }

  /** Of each task that has one, as metrics tell it. */
  get watermarkDelaysMs(): number[] {
    return this.#tasks.flatMap(({ task }) => task.watermarkDelayMs ?? []);
  }

  /** Records of any topic as they are, an exchange's with control records, a changelog's with all it was: partition by partition. */
  records(topic: string): readonly MemoryRecord[] {
    return this.#everything(topic);
  }

  /** Records before an offset that the job is about: in an exchange, those that only say how others are written do not count. */
  carriedBefore(topic: string, partition: number, offset: number): number {
    if (!topic.endsWith(".exchange")) return offset;
    const before = this.#records(topic, partition).slice(0, offset);
    return before.filter(({ value }) => value?.[0] !== SCHEMA).length;
  }

  /** As `records`, of one partition. */
  recordsOf(topic: string, partition: number): readonly MemoryRecord[] {
    return this.#records(topic, partition);
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The values of a partition that no later record deletes. */
function standing(records: readonly MemoryRecord[]): Uint8Array[] {
  const deletedAt = new Map<string, number>();
  for (const [at, { key, value }] of records.entries()) if (value === null && key) deletedAt.set(key, at);
  return records.flatMap(({ key, value }, at) =>
    value === null || (key && (deletedAt.get(key) ?? -1) > at) ? [] : [value],
  );
}

function checked(options: HarnessOptions): HarnessOptions {
  const { partitions, parallelism, batchMax, turnsAnEpoch, nowMs } = options;
  const counts = { partitions, parallelism, batchMax, turnsAnEpoch };
  for (const [name, number] of Object.entries(counts))
    if (number !== undefined) count(`JobHarness: ${name}`, number);
  if (nowMs !== undefined) duration("JobHarness: nowMs", nowMs, 0);
  return options;
}

const who = ({ stage, slot }: RunningTask) => ({ section: sectionId(stage.nodes), task: slot });

const silentOf = ({ stage, task }: RunningTask) =>
  task.silent().map(({ topic, partition, node }) => ({
    topic,
    partition,
    watermark: watermarkId(node, [...stage.nodes, ...stage.exchangesOut]),
  }));
