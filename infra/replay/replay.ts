/**
 * Replays a recorded race into Kafka, at its own pace or as fast as Kafka takes it.
 *
 * Every transaction holds the next steps of the script and, in `pacestream.replays`, how far the script is after them. All
 * replays of a race share one `transactional.id`.
 *
 * P1  What Kafka holds (read_committed) is at every moment a beginning of the script, each step once: a replay killed at any
 *     moment and started again goes on with the next step, nothing missing and nothing twice.
 * P2  One replay of a race writes at a time: a new one fences the one before it, and says in the log that the race is its
 *     own; the one before finds that and stops with `REPLAY_TAKEN_OVER`. Being fenced is not enough to stop: a coordinator
 *     also fences a writer whose transaction was open for too long.
 * P3  A transaction of unknown end is looked up in the log before anything else is sent, never guessed.
 * P4  One transaction of bounded size is in flight: a slow broker slows the replay down, and memory stays as it is.
 * What that costs against a plain idempotent producer, 1000 records/s, a transaction each 20 ms: a read_committed reader has
 * a record after 20 ms instead of 4 (p99 47 instead of 11); 0.25 cores more of the broker, 0.02 of this process.
 * Kafka's record time is the wall clock when the record was handed over: latency is measured from it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { assert, PacestreamError } from "../../runtime/errors.ts";
import { FencedError } from "../../runtime/kafka/errors.ts";
import { FrameWriter } from "../../runtime/kafka/frames.ts";
import type { CommitOutcome, TransactionalWriter } from "../../runtime/kafka/log.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { Entrant, Race, TimingMessage } from "../../schemas/index.ts";
import { checkSameRecording, noProgress, ReplayProgress, type Settled, settle } from "./progress.ts";
import { countStep, heartbeatEveryMs, type Recording, type Step, script } from "./script.ts";
import { type Speed, startTempo, type Tempo } from "./tempo.ts";
import { ENTRANTS, PASSINGS, RACES, REPLAYS, runnerKey } from "./topics.ts";

/** What a replay needs of Kafka. */
export interface ReplayLog {
  readonly entrantPartitions: number;
  readonly passingPartitions: number;
  /** A new writer of this `transactional.id`, not yet initialised. */
  openWriter(transactionalId: string): TransactionalWriter;
  /** The last committed progress of the race. */
  readProgress(race: string): Promise<ReplayProgress | undefined>;
}

export interface ReplayOptions {
  readonly recording: Recording;
  /** Differs for every other recording. */
  readonly fingerprint: string;
  readonly speed: Speed;
  readonly log: ReplayLog;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Ends the replay after the transaction in flight. */
  readonly signal?: AbortSignal;
  /** After each transaction. */
  readonly onProgress?: (progress: ReplayProgress, raceMs: number | undefined) => void;
  /** Kafka is not taking it; the replay tries again by itself. */
  readonly onTrouble?: (reason: string) => void;
}

export interface ReplayResult {
  readonly progress: ReplayProgress;
  /** Where an earlier run had left it; `undefined`: this run began it. */
  readonly resumedFrom: ReplayProgress | undefined;
}

/** Indices into this are the topics of frames. */
const TOPICS = [RACES, ENTRANTS, PASSINGS, REPLAYS] as const;
const [RACE, ENTRANT, PASSING, REPLAY] = [0, 1, 2, 3] as const;
const ALL_TOPICS: readonly string[] = TOPICS;

/** P4. A few milliseconds of work on the main thread, which others share. */
const STEPS_MAX = 4096;
const NO_PREFIX = new Uint8Array(0);
/** Transactions follow each other at least this far apart when the race sets the pace: half of what one each 20 ms costs. */
const TICK_MS = 40;
/** The clock is looked at again at least this often. */
const WAIT_MAX_MS = 1000;
const PAUSE_FIRST_MS = 100;
/** Whoever takes a race over says so in its first transaction: after this long it is seen in the log. */
const SUCCESSOR_SHOWS_MS = 1_000;
const PAUSE_MAX_MS = 5000;

