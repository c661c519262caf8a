/**
 * Drives one task in a worker: restores it from its changelog, reads its partitions, ends its epochs. All that touches a
 * socket or a clock is here; all that decides what a record means is in task.ts.
 *
 * W1  One epoch commits at a time; the next is computed meanwhile.
 * W2  Bounded memory: no reading while the epoch at hand is full and the one before it has not committed.
 * W3  The changelog is read up to its end as seen after the writer's `init`, which has resolved the transaction of whoever
 *     had the slot before. So it is complete, and nobody adds to it.
 * W4  Tables and broadcasts are read to their end before the first record.
 * W5  How long something took is never told by the machine's clock, which may be set: an hour back would be an hour's silence.
 * W6  Results that do not wait for their epoch leave at the end of each turn.
 * W7  Of a task that failed, and nothing single could be blamed, the first epochs hold few records each: the next failure tells more.
 */
import type { StagePlan } from "../graph/plan.ts";
import { changelogTopic } from "../graph/topics.ts";
import type { PartitionReader, PolledPartition, TopicPartition } from "../kafka/log.ts";
import { ChangelogKeyReader } from "../state/changelog-key.ts";
import type { Time } from "../time.ts";
import type { FromTask, TaskPort, TaskStart, TaskStatus, ToTask } from "./messages.ts";
import { Pulse } from "./pulse.ts";
import { Task } from "./task.ts";

/**
 * How long a poll may wait when nothing comes, and what that grows to while nothing does: bounds how late idleness, and a wish to
 * stop, are seen. A record ends it at once. How often Kafka is asked meanwhile is the reader's (reader.ts, R6): here it is turns that
 * are saved.
 */
const POLL_MS = 100;
const POLL_IDLE_MS = 800;
const STATUS_EVERY_MS = 1_000;
const PROGRESS_EVERY_MS = 250;
/** From a commit to the next epoch: Kafka still ends the last transaction then, and one that begins at once is asked to wait. */
const REST_MS = 5;
/** So many small epochs without a failure, or all of the input, and epochs are as usual. */
const SMALL_EPOCHS_MAX = 1_000;
/** What epochs shorter than that grow to while a task stays behind. */
const BEHIND_MAX_MS = 400;

export class TaskLoop {
  readonly #start: Omit<TaskStart, "port">;
  readonly #plan: StagePlan;
  readonly #task: Task;
  readonly #resultsLeaveEarly: boolean;
  readonly #reader: PartitionReader;
  readonly #port: TaskPort<FromTask, ToTask>;
  readonly #time: Time;
  #state: "running" | "stopping" | "abandoned" = "running";
  #committing = false;
  /** The last commit was a moment ago. */
  #resting = false;
  #epochBeganMs = 0;
  /** How long an epoch may take now when the task is behind. */
  #behindMs = 0;
  #statusSentMs = 0;
  #pollMs = POLL_MS;
  #held: ReadonlyMap<string, TopicPartition> = new Map();
  #wake: (() => void) | undefined;
  readonly #pulse: Pulse;
  /** As long as epochs are kept small (W7). */
  #epochRecordsMax: number | undefined;
  #smallEpochs = 0;
  /** Between turns, for the next one to end in. */
  #thrown: { readonly error: unknown } | undefined;

  constructor(start: TaskStart, plan: StagePlan, reader: PartitionReader, time: Time) {
    this.#start = start;
    this.#plan = plan;
    this.#port = start.port;
    this.#reader = reader;
    this.#time = time;
    this.#resultsLeaveEarly =
      plan.exchangesOut.length === 0 && plan.sinks.every(({ delivery }) => delivery === "at-least-once");
    this.#pulse = new Pulse(start.pulse);
    this.#epochRecordsMax = start.epochRecordsMax;
    this.#pulse.notesKeys = start.epochRecordsMax !== undefined;
    this.#task = new Task(plan, start.spec, start.upstreamParallelism, start.isolated, this.#pulse);
    this.#port.on("message", (message: ToTask) => this.#hear(message));
  }

