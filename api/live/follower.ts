/**
 * Keeps a read model at the end of the log: reads the model's topics from their beginning, or from where the model says, committed
 * records only, and goes on for ever. Which topics these are and what their records mean is the model's business.
 *
 * F1  The thread is given back after `SLICE_MS`: a rebuild of half a million standings does not hold a request up.
 * F2  Topics are read phase by phase: those of one to their end before those of the next begin.
 * F3  Whatever goes wrong, the model that is served stays, and a new one is built from the beginning until it is caught up;
 *     then it takes over. The first model is served from the start, and `state` says that it is not caught up.
 * F4  Following is looked at from outside: what the log has is asked for now and then, and input that is not read for
 *     `STUCK_AFTER_MS`, a log that does not answer, or a model that is not followed any more is a problem.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Problem, STUCK_AFTER_MS } from "../../runtime/health.ts";
import { OffsetOutOfRangeError, TopicRecreatedError, UnknownTopicError } from "../../runtime/kafka/errors.ts";
import type { PartitionReader, PolledPartition, Position } from "../../runtime/kafka/log.ts";
import { systemTime, type Time } from "../../runtime/time.ts";
import { ProgressWatch } from "./progress-watch.ts";

/** By scope (a race), of which subjects (runners) something was said. */
export type Changes = ReadonlyMap<string, ReadonlySet<string>>;

/** Holds no connection and never waits: the follower feeds it. */
export interface FollowedModel {
  /** Records applied, held or skipped. */
  readonly applied: number;
  /**
   * Applies the record whose value is `bytes[start, end)`; one that it cannot read or apply it skips.
   * @throws ModelOutdated
   */
  apply(topic: string, partition: number, offset: number, bytes: Buffer, start: number, end: number): void;
  /** Records of the partition before `offset` are dealt with. */
  reached(topic: string, partition: number, offset: number): void;
  /** What has changed since the last call. */
  takeChanged(): Changes;
  /** Every scope there is, as if it had changed. */
  scopes(): Changes;
}

/** What is followed. */
export interface Followed<M extends FollowedModel> {
  /** Topics by phase (F2). */
  readonly phases: readonly (readonly string[])[];
  newModel(): M;
  /** Where to begin to read a partition that has the offsets `[first, end)`; absent: at the first. */
  startAt?(at: { topic: string; partition: number; first: number; end: number }): number;
}

/** What was read does not fit what had been applied before: the model must be built anew (F3). */
export class ModelOutdated extends Error {}

const SLICE_MS = 8;
/** Records between two looks at the clock. */
const SLICE_CHECK = 64;
const POLL_MS = 500;
const TOPIC_WAIT_MS = 200;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 10_000;
const CLOSE_MAX_MS = 1000;

export interface FollowerEvents {
  /** Called at the end of every slice. */
  changed(changes: Changes): void;
  /** Records read from a topic, and how many are left in what the last answer covered. */
  progress(topic: string, partition: number, records: number, lag: number): void;
  /** Following stopped and begins anew after a pause. */
  interrupted(error: Error, pauseMs: number): void;
}

export type FollowerState =
  | { readonly kind: "waiting"; readonly reason: string }
  | { readonly kind: "catching-up"; readonly records: number }
  | { readonly kind: "following" };

export class Follower<M extends FollowedModel> {
  readonly #followed: Followed<M>;
  readonly #openReader: () => PartitionReader;
  readonly #events: FollowerEvents;
  readonly #stop = new AbortController();
  readonly #caughtUp = Promise.withResolvers<void>();
  #model: M;
  #state: FollowerState = { kind: "waiting", reason: "not started" };
  #everCaughtUp = false;
  #running: Promise<void> | undefined;
  #reader: PartitionReader | undefined;
  readonly #time: Pick<Time, "now" | "elapsed">;
  readonly #giveWay: () => Promise<void>;
  /** When following ended; undefined: it goes on. */
  #lostMs: number | undefined;
  #watch: ProgressWatch | undefined;
  /** Next offset by topic and partition. */
  readonly #next = new Map<string, number>();

  constructor(
    followed: Followed<M>,
    openReader: () => PartitionReader,
    events: FollowerEvents,
    time: Pick<Time, "now" | "elapsed"> = systemTime,
    giveWay: () => Promise<void> = () => new Promise(setImmediate),
  ) {
    this.#giveWay = giveWay;
    this.#time = time;
    this.#followed = followed;
    this.#openReader = openReader;
    this.#events = events;
    this.#model = followed.newModel();
  }

  /** The model to serve from; another object after a rebuild. */
  get model(): M {
    return this.#model;
  }

  get state(): FollowerState {
    return this.#state;
  }

  /** Whether everything in the log at some moment since the start has been applied. */
  get isReady(): boolean {
    return this.#everCaughtUp;
  }

