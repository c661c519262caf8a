/**
 * Plays something recorded into Kafka, at its own pace or as fast as Kafka takes it. What is played, and what its records
 * are, is the `Play`'s: a race (`replay.ts`), or devices (`infra/devices/`).
 *
 * Every transaction holds the next steps and, in `pacestream.replays`, how far the play is after them. All runs of a play
 * share one `transactional.id`.
 *
 * P1  What Kafka holds (read_committed) is at every moment a beginning of the play, each step once: a run killed at any
 *     moment and started again goes on with the next step, nothing missing and nothing twice.
 * P2  One run of a play writes at a time: a new one fences the one before it, and says in the log that the play is its
 *     own; the one before finds that and stops with `REPLAY_TAKEN_OVER`. Being fenced is not enough to stop: a coordinator
 *     also fences a writer whose transaction was open for too long.
 * P3  A transaction of unknown end is looked up in the log before anything else is sent, never guessed.
 * P4  One transaction of bounded size is in flight, and one is being filled: a slow broker slows the play down, and memory
 *     stays as it is.
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
import type { Codec } from "../../schemas/index.ts";
import { checkSameRecording, type PlayProgress, type Settled, settle } from "./progress.ts";
import { type Speed, startTempo, type Tempo } from "./tempo.ts";
import { REPLAYS } from "./topics.ts";

/** Something that can be played: `S` are its steps, `P` says how much of it was sent. */
export interface Play<P extends PlayProgress, S> {
  /** Its key in `pacestream.replays`; it also names the `transactional.id`. */
  readonly id: string;
  /** Differs for everything else that could be played under this id. */
  readonly fingerprint: string;
  /** Of nothing. */
  readonly fresh: P;
  readonly progress: Codec<P>;
  /** What frames' topics are indices into. */
  readonly topics: readonly string[];
  /** How much that is, in words: `525940 reads`. */
  amount(sent: P): string;
  /** What is left after `sent`, always the same. */
  steps(sent: P): Generator<S, void> | AsyncGenerator<S, void>;
  /** When it is due by the play's clock; `undefined`: at once. */
  dueMs(step: S): number | undefined;
  write(step: S, frames: FrameWriter, nowMs: number): void;
  /** Counts one more step in `sent`, in place: this is done millions of times. */
  count(sent: Mutable<P>, step: S, nowMs: number): void;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a play needs of Kafka. */
export interface PlayLog<P> {
  /** A new writer of this `transactional.id`, not yet initialised. */
  openWriter(transactionalId: string): TransactionalWriter;
  /** The last committed progress of the play. */
  readProgress(id: string): Promise<P | undefined>;
}

export interface PlayOptions<P> {
  readonly speed: Speed;
  readonly log: PlayLog<P>;
  /** Starts the play's clock at its first timed step; by default one of its own. Plays that share one keep together. */
  readonly startClock?: (dueMs: number, wallMs: number) => Tempo;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Ends the play after the transaction in flight. */
  readonly signal?: AbortSignal;
  /** After each transaction, with the play's clock. */
  readonly onProgress?: (progress: P, clockMs: number | undefined) => void;
  /** Kafka is not taking it; the play tries again by itself. */
  readonly onTrouble?: (reason: string) => void;
}

export interface PlayResult<P> {
  readonly progress: P;
  /** Where an earlier run had left it; `undefined`: this run began it. */
  readonly resumedFrom: P | undefined;
}

/** P4. A few milliseconds of work on the main thread, which others share. */
const STEPS_MAX = 4096;
const BYTES_MAX = 4 << 20;
/** Transactions follow each other at least this far apart when the race sets the pace: half of what one each 20 ms costs. */
const TICK_MS = 40;
/** The clock is looked at again at least this often. */
const WAIT_MAX_MS = 1000;
const PAUSE_FIRST_MS = 100;
/** Whoever takes a race over says so in its first transaction: after this long it is seen in the log. */
const SUCCESSOR_SHOWS_MS = 1_000;
const PAUSE_MAX_MS = 5000;

/**
 * Sends what is left of the play. Resolves when all is committed, or after `signal`: then `progress.ended` is false.
 * @throws PacestreamError `REPLAY_TAKEN_OVER`, `REPLAY_OTHER_RECORDING`; whatever Kafka says when it cannot be reached at first.
 */
export async function perform<P extends PlayProgress, S>(
  play: Play<P, S>,
  options: PlayOptions<P>,
): Promise<PlayResult<P>> {
  const run = new Run(play, options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class Run<P extends PlayProgress, S> {
  readonly #play: Play<P, S>;
  readonly #options: PlayOptions<P>;
  readonly #now: () => number;
  readonly #owner = randomUUID();
  readonly #topics: readonly string[];
  #writer: TransactionalWriter | undefined;
  #progress: P;

  constructor(play: Play<P, S>, options: PlayOptions<P>) {
    this.#play = play;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#topics = [...play.topics, REPLAYS];
    this.#progress = play.fresh;
  }

  async run(): Promise<PlayResult<P>> {
    const play = this.#play;
    await this.#open();
    const found = await this.#options.log.readProgress(play.id);
    if (found) {
      checkSameRecording(play, found);
      this.#progress = found;
    }
    // An empty batch says that the play is ours now (P2).
    if (!found?.ended && (await this.#commit(this.#batch(this.#progress, this.#now())))) await this.#send();
    return { progress: this.#progress, resumedFrom: found };
  }

  async #send(): Promise<void> {
    const { speed, signal, onProgress } = this.#options;
    const startClock = this.#options.startClock ?? ((dueMs, wallMs) => startTempo(speed, dueMs, wallMs));
    const steps = this.#play.steps(this.#progress);
    let tempo: Tempo | undefined;
    let clockMs: number | undefined;
    let after = this.#progress;
    let committing: Promise<boolean> = Promise.resolve(true);
    try {
      let next = await steps.next();
      while (!next.done && !signal?.aborted) {
        const startedMs = this.#now();
        const batch = this.#batch(after, startedMs);
        while (!next.done && batch.steps < STEPS_MAX && batch.bytes < BYTES_MAX) {
          const dueMs = this.#play.dueMs(next.value);
          if (dueMs !== undefined) {
            // The clock starts with the first timed step: however long others took, the play begins at its beginning.
            tempo ??= startClock(dueMs, startedMs);
            if (dueMs > tempo.raceMsAt(startedMs)) break;
            clockMs = dueMs;
          }
          batch.add(next.value);
          next = await steps.next();
        }
        if (batch.steps > 0) {
          // The next batch is filled while this one commits (P4).
          if (!(await committing)) return;
          const atMs = clockMs;
          after = batch.after;
          committing = this.#commit(batch).then((committed) => {
            if (committed) onProgress?.(batch.after, atMs);
            return committed;
          });
          committing.catch(() => undefined); // it is awaited below
        }
        if (next.done || tempo === undefined || speed === "max") continue;
        const dueMs = this.#play.dueMs(next.value) ?? 0;
        const nowMs = this.#now();
        await this.#pause(
          Math.min(Math.max(tempo.waitMs(dueMs, nowMs), startedMs + TICK_MS - nowMs), WAIT_MAX_MS),
        );
      }
    } finally {
      await steps.return(); // lets go of the files
      await committing;
    }
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  /** Takes the race over (P2). */
  async #open(): Promise<void> {
    await this.close().catch(() => undefined); // a writer whose end is unknown may well fail to close
    this.#writer = this.#options.log.openWriter(`replay-${this.#play.id}`);
    await this.#writer.init();
  }

  /** Until it is in the log; false: the signal came first. */
  async #commit(batch: Batch<P, S>): Promise<boolean> {
    const frames = batch.take();
    for (let attempt = 0; ; attempt++) {
      assert(this.#writer, "the play is open");
      const outcome = await this.#writer.commit(this.#topics, frames);
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
  async #landed(batch: Batch<P, S>, { kind, reason }: CommitOutcome & { reason: string }): Promise<boolean> {
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

  #batch(before: P, nowMs: number): Batch<P, S> {
    return new Batch(this.#play, before, this.#owner, nowMs);
  }

  async #settled(batch: Batch<P, S>): Promise<Settled> {
    const { id, fresh, progress } = this.#play;
    const found = (await this.#options.log.readProgress(id)) ?? fresh;
    return settle(progress, found, batch.before, batch.after);
  }

  #takenOver(): PacestreamError {
    return new PacestreamError(
      "REPLAY_TAKEN_OVER",
      `another replay of ${this.#play.id} was started and goes on with it`,
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
class Batch<P extends PlayProgress, S> {
  readonly before: P;
  readonly after: Mutable<P>;
  steps = 0;
  readonly #frames = new FrameWriter();
  readonly #play: Play<P, S>;
  readonly #nowMs: number;

  constructor(play: Play<P, S>, before: P, owner: string, nowMs: number) {
    this.#play = play;
    this.before = before;
    this.after = { ...before, owner };
    this.#nowMs = nowMs;
  }

  get bytes(): number {
    return this.#frames.bytes;
  }

  add(step: S): void {
    this.#play.write(step, this.#frames, this.#nowMs);
    this.#play.count(this.after, step, this.#nowMs);
    this.steps++;
  }

  /** The frames, the progress after them among them. */
  take(): Uint8Array {
    const { id, topics, progress } = this.#play;
    this.#frames.write(topics.length, 0, this.#nowMs, id, progress.encode(this.after));
    return this.#frames.take();
  }
}