  /** Resolves once stopped; rejects when the task cannot go on. */
  async run(): Promise<void> {
    const restoredRecords = await this.#restore();
    await this.#readTables();
    // What was restored in part says less than what is committed.
    if (this.#hasStopped()) return;
    await this.#assignInputs();
    this.#say({ kind: "running", restoredRecords });
    this.#epochBeganMs = this.#time.elapsed();
    this.#behindMs = this.#start.epochs.intervalMs;
    while (this.#state === "running") {
      if (this.#task.pendingBytes >= this.#start.epochs.bytesMax && this.#committing) {
        await this.#untilHeard();
        continue;
      }
      const waitMs = Math.min(this.#pollMs, Math.max(0, this.#task.nextTimerMs() - this.#time.now()));
      const polled = await this.#reader.poll(waitMs);
      if (this.#hasStopped()) break;
      if (this.#thrown) throw this.#thrown.error;
      const nowMs = this.#time.now();
      const elapsedMs = this.#time.elapsed();
      this.#pulse.working();
      for (const partition of polled) this.#task.announce(partition);
      if (this.#epochRecordsMax === undefined)
        for (const partition of polled) this.#take(partition, nowMs, elapsedMs);
      else await this.#takeInSmallEpochs(polled, this.#epochRecordsMax);
      this.#task.tick(nowMs, elapsedMs);
      this.#hold();
      this.#sayEarly();
      this.#endEpochIfDue(elapsedMs);
      this.#reportStatus(elapsedMs);
      const isIdle = polled.length === 0 && this.#task.pending === "nothing";
      this.#pollMs = isIdle ? Math.min(2 * this.#pollMs, POLL_IDLE_MS) : POLL_MS;
      this.#pulse.waiting();
    }
    await this.#finish();
  }

  /** Said apart from the loop's own check: `#state` changes while it waits. */
  #hasStopped(): boolean {
    return this.#state !== "running";
  }

  async #finish(): Promise<void> {
    while (this.#state === "stopping") {
      if (this.#committing) await this.#untilHeard();
      else if (this.#task.pending !== "nothing") this.#endEpoch();
      else return;
    }
  }

  /** W7 */
  async #takeInSmallEpochs(polled: readonly PolledPartition[], recordsMax: number): Promise<void> {
    for (const partition of polled) {
      for (let isAll = false; !isAll; ) {
        isAll = this.#take(partition, this.#time.now(), this.#time.elapsed(), recordsMax);
        this.#task.tick(this.#time.now(), this.#time.elapsed());
        await this.#untilCommitted();
        if (this.#task.pending !== "nothing" && !this.#hasStopped()) this.#endEpoch();
        await this.#untilCommitted();
        if (this.#hasStopped()) return;
        this.#smallEpochs++;
      }
    }
    if (!this.#task.caughtUp && this.#smallEpochs < SMALL_EPOCHS_MAX) return;
    this.#epochRecordsMax = undefined;
  }

  async #untilCommitted(): Promise<void> {
    while (this.#committing && this.#state !== "abandoned") await this.#untilHeard();
  }

  #hear(message: ToTask): void {
    switch (message.kind) {
      case "committed":
        this.#committing = false;
        this.#rest();
        break;
      case "stop":
        if (this.#state === "running") this.#state = "stopping";
        break;
      case "abandon":
        this.#state = "abandoned";
        break;
    }
    this.#wake?.();
    this.#wake = undefined;
  }

  /** What waited for the last commit leaves after it (design: adaptive epochs); not in the middle of a record, but between turns. */
  #rest(): void {
    this.#resting = true;
    this.#time.after(REST_MS, () => {
      this.#resting = false;
      if (this.#state !== "running") return;
      try {
        this.#endEpochIfDue(this.#time.elapsed());
      } catch (error) {
        this.#thrown = { error };
      }
    });
  }

  #untilHeard(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Leaves partitions unread that are too far ahead in event time. */
  #hold(): void {
    const now = new Map(this.#task.held().map((held) => [`${held.topic}/${held.partition}`, held]));
    const before = this.#held;
    const resumed = [...before].filter(([id]) => !now.has(id));
    const paused = [...now].filter(([id]) => !before.has(id));
    if (resumed.length > 0) this.#reader.resume(resumed.map(([, partition]) => partition));
    if (paused.length > 0) this.#reader.pause(paused.map(([, partition]) => partition));
    this.#held = now;
  }

  #endEpochIfDue(elapsedMs: number): void {
    const { intervalMs, bytesMax } = this.#start.epochs;
    if (this.#committing || (this.#resting && this.#task.pendingBytes < bytesMax)) return;
    const ageMs = elapsedMs - this.#epochBeganMs;
    switch (this.#task.pending) {
      case "results":
        // With results that have left already there is nothing to hurry for.
        if (this.#resultsLeaveEarly && ageMs < intervalMs && this.#task.pendingBytes < bytesMax) return;
        if (this.#task.caughtUp) this.#behindMs = intervalMs;
        else if (ageMs < this.#behindMs && this.#task.pendingBytes < bytesMax) return;
        // The longer a task is behind, the less it gains from haste, and the more from fewer transactions.
        else this.#behindMs = Math.max(intervalMs, Math.min(2 * this.#behindMs, BEHIND_MAX_MS));
        this.#endEpoch();
        return;
      case "watermark":
        if (ageMs >= intervalMs) this.#endEpoch();
        return;
      case "progress":
        // Nobody waits for it but the next restart, which reads on from a little earlier.
        if (ageMs >= PROGRESS_EVERY_MS) this.#endEpoch();
        return;
      case "nothing":
        return;
    }
  }

  #sayEarly(): void {
    const frames = this.#task.takeEarly();
    if (frames) this.#say({ kind: "early", frames }, [frames.buffer]);
  }

  #endEpoch(): void {
    this.#sayEarly();
    const epoch = this.#task.cut();
    if (!epoch) return;
    this.#committing = true;
    this.#epochBeganMs = this.#time.elapsed();
    const { number, frames, positions } = epoch;
    this.#say(
      { kind: "epoch", number, frames, positions, caughtUp: this.#task.caughtUp, status: this.#status() },
      [frames.buffer],
    );
    this.#statusSentMs = this.#epochBeganMs;
  }

  #reportStatus(elapsedMs: number): void {
    if (elapsedMs - this.#statusSentMs < STATUS_EVERY_MS) return;
    this.#statusSentMs = elapsedMs;
    this.#say({ kind: "status", status: this.#status() });
  }

  #status(): TaskStatus {
    return {
      counters: { ...this.#task.counters },
      lag: this.#task.lag,
      watermarkDelayMs: this.#task.watermarkDelayMs,
    };
  }

  #say(message: FromTask, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  // --- start ---------------------------------------------------------------------------------------------------------

  async #restore(): Promise<number> {
    const topic = changelogTopic(this.#start.spec.job, this.#plan.name);
    const keys = new ChangelogKeyReader();
    let records = 0;
    await this.#readToEnd(
      this.#task.partitions.map((partition) => ({ topic, partition })),
      (polled) => {
        const cursor = polled.records;
        while (cursor.next()) {
          const key = keys.read(cursor.buffer, cursor.keyStart, cursor.keyEnd);
          const value =
            cursor.valueStart < 0 ? null : cursor.buffer.subarray(cursor.valueStart, cursor.valueEnd);
          this.#task.restore(polled.partition, key, value);
          records++;
        }
      },
    );
    return records;
  }

  async #readTables(): Promise<void> {
    const partitions: TopicPartition[] = [];
    for (const {
      topic: { name },
    } of this.#plan.tables) {
      const count = await this.#reader.partitionCount(name);
      for (let partition = 0; partition < count; partition++) partitions.push({ topic: name, partition });
    }
    await this.#readToEnd(partitions, (polled) => this.#task.processTable(polled));
    // They stay assigned: later changes arrive with the records.
    this.#reader.resume(partitions);
  }

  /** Reads partitions from their first offset (or the one given, if later) to the end as it is now, then pauses them. */
  async #readToEnd(
    partitions: readonly (TopicPartition & { readonly offset?: number })[],
    take: (polled: Awaited<ReturnType<PartitionReader["poll"]>>[number]) => void,
  ): Promise<void> {
    if (partitions.length === 0) return;
    const extents = await this.#reader.offsets(partitions);
    const froms = partitions.map(({ offset = 0 }, index) => Math.max(offset, extents[index]!.first));
    const open = new Map<string, number>();
    partitions.forEach(({ topic, partition }, index) => {
      if (froms[index]! < extents[index]!.end) open.set(`${topic}/${partition}`, extents[index]!.end);
    });
    this.#reader.assign(partitions.map((partition, index) => ({ ...partition, offset: froms[index]! })));
    while (open.size > 0 && this.#state === "running") {
      for (const polled of await this.#reader.poll(POLL_MS)) {
        this.#pulse.working();
        take(polled);
        this.#pulse.waiting();
        const id = `${polled.topic}/${polled.partition}`;
        if (polled.nextOffset >= (open.get(id) ?? 0)) open.delete(id);
      }
    }
    this.#reader.pause(partitions);
  }

  async #assignInputs(): Promise<void> {
    const inputs = this.#plan.inputs.flatMap(({ topic }) =>
      this.#task.partitions.map((partition) => ({ topic, partition })),
    );
    const extents = await this.#reader.offsets(inputs);
    const byId = new Map(
      inputs.map(({ topic, partition }, index) => [`${topic}/${partition}`, extents[index]!]),
    );
    const positions = this.#task.seal(
      (topic, partition) => byId.get(`${topic}/${partition}`)!,
      this.#time.now(),
      this.#time.elapsed(),
    );
    await this.#readBroadcasts();
    this.#reader.assign(positions);
  }

  async #readBroadcasts(): Promise<void> {
    const positions = this.#task.broadcastPositions();
    await this.#readToEnd(positions, (polled) => this.#take(polled, this.#time.now(), this.#time.elapsed()));
    // They stay assigned: later versions arrive with the records.
    this.#reader.resume(positions);
  }

  /** @returns whether that was all of it (`Task.process`). */
  #take(polled: PolledPartition, nowMs: number, elapsedMs: number, recordsMax?: number): boolean {
    const { tables, broadcasts } = this.#plan;
    if (tables.some(({ topic }) => topic.name === polled.topic)) this.#task.processTable(polled);
    else if (broadcasts.some(({ topic }) => topic.name === polled.topic))
      this.#task.processBroadcast(polled, nowMs);
    else return this.#task.process(polled, nowMs, elapsedMs, recordsMax);
    return true;
  }
}