/**
 * Sends what is left of the recording. Resolves when all is committed, or after `signal`: then `progress.ended` is false.
 * @throws PacestreamError `REPLAY_TAKEN_OVER`, `REPLAY_OTHER_RECORDING`; whatever Kafka says when it cannot be reached at first.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const run = new Replay(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #now: () => number;
  readonly #raceId: string;
  readonly #transactionalId: string;
  readonly #owner = randomUUID();
  #writer: TransactionalWriter | undefined;
  #progress: ReplayProgress;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#raceId = options.recording.race.id;
    this.#transactionalId = `replay-${this.#raceId}`;
    this.#progress = noProgress(options.fingerprint);
  }

  async run(): Promise<ReplayResult> {
    const { recording, speed, signal, onProgress } = this.#options;
    await this.#open();
    const found = await this.#options.log.readProgress(this.#raceId);
    if (found) {
      checkSameRecording(this.#raceId, found, this.#options.fingerprint);
      this.#progress = found;
    }
    // An empty batch says that the race is ours now (P2).
    if (found?.ended || !(await this.#commit(this.#batch(this.#now())))) {
      return { progress: this.#progress, resumedFrom: found };
    }
    let tempo: Tempo | undefined;
    let raceMs: number | undefined;
    const steps = script(recording, this.#progress, speed === "max" ? 60_000 : heartbeatEveryMs(speed));
    try {
      let next = await steps.next();
      while (!next.done && !signal?.aborted) {
        const startedMs = this.#now();
        const batch = this.#batch(startedMs);
        while (!next.done && batch.steps < STEPS_MAX) {
          const step: Step = next.value;
          if (step.kind === "read" || step.kind === "heartbeat") {
            // The clock starts with the first timed step: however long entrants took, the race begins at its beginning.
            tempo ??= startTempo(speed, step.dueMs, startedMs);
            if (step.dueMs > tempo.raceMsAt(startedMs)) break;
            raceMs = step.dueMs;
          }
          batch.add(step);
          next = await steps.next();
        }
        if (batch.steps > 0) {
          if (!(await this.#commit(batch))) break;
          onProgress?.(this.#progress, raceMs);
        }
        if (next.done || tempo === undefined || speed === "max") continue;
        const dueMs = "dueMs" in next.value ? next.value.dueMs : 0;
        const nowMs = this.#now();
        await this.#pause(
          Math.min(Math.max(tempo.waitMs(dueMs, nowMs), startedMs + TICK_MS - nowMs), WAIT_MAX_MS),
        );
      }
    } finally {
      await steps.return(); // lets go of the files
    }
    return { progress: this.#progress, resumedFrom: found };
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  /** Takes the race over (P2). */
  async #open(): Promise<void> {
    await this.close().catch(() => undefined); // a writer whose end is unknown may well fail to close
    this.#writer = this.#options.log.openWriter(this.#transactionalId);
    await this.#writer.init();
  }

  /** Until it is in the log; false: the signal came first. */
  async #commit(batch: Batch): Promise<boolean> {
    const frames = batch.take();
    for (let attempt = 0; ; attempt++) {
      assert(this.#writer, "the replay is open");
      const outcome = await this.#writer.commit(ALL_TOPICS, frames);
      if (outcome.kind === "committed") break;
      if (outcome.kind === "aborted") this.#options.onTrouble?.(outcome.reason);
      else if (await this.#landed(batch, outcome)) break;
      if (this.#options.signal?.aborted) return false;
      await this.#pause(pauseMs(attempt));
    }
    this.#progress = batch.after;
    return true;
  }

  /** P3: whether the transaction is in the log. False when it is not, or when the signal came before the log could be read. */
  async #landed(batch: Batch, { kind, reason }: CommitOutcome & { reason: string }): Promise<boolean> {
    // Whoever has fenced this one needs a moment to say so in the log.
    if (kind === "fenced") await this.#pause(SUCCESSOR_SHOWS_MS);
    for (let attempt = 0; !this.#options.signal?.aborted; attempt++) {
      try {
        // First without a new writer: that would fence whoever has gone on meanwhile.
        if ((await this.#settled(batch)) === "overtaken") throw this.#takenOver();
        this.#options.onTrouble?.(reason);
        await this.#open(); // ends the transaction, one way or the other
        const settled = await this.#settled(batch);
        if (settled === "overtaken") throw this.#takenOver();
        return settled === "landed";
      } catch (error) {
        const isFinal = error instanceof PacestreamError && error.retry === "never";
        if (isFinal && !(error instanceof FencedError)) throw error;
        this.#options.onTrouble?.((error as Error).message);
        await this.#pause(pauseMs(attempt));
      }
    }
    return false;
  }

  #batch(nowMs: number): Batch {
    return new Batch(this.#raceId, this.#options.log, this.#progress, this.#owner, nowMs);
  }

  async #settled(batch: Batch): Promise<Settled> {
    const { fingerprint, log } = this.#options;
    return settle(
      (await log.readProgress(this.#raceId)) ?? noProgress(fingerprint),
      batch.before,
      batch.after,
    );
  }

  #takenOver(): PacestreamError {
    return new PacestreamError(
      "REPLAY_TAKEN_OVER",
      `another replay of ${this.#raceId} was started and goes on with it`,
    );
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (ms > 0 && !signal?.aborted) await sleep(ms, undefined, signal && { signal }).catch(() => undefined); // aborted: go on
  }
}

function pauseMs(attempt: number): number {
  return Math.min(PAUSE_FIRST_MS * 2 ** attempt, PAUSE_MAX_MS);
}

/** The next steps as frames of one transaction. */
class Batch {
  readonly before: ReplayProgress;
  readonly after: { -readonly [K in keyof ReplayProgress]: ReplayProgress[K] };
  steps = 0;
  readonly #frames = new FrameWriter();
  readonly #raceId: string;
  readonly #log: ReplayLog;
  readonly #nowMs: number;

  constructor(raceId: string, log: ReplayLog, before: ReplayProgress, owner: string, nowMs: number) {
    this.before = before;
    this.after = { ...before, owner };
    this.#raceId = raceId;
    this.#log = log;
    this.#nowMs = nowMs;
  }

  add(step: Step): void {
    const { entrantPartitions, passingPartitions } = this.#log;
    switch (step.kind) {
      case "race":
        this.#frames.write(RACE, 0, this.#nowMs, this.#raceId, Race.encode(step.race));
        break;
      case "entrant": {
        const key = runnerKey(this.#raceId, step.entrant.bib);
        this.#frames.write(
          ENTRANT,
          partitionOf(key, entrantPartitions),
          this.#nowMs,
          key,
          Entrant.encode(step.entrant),
        );
        break;
      }
      case "read": {
        const { read } = step.message;
        assert(read, "a recording holds reads only");
        const key = runnerKey(this.#raceId, read.bib);
        this.#frames.writeEncoded(
          PASSING,
          partitionOf(key, passingPartitions),
          this.#nowMs,
          key,
          NO_PREFIX,
          TimingMessage,
          step.message,
        );
        break;
      }
      case "heartbeat": {
        const message = { race: this.#raceId, receivedMs: step.receivedMs, read: null };
        const value = TimingMessage.encode(message);
        // The key is the race alone: it says nothing of where the heartbeat goes.
        for (let p = 0; p < passingPartitions; p++)
          this.#frames.write(PASSING, p, this.#nowMs, this.#raceId, value);
        break;
      }
    }
    countStep(this.after, step);
    if (step.kind === "read") this.after.firstReadAtMs ??= this.#nowMs;
    this.steps++;
  }

  /** The frames, the progress after them among them. */
  take(): Uint8Array {
    this.#frames.write(REPLAY, 0, this.#nowMs, this.#raceId, ReplayProgress.encode(this.after));
    return this.#frames.take();
  }
}
