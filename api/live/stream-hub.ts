/**
 * Who watches what: the streams by view, made when the first reader comes, dropped when nobody has come back for a while.
 * Owns the rhythm in which streams look at the read model.
 *
 * H1  A view is told of the first change after a quiet while at once, then every `lookIntervalMinMs` at most. All that looking
 *     and telling costs at most a fifth of the thread: after work the hub rests for four times as long.
 * H2  Connections and distinct views are bounded, in all and for each client, who has a share of them; beyond,
 *     `TOO_MANY_READERS`.
 * H3  A view that nobody watches is not read; when somebody comes back in time, one change brings it up to date.
 * H4  Who watches one runner is told what is said of that runner at once, whatever the rhythm; that others' results move the
 *     runner's places can wait.
 * H5  Clients take turns: whoever watches one view waits for one view of each of the others, however many any of them watches. A view
 *     that several watch is a client of its own.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { clientOf } from "../client-of.ts";
import { FairQueue } from "../fair-queue.ts";
import { Problem } from "../problem.ts";
import type { LiveView } from "./live-view.ts";
import type { PositionVector } from "./position.ts";
import { Stream, type StreamEvents, type StreamLimits } from "./stream.ts";

export interface HubLimits extends StreamLimits {
  /** Between two looks at one view. */
  readonly lookIntervalMinMs: number;
  readonly readersMax: number;
  readonly viewsMax: number;
  /** A client may have one in so many of both. */
  readonly share: number;
  /** How long a view nobody watches keeps its history, milliseconds. */
  readonly lingerMs: number;
}

export const HUB_LIMITS: HubLimits = {
  lookIntervalMinMs: 120,
  minorIntervalMs: 1000,
  heartbeatMs: 15_000,
  readerBufferMax: 256 * 1024,
  stuckMaxMs: 30_000,
  historyMax: 200,
  historyCharsMax: 256 * 1024,
  readersMax: 5000,
  viewsMax: 1000,
  share: 2,
  lingerMs: 60_000,
};

const RETRY_AFTER_S = 5;
/** Work outside of the rhythm, for one slice of records (H4): the rest waits for its turn. */
const AT_ONCE_MS = 5;
/** Other work comes in between after this long. */
const SLICE_MS = 10;
/** Of the time that looking takes, how much the hub rests (H1). */
const REST = 4;

interface Watched {
  readonly stream: Stream;
  /** Whose turn it takes (H5). */
  client: string;
  dirty: boolean;
  queued: boolean;
  /** Not to be looked at before. */
  dueMs: number;
  /** When the last reader left; undefined while there is one. */
  unwatchedSinceMs: number | undefined;
}

export class StreamHub {
  readonly #position: () => PositionVector;
  readonly #limits: HubLimits;
  readonly #events: StreamEvents;
  readonly #giveWay: () => Promise<void>;
  readonly #watched = new Map<string, Watched>();
  readonly #readersOf = new Map<string, number>();
  readonly #queue = new FairQueue<Watched>();
  /** Changed, and not due yet. */
  readonly #later = new Set<Watched>();
  readonly #sweeper: NodeJS.Timeout;
  #readers = 0;
  #status: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  /** By then what has been done is a fifth of the time. */
  #paidMs = 0;
  #closed = false;

