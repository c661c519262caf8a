/**
 * Who watches what: the streams by view, made when the first reader comes, dropped when nobody has come back for a while.
 * Owns the rhythm in which streams look at the read model.
 *
 * H1  Leading edge: after a quiet while the first change is told at once; while changes keep coming, a pass over the changed
 *     views happens every `passIntervalMinMs`, or four times as long as a pass took if that is more, so that readers never
 *     cost more than a fifth of the thread.
 * H2  Connections and distinct views are bounded; beyond, `TOO_MANY_READERS`.
 * H3  A view that nobody watches is not read; when somebody comes back in time, one change brings it up to date.
 * H4  Who watches one runner is told what is said of that runner at once, whatever the rhythm; that others' results move the
 *     runner's places can wait for the next pass.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Problem } from "../problem.ts";
import type { LiveView } from "./live-view.ts";
import type { PositionVector } from "./position.ts";
import { Stream, type StreamEvents, type StreamLimits } from "./stream.ts";

export interface HubLimits extends StreamLimits {
  readonly passIntervalMinMs: number;
  readonly readersMax: number;
  readonly viewsMax: number;
  /** How long a view nobody watches keeps its history, milliseconds. */
  readonly lingerMs: number;
}

export const HUB_LIMITS: HubLimits = {
  passIntervalMinMs: 120,
  minorIntervalMs: 1000,
  heartbeatMs: 15_000,
  readerBufferMax: 256 * 1024,
  stuckMaxMs: 30_000,
  historyMax: 200,
  historyCharsMax: 256 * 1024,
  readersMax: 5000,
  viewsMax: 1000,
  lingerMs: 60_000,
};

const RETRY_AFTER_S = 5;
/** Of views of runners told outside of the rhythm, for one slice of records (H4): the rest wait for the pass. */
const AT_ONCE_MAX = 50;
/** A pass lets other work in between after this long. */
const SLICE_MS = 10;

interface Watched {
  readonly stream: Stream;
  dirty: boolean;
  /** When the last reader left; undefined while there is one. */
  unwatchedSinceMs: number | undefined;
}

export class StreamHub {
  readonly #position: () => PositionVector;
  readonly #limits: HubLimits;
  readonly #events: StreamEvents;
  readonly #watched = new Map<string, Watched>();
  readonly #sweeper: NodeJS.Timeout;
  #readers = 0;
  #passTimer: NodeJS.Timeout | undefined;
  #passing = false;
  #nextPassMs = 0;
  #closed = false;