  /** Resolves once `isReady`; never rejects. */
  get ready(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** F4. Before the model has been built once, `state` says what is missing. */
  get problem(): Omit<Problem, "part"> | undefined {
    if (!this.#everCaughtUp) return undefined;
    if (this.#lostMs === undefined) return this.#watch?.problem;
    const forMs = this.#time.elapsed() - this.#lostMs;
    if (forMs < STUCK_AFTER_MS) return undefined;
    const state = this.#state;
    const why = state.kind === "waiting" ? `: ${state.reason}` : ", and is built anew";
    return {
      code: state.kind === "waiting" ? "interrupted" : "rebuilding",
      message: `does not follow the log${why}; what is shown is as old as that`,
      sinceMs: Math.round(this.#time.now() - forMs),
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when following has ended, or soon: a reader may still be waiting for a broker that is away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reader?.close().catch(() => undefined);
    await Promise.race([this.#running, sleep(CLOSE_MAX_MS, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const reader = this.#openReader();
      this.#reader = reader;
      const startMs = performance.now();
      try {
        await this.#follow(reader);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        // Long without trouble: what happened now has nothing to do with what happened then.
        if (performance.now() - startMs > 2 * PAUSE_MAX_MS || isRebuild(error)) failures = 0;
        const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** failures++);
        this.#state = { kind: "waiting", reason: (error as Error).message };
        this.#lostMs ??= this.#time.elapsed();
        this.#watch = undefined;
        this.#events.interrupted(error as Error, pauseMs);
        await this.#pause(pauseMs);
      } finally {
        await reader.close().catch(() => undefined);
      }
    }
  }

  /** Builds a model from the beginning and follows (F2, F3); ends by throwing, or when stopped. */
  async #follow(reader: PartitionReader): Promise<void> {
    const { phases, newModel, startAt = ({ first }) => first } = this.#followed;
    const model = this.#everCaughtUp || this.#model.applied > 0 ? newModel() : this.#model;
    if (!this.#everCaughtUp) this.#model = model;
    const starts = new Map<string, Position[]>();
    this.#next.clear();
    /** What is left until caught up: next offset to reach, by topic and partition. */
    const targets = new Map<string, number>();
    for (const topic of phases.flat()) {
      const partitions = await this.#partitionsOf(reader, topic);
      if (!partitions) return;
      const offsets = await reader.offsets(partitions);
      const positions = partitions.map(({ partition }, i) => {
        const { first, end } = offsets[i]!;
        const offset = startAt({ topic, partition, first, end });
        if (end > offset) targets.set(`${topic}/${partition}`, end);
        model.reached(topic, partition, offset);
        this.#next.set(`${topic}/${partition}`, offset);
        return { topic, partition, offset };
      });
      starts.set(topic, positions);
    }
    for (const topics of phases) {
      const positions = topics.flatMap((topic) => starts.get(topic)!);
      reader.assign(positions);
      const isRead = () => positions.every(({ topic, partition }) => !targets.has(`${topic}/${partition}`));
      await this.#readUntil(reader, model, targets, isRead);
    }
    if (this.#stop.signal.aborted) return;
    this.#model = model;
    this.#state = { kind: "following" };
    this.#everCaughtUp = true;
    this.#caughtUp.resolve();
    this.#events.changed(model.scopes());
    this.#lostMs = undefined;
    this.#watch = new ProgressWatch(reader, [...starts.values()].flat(), this.#next, this.#time);
    await this.#readUntil(reader, model, targets, () => false);
  }

  async #partitionsOf(reader: PartitionReader, topic: string) {
    while (!this.#stop.signal.aborted) {
      try {
        const count = await reader.partitionCount(topic);
        return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
      } catch (error) {
        if (!(error instanceof UnknownTopicError)) throw error;
        this.#state = { kind: "waiting", reason: `topic ${topic} does not exist yet` };
        await this.#pause(TOPIC_WAIT_MS);
      }
    }
    return undefined;
  }

  async #readUntil(
    reader: PartitionReader,
    model: M,
    targets: Map<string, number>,
    done: () => boolean,
  ): Promise<void> {
    while (!done() && !this.#stop.signal.aborted) {
      if (this.#state.kind !== "following") this.#state = { kind: "catching-up", records: model.applied };
      this.#watch?.look();
      for (const polled of await reader.poll(POLL_MS)) {
        await this.#apply(model, polled);
        const key = `${polled.topic}/${polled.partition}`;
        if (polled.nextOffset >= (targets.get(key) ?? Number.POSITIVE_INFINITY)) targets.delete(key);
      }
    }
  }

  async #apply(model: M, polled: PolledPartition): Promise<void> {
    const { topic, partition, records } = polled;
    let sliceMs = performance.now();
    let count = 0;
    while (records.next()) {
      // A tombstone: topics are compacted, and the record it removes has been replaced already.
      if (records.valueStart >= 0) {
        model.apply(topic, partition, records.offset, records.buffer, records.valueStart, records.valueEnd);
      }
      if (++count % SLICE_CHECK !== 0 || performance.now() - sliceMs < SLICE_MS) continue;
      this.#tell(model);
      await this.#giveWay(); // F1
      if (this.#stop.signal.aborted) return;
      sliceMs = performance.now();
    }
    model.reached(topic, partition, polled.nextOffset);
    this.#next.set(`${topic}/${partition}`, polled.nextOffset);
    this.#events.progress(topic, partition, count, Math.max(0, polled.endOffset - polled.nextOffset));
    this.#tell(model);
  }

  #tell(model: M): void {
    const changed = model.takeChanged();
    if (changed.size > 0 && model === this.#model) this.#events.changed(changed);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function isRebuild(error: unknown): boolean {
  return (
    error instanceof ModelOutdated ||
    error instanceof OffsetOutOfRangeError ||
    error instanceof TopicRecreatedError
  );
}