  /** @param giveWay lets other work in between two slices */
  constructor(
    position: () => PositionVector,
    events: StreamEvents,
    limits: HubLimits = HUB_LIMITS,
    giveWay: () => Promise<void> = () => new Promise(setImmediate),
  ) {
    this.#position = position;
    this.#events = events;
    this.#limits = limits;
    this.#giveWay = giveWay;
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
  admit(key: string, request: IncomingMessage): void {
    if (this.#closed)
      throw new Problem("TOO_MANY_READERS", "the server is closing: connect again shortly", RETRY_AFTER_S);
    const { readersMax, share } = this.#limits;
    const client = clientOf(request);
    const theirs = this.#readersOf.get(client) ?? 0;
    if (theirs >= Math.ceil(readersMax / share) || !this.#roomForTheirs(key, client)) {
      throw new Problem(
        "TOO_MANY_READERS",
        `too many live connections from where you are (${theirs}): close some, or try again shortly`,
        RETRY_AFTER_S,
      );
    }
    if (this.#readers >= readersMax || !this.#roomFor(key)) {
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
    const client = clientOf(request);
    const joined = this.#viewOf(view, client);
    this.#readers++;
    this.#readersOf.set(client, (this.#readersOf.get(client) ?? 0) + 1);
    joined.stream.join(request, response, lastEventId, () => {
      this.#readers--;
      const left = this.#readersOf.get(client)! - 1;
      if (left > 0) this.#readersOf.set(client, left);
      else this.#readersOf.delete(client);
      if (joined.stream.readers === 0) joined.unwatchedSinceMs = performance.now();
    });
    if (this.#status !== undefined) joined.stream.tellStatus(this.#status, response);
  }

  #viewOf<S>(view: LiveView<S>, client: string): Watched {
    const known = this.#watched.get(view.key);
    if (!known) {
      const stream = new Stream(view, this.#position(), this.#limits, this.#events) as unknown as Stream;
      const made = { stream, client, dirty: false, queued: false, dueMs: 0, unwatchedSinceMs: undefined };
      this.#watched.set(view.key, made);
      return made;
    }
    if (known.client !== client) known.client = view.key; // H5
    if (known.unwatchedSinceMs !== undefined) {
      known.unwatchedSinceMs = undefined;
      if (known.dirty) this.#look(known); // H3
      void this.#work();
    }
    return known;
  }

  /** How the program is, for who watches; undefined: well. */
  tellStatus(status: object | undefined): void {
    const before = this.#status;
    this.#status = status && JSON.stringify(status);
    if (this.#status === before) return;
    for (const { stream } of this.#watched.values()) stream.tellStatus(this.#status ?? "{}");
  }

  /** Something changed in this race, and something was said of these runners; returns soon, readers may have been told (H1, H4). */
  changed(race: string, runners: ReadonlySet<string>): void {
    const atOnce = new FairQueue<Watched>();
    for (const watched of this.#watched.values()) {
      const { view } = watched.stream;
      if (view.race !== race) continue;
      watched.dirty = true;
      if (watched.unwatchedSinceMs !== undefined) continue;
      if (view.bib !== undefined && runners.has(view.bib)) atOnce.push(watched.client, watched);
      else this.#enqueue(watched);
    }
    const untilMs = performance.now() + AT_ONCE_MS;
    for (let watched = atOnce.take(); watched; watched = atOnce.take()) {
      if (performance.now() < untilMs) this.#look(watched);
      else this.#enqueue(watched);
    }
    void this.#work();
  }

  /** Ends every stream; readers are told `bye`. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#timer);
    for (const { stream } of this.#watched.values()) stream.close("the server is closing");
    this.#watched.clear();
  }

  #enqueue(watched: Watched): void {
    if (watched.queued) return;
    if (performance.now() < watched.dueMs) {
      this.#later.add(watched);
      return;
    }
    watched.queued = true;
    this.#queue.push(watched.client, watched);
  }

  /** Looks at what is due, by turns, as long as that is paid for (H1, H5). */
  async #work(): Promise<void> {
    if (this.#working || this.#closed) return;
    this.#working = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let sliceMs = performance.now();
    while (!this.#closed && performance.now() >= this.#paidMs - SLICE_MS) {
      const watched = this.#queue.take();
      if (!watched) break;
      watched.queued = false;
      if (!watched.dirty || watched.unwatchedSinceMs !== undefined) continue;
      const startMs = performance.now();
      this.#look(watched);
      const endMs = performance.now();
      this.#paidMs = Math.max(this.#paidMs, startMs) + (endMs - startMs) * (1 + REST);
      if (endMs - sliceMs < SLICE_MS) continue;
      await this.#giveWay();
      sliceMs = performance.now();
    }
    this.#working = false;
    this.#sleep();
  }

  /** Until something is due, or paid for. */
  #sleep(): void {
    if (this.#closed || this.#timer) return;
    let atMs = this.#queue.size > 0 ? this.#paidMs : Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#later) atMs = Math.min(atMs, dueMs);
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        for (const watched of this.#later) {
          if (performance.now() < watched.dueMs) continue;
          this.#later.delete(watched);
          this.#enqueue(watched);
        }
        void this.#work();
      },
      Math.max(1, atMs - performance.now()),
    );
  }

  #look(watched: Watched): void {
    const nowMs = performance.now();
    watched.dueMs = nowMs + this.#limits.lookIntervalMinMs;
    this.#later.delete(watched);
    try {
      watched.dirty = watched.stream.update(this.#position(), nowMs) === "held-back";
      if (watched.dirty) this.#later.add(watched);
    } catch (error) {
      // The race was redefined and has no such mat or group any more: readers connect again and are told so.
      watched.dirty = false;
      this.#events.failed(watched.stream.view.key, error);
      this.#drop(watched.stream.view.key, "this view can no longer be read");
    }
  }

  #roomFor(key: string): boolean {
    return this.#watched.has(key) || this.#watched.size < this.#limits.viewsMax || this.#dropUnwatched();
  }

  /** A view that nobody else watches has to be within the client's share. */
  #roomForTheirs(key: string, client: string): boolean {
    if (this.#watched.has(key)) return true;
    let theirs = 0;
    for (const watched of this.#watched.values()) if (watched.client === client) theirs++;
    return theirs < Math.ceil(this.#limits.viewsMax / this.#limits.share) || this.#dropUnwatched(client);
  }

  /** The view longest unwatched makes room: they are kept for the convenience of those who come back only. */
  #dropUnwatched(client?: string): boolean {
    let oldest: [key: string, sinceMs: number] | undefined;
    for (const [key, watched] of this.#watched) {
      const { unwatchedSinceMs } = watched;
      if (unwatchedSinceMs === undefined || (client !== undefined && watched.client !== client)) continue;
      if (!oldest || unwatchedSinceMs < oldest[1]) oldest = [key, unwatchedSinceMs];
    }
    if (!oldest) return false;
    this.#drop(oldest[0]);
    return true;
  }

  #drop(key: string, reason = "nobody watches"): void {
    const watched = this.#watched.get(key);
    if (!watched) return;
    watched.stream.close(reason);
    this.#later.delete(watched);
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