  constructor(position: () => PositionVector, events: StreamEvents, limits: HubLimits = HUB_LIMITS) {
    this.#position = position;
    this.#events = events;
    this.#limits = limits;
    this.#sweeper = setInterval(
      () => this.#sweep(),
      Math.min(5000, limits.stuckMaxMs / 2, limits.lingerMs),
    ).unref();
  }

  get readers(): number {
    return this.#readers;
  }

  get views(): number {
    return this.#watched.size;
  }

  /** Whether one more reader may come. @throws Problem `TOO_MANY_READERS` (H2) */
  admit(key: string): void {
    if (this.#closed)
      throw new Problem("TOO_MANY_READERS", "the server is closing: connect again shortly", RETRY_AFTER_S);
    if (this.#readers >= this.#limits.readersMax || (!this.#watched.has(key) && !this.#roomForView())) {
      throw new Problem(
        "TOO_MANY_READERS",
        "too many live connections at the moment: try again shortly",
        RETRY_AFTER_S,
      );
    }
  }

  /** Connects a reader that `admit` let in. From here on the response belongs to the stream. */
  open<S>(
    view: LiveView<S>,
    request: IncomingMessage,
    response: ServerResponse,
    lastEventId: string | undefined,
  ): void {
    let watched = this.#watched.get(view.key);
    if (!watched) {
      const stream = new Stream(view, this.#position(), this.#limits, this.#events) as unknown as Stream;
      watched = { stream, dirty: false, unwatchedSinceMs: undefined };
      this.#watched.set(view.key, watched);
    } else if (watched.unwatchedSinceMs !== undefined) {
      watched.unwatchedSinceMs = undefined;
      if (watched.dirty) this.#update(watched);
      if (watched.dirty) this.#schedule();
    }
    const joined = watched;
    this.#readers++;
    joined.stream.join(request, response, lastEventId, () => {
      this.#readers--;
      if (joined.stream.readers === 0) joined.unwatchedSinceMs = performance.now();
    });
  }

  /** Something changed in this race, and something was said of these runners; returns soon, readers may have been told (H1, H4). */
  changed(race: string, runners: ReadonlySet<string>): void {
    let any = false;
    let atOnce = 0;
    for (const watched of this.#watched.values()) {
      const { view } = watched.stream;
      if (view.race !== race) continue;
      watched.dirty = true;
      if (watched.unwatchedSinceMs !== undefined) continue;
      if (view.bib !== undefined && runners.has(view.bib) && atOnce < AT_ONCE_MAX) {
        atOnce++;
        this.#update(watched);
      }
      any ||= watched.dirty;
    }
    if (any) this.#schedule();
  }

  /** Ends every stream; readers are told `bye`. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#passTimer);
    for (const { stream } of this.#watched.values()) stream.close("the server is closing");
    this.#watched.clear();
  }

  #schedule(): void {
    if (this.#passing || this.#passTimer || this.#closed) return;
    const waitMs = this.#nextPassMs - performance.now();
    if (waitMs <= 0) void this.#pass();
    else {
      this.#passTimer = setTimeout(() => {
        this.#passTimer = undefined;
        void this.#pass();
      }, waitMs);
    }
  }

  async #pass(): Promise<void> {
    this.#passing = true;
    const startMs = performance.now();
    let sliceMs = startMs;
    let costMs = 0;
    for (const watched of this.#watched.values()) {
      if (!watched.dirty || watched.unwatchedSinceMs !== undefined) continue;
      this.#update(watched);
      const nowMs = performance.now();
      if (nowMs - sliceMs < SLICE_MS) continue;
      costMs += nowMs - sliceMs;
      await new Promise(setImmediate);
      if (this.#closed) return;
      sliceMs = performance.now();
    }
    costMs += performance.now() - sliceMs;
    this.#passing = false;
    this.#nextPassMs = startMs + Math.max(this.#limits.passIntervalMinMs, 4 * costMs);
    // What changed after its turn, and minor changes held back, wait for the next pass.
    for (const watched of this.#watched.values()) {
      if (watched.dirty && watched.unwatchedSinceMs === undefined) return this.#schedule();
    }
  }

  #update(watched: Watched): void {
    try {
      watched.dirty = watched.stream.update(this.#position(), performance.now()) === "held-back";
    } catch (error) {
      // The race was redefined and has no such mat or group any more: readers connect again and are told so.
      watched.dirty = false;
      this.#events.failed(watched.stream.view.key, error);
      this.#drop(watched.stream.view.key, "this view can no longer be read");
    }
  }

  #roomForView(): boolean {
    if (this.#watched.size < this.#limits.viewsMax) return true;
    // The view longest unwatched makes room: they are kept for the convenience of those who come back only.
    let oldest: [key: string, sinceMs: number] | undefined;
    for (const [key, { unwatchedSinceMs }] of this.#watched) {
      if (unwatchedSinceMs !== undefined && (!oldest || unwatchedSinceMs < oldest[1]))
        oldest = [key, unwatchedSinceMs];
    }
    if (!oldest) return false;
    this.#drop(oldest[0]);
    return true;
  }

  #drop(key: string, reason = "nobody watches"): void {
    this.#watched.get(key)?.stream.close(reason);
    this.#watched.delete(key);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, { stream, unwatchedSinceMs }] of this.#watched) {
      stream.sweep(nowMs);
      if (unwatchedSinceMs !== undefined && nowMs - unwatchedSinceMs >= this.#limits.lingerMs)
        this.#drop(key);
    }
  }
}
