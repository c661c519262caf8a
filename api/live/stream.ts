/**
 * One view and the people who watch it. Owns: the state they have all been told, the recent changes for those who come back,
 * and how far each reader lags. The connections, the wire format and the heartbeat are sse-channel's; its history is not
 * used (it compares ids as strings), and neither is its broadcast to everybody (it never looks at backpressure).
 *
 * Events: `snapshot` (the whole state), `change` (what moved since), `reset` (what you have is too old: a snapshot follows),
 * `bye` (the server is going; come back), `status` (what is stuck inside, if anything is).
 *
 * R1  All readers of a stream see one sequence of states; an event's id is the committed position of the state it leads to.
 * R2  An update is read, compared and serialised once, however many readers there are.
 * R3  `Last-Event-ID` of a state in the history: the changes since, nothing else. Any other: `reset`, then `snapshot`.
 * R4  What waits for one reader is at most `readerBufferMax` and one event. Beyond it the reader is told nothing, and gets a
 *     fresh snapshot when it has taken what was waiting.
 * R5  Who takes nothing of what waits for `stuckMaxMs` is disconnected, also where nothing else is to be told.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import SseChannel from "sse-channel";
import type { LiveView } from "./live-view.ts";
import { isAhead, type PositionVector, positionOf, positionText } from "./position.ts";

export interface StreamLimits {
  /** Between two events that only move the clock or counters, milliseconds. */
  readonly minorIntervalMs: number;
  readonly heartbeatMs: number;
  /** Bytes that may wait for one reader before it is passed over. */
  readonly readerBufferMax: number;
  readonly stuckMaxMs: number;
  /** Changes kept for those who come back: how many, and how many characters together. */
  readonly historyMax: number;
  readonly historyCharsMax: number;
}

type StreamEvent = "snapshot" | "change" | "reset" | "bye" | "status";

export interface StreamEvents {
  sent(event: StreamEvent, readers: number): void;
  passedOver(): void;
  disconnectedStuck(): void;
  resumed(how: "current" | "changes" | "malformed" | "ahead" | "expired"): void;
  /** A view could not be read; its stream was dropped. */
  failed(view: string, error: unknown): void;
}

/** A change and the state it started from. */
interface Entry {
  readonly from: string;
  readonly id: string;
  readonly data: string;
}

interface Reader {
  /** When it was first passed over; undefined: it keeps up. */
  laggingSinceMs: number | undefined;
  /** What its connection has taken, in bytes, and when that was seen to be more than before. */
  takenBytes: number;
  takenMs: number;
}

export class Stream<S = unknown> {
  readonly view: LiveView<S>;
  readonly #limits: StreamLimits;
  readonly #events: StreamEvents;
  readonly #channel: SseChannel;
  readonly #readers = new Map<ServerResponse, Reader>();
  readonly #history: Entry[] = [];
  #historyChars = 0;
  #state: S & object;
  #id: string;
  /** The state as JSON, made when the first reader needs it. */
  #snapshot: string | undefined;
  #minorSentMs = Number.NEGATIVE_INFINITY;

  constructor(view: LiveView<S>, position: PositionVector, limits: StreamLimits, events: StreamEvents) {
    this.view = view;
    this.#limits = limits;
    this.#events = events;
    this.#state = view.read();
    this.#id = positionText(position);
    this.#channel = new SseChannel({ pingInterval: limits.heartbeatMs, retryTimeout: 1000 });
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Adds a reader, whose view must be up to date (`update` first). `gone` is called once, when the connection is over. */
  join(
    request: IncomingMessage,
    response: ServerResponse,
    lastEventId: string | undefined,
    gone: () => void,
  ): void {
    this.#channel.addClient(request, response);
    this.#readers.set(response, { laggingSinceMs: undefined, takenBytes: 0, takenMs: performance.now() });
    response.on("drain", () => this.#drained(response));
    // A reader that goes away is no error of ours; "close" follows.
    response.on("error", () => undefined);
    response.once("close", () => {
      this.#readers.delete(response);
      gone();
    });
    if (lastEventId) this.#resume(response, lastEventId);
    else this.#sendSnapshot(response);
  }

  /** Reads the view again and tells the readers what changed (R2); a minor change may be held back for the next time. */
  update(position: PositionVector, nowMs: number): "unchanged" | "sent" | "held-back" {
    const after = this.view.read();
    const change = this.view.changeBetween(this.#state, after);
    if (!change) return "unchanged";
    if (change.minor) {
      if (nowMs - this.#minorSentMs < this.#limits.minorIntervalMs) return "held-back";
      this.#minorSentMs = nowMs;
    }
    const entry = { from: this.#id, id: positionText(position), data: JSON.stringify(change.data) };
    this.#state = after;
    this.#id = entry.id;
    this.#snapshot = undefined;
    this.#remember(entry);
    this.#tellAll(entry);
    return "sent";
  }

  /** Disconnects who takes nothing any more (R5). */
  sweep(nowMs: number): void {
    for (const [response, reader] of this.#readers) {
      const taken = (response.socket?.bytesWritten ?? 0) - (response.socket?.writableLength ?? 0);
      if (response.writableLength === 0 || taken !== reader.takenBytes) {
        reader.takenBytes = taken;
        reader.takenMs = nowMs;
      }
      if (nowMs - reader.takenMs < this.#limits.stuckMaxMs) continue;
      this.#events.disconnectedStuck();
      response.destroy();
    }
  }

  /** Tells everybody who keeps up, or one. @param data JSON */
  tellStatus(data: string, to?: ServerResponse): void {
    const keepUp = [...this.#readers].filter(([, reader]) => reader.laggingSinceMs === undefined);
    const readers = to ? [to] : keepUp.map(([response]) => response);
    this.#channel.send({ event: "status", data }, readers);
    this.#events.sent("status", readers.length);
  }

  /** Says goodbye and ends every connection. */
  close(reason: string): void {
    const keepingUp: ServerResponse[] = [];
    for (const [response, { laggingSinceMs }] of this.#readers) {
      if (laggingSinceMs === undefined) keepingUp.push(response);
      else response.destroy();
    }
    this.#channel.send({ event: "bye", data: JSON.stringify({ reason }) }, keepingUp);
    this.#events.sent("bye", keepingUp.length);
    this.#channel.close();
  }

  #resume(response: ServerResponse, lastEventId: string): void {
    if (lastEventId === this.#id) {
      this.#events.resumed("current");
      return;
    }
    const missed = this.#history.findIndex((entry) => entry.from === lastEventId);
    if (missed >= 0) {
      this.#events.resumed("changes");
      for (const entry of this.#history.slice(missed)) this.#send(response, "change", entry.data, entry.id);
      return;
    }
    const position = positionOf(lastEventId);
    const reason = !position
      ? "malformed"
      : isAhead(position, positionOf(this.#id) ?? [])
        ? "ahead"
        : "expired";
    this.#events.resumed(reason);
    this.#send(response, "reset", JSON.stringify({ reason }));
    this.#sendSnapshot(response);
  }

  #tellAll(entry: Entry): void {
    const readers: ServerResponse[] = [];
    for (const [response, reader] of this.#readers) {
      if (reader.laggingSinceMs !== undefined) continue;
      if (response.writableLength <= this.#limits.readerBufferMax) {
        readers.push(response);
      } else {
        // R4. Only who misses something is lagging: an event alone may be larger than the bound.
        reader.laggingSinceMs = performance.now();
        this.#events.passedOver();
      }
    }
    if (readers.length === 0) return;
    this.#channel.send({ event: "change", id: entry.id, data: entry.data }, readers);
    this.#events.sent("change", readers.length);
  }

  #sendSnapshot(response: ServerResponse): void {
    this.#snapshot ??= JSON.stringify(this.#state);
    this.#send(response, "snapshot", this.#snapshot, this.#id);
  }

  #send(response: ServerResponse, event: "snapshot" | "change" | "reset", data: string, id?: string): void {
    this.#channel.send({ event, data, ...(id !== undefined && { id }) }, [response]);
    this.#events.sent(event, 1);
  }

  #drained(response: ServerResponse): void {
    const reader = this.#readers.get(response);
    if (reader?.laggingSinceMs === undefined) return;
    reader.laggingSinceMs = undefined;
    this.#sendSnapshot(response);
  }

  #remember(entry: Entry): void {
    this.#history.push(entry);
    this.#historyChars += entry.data.length;
    while (
      this.#history.length > this.#limits.historyMax ||
      this.#historyChars > this.#limits.historyCharsMax
    ) {
      this.#historyChars -= this.#history.shift()!.data.length;
    }
  }
}
