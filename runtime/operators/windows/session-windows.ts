/**
 * Session windows: the records of a key that are at most `gap` apart. Sessions that a record brings together become one.
 *
 * SW1  Two sessions of a key are always more than the gap apart: [start, end) with end = last record + gap, and sessions that
 *      touch are one, as in Flink. So a session is kept for one gap after it is closed: a record that would touch it is late, also
 *      one that would be in time by itself. (Flink makes a second session of it, beside the first.)
 * SW2  A session says `on-time` when the watermark reaches its last millisecond. One that a late record (within the allowed
 *      lateness) lengthens says `late` at once when its end has passed, and `on-time` again when its new end is reached.
 * SW3  A session keeps its id, the start it was made with, though its start may move: in the changelog it is one entry.
 *      When two become one the earlier one's id stays.
 * SW4  The heap has each session by a time at which it has something to do or earlier; a longer life is found out then.
 * SW5  A session that has said a result, and then starts earlier or becomes part of an earlier one, takes that result back first:
 *      outputs delete its row, whose key is of the start that it no longer has. As Kafka Streams does by a tombstone.
 */
import type { EarlyResults, WindowAssigner, WindowOptions } from "../../dsl/window.ts";
import { Line } from "../../state/line.ts";
import { TimeHeap } from "../../state/time-heap.ts";
import { type Accumulation, WindowState } from "../../state/window-state.ts";
import { NO_WATERMARK } from "../../time.ts";
import type { StageStep } from "../stage-step.ts";
import { byKey, emitResult, eventTime, retractResult, type WindowParts } from "./emitter.ts";

type Session = Accumulation<unknown>;

export class SessionWindows implements StageStep {
  readonly name: string;
  readonly #at: number;
  readonly isDirty = false;
  readonly #parts: WindowParts;
  readonly #gapMs: number;
  readonly #latenessMs: number;
  readonly #early: EarlyResults | undefined;
  readonly #state: WindowState<unknown, unknown, unknown>;
  /** Sessions of each key, by start. */
  readonly #keys = new Map<string, Line<Session>>();
  /** By the time a session has something to do, as it was when the session was put in. */
  readonly #due = new TimeHeap<Session>();
  #watermark = NO_WATERMARK;
  #waiting = new Set<Session>();
  #earlyDueMs = Number.POSITIVE_INFINITY;

  constructor(
    parts: WindowParts,
    assigner: Extract<WindowAssigner, { kind: "session" }>,
    options: WindowOptions<unknown>,
  ) {
    this.name = parts.name;
    this.#at = parts.at;
    this.#parts = parts;
    this.#gapMs = assigner.gapMs;
    this.#latenessMs = options.allowedLateness ?? 0;
    this.#early = options.early;
    const { runtime, aggregate } = parts;
    const state = parts.runtime.storedName(parts.name, "window");
    this.#state = new WindowState(state, aggregate, runtime.undo, {
      hold: (session) => this.#hold(session),
      release: (session) => this.#release(session),
    });
    runtime.state.adopt(state, this.#state);
  }

  // --- records -------------------------------------------------------------------------------------------------------

  process(value: unknown): void {
    const { record, countLate } = this.#parts.runtime;
    record.at = this.#at;
    const timeMs = eventTime(this.#parts);
    const touched = this.#touched(record.key, timeMs);
    const end = Math.max(timeMs + this.#gapMs, ...touched.map((session) => session.end));
    if (end - 1 + this.#latenessMs <= this.#watermark || touched.some((session) => this.#isClosed(session))) {
      countLate();
      this.#parts.pushLate(value);
      return;
    }
    for (const session of touched)
      if (session.results > 0 && session.start !== Math.min(touched[0]!.start, timeMs))
        this.#takeBack(session);
    const session = this.#one(touched, record.key, record.partition, timeMs);
    this.#state.change(session);
    // It has spoken, and lives on: the heap has it by its closing only (SW4).
    if (session.end - 1 <= this.#watermark) this.#due.add(end - 1, session);
    session.start = Math.min(session.start, timeMs);
    session.end = end;
    this.#state.add(session, value, timeMs);
    this.#speakBeforeOrAfter(session);
  }

  /** Sessions of the key that the record belongs to or brings together, the earliest first. */
  #touched(key: string, timeMs: number): Session[] {
    const sessions = this.#keys.get(key);
    if (!sessions) return [];
    // They are in order and apart (SW1).
    const touched: Session[] = [];
    for (let at = sessions.countWhile(({ end }) => end < timeMs); at < sessions.length; at++) {
      const session = sessions.at(at)!;
      if (session.start > timeMs + this.#gapMs) break;
      touched.push(session);
    }
    return touched;
  }

  #one(touched: readonly Session[], key: string, partition: number, timeMs: number): Session {
    const [first, ...others] = touched;
    if (!first) return this.#state.open(key, partition, timeMs, timeMs, timeMs + this.#gapMs);
    for (const other of others) this.#state.absorb(first, other);
    return first;
  }

  #speakBeforeOrAfter(session: Session): void {
    if (session.end - 1 <= this.#watermark) this.#emit(session, "late");
    else if (this.#early?.kind === "count") {
      if (session.records % this.#early.every === 0) this.#emit(session, "early");
    } else if (this.#early) this.#waiting.add(session);
  }

  #emit(session: Session, pane: "early" | "on-time" | "late"): void {
    this.#state.change(session);
    const { key, start, end } = session;
    emitResult(this.#parts, session.value, { key, start, end, pane, index: session.results++ });
  }

  /** SW5. */
  #takeBack({ key, start, end, value, results }: Session): void {
    const pane = end - 1 <= this.#watermark ? "on-time" : "early";
    retractResult(this.#parts, value, { key, start, end, pane, index: results, retracted: true });
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  seal(watermark: number): void {
    this.#watermark = watermark;
    this.#earlyDueMs = this.#earlyAfter(this.#parts.runtime.record.nowMs);
    if (this.#early === undefined || this.#early.kind === "count") return;
    for (const sessions of this.#keys.values()) for (const session of sessions) this.#waiting.add(session);
  }

  advance(watermark: number): void {
    const early = this.#early;
    if (
      early?.kind === "event" &&
      Math.floor(watermark / early.everyMs) > Math.floor(this.#watermark / early.everyMs)
    )
      this.#emitWaiting(watermark);
    const { attempt } = this.#parts.runtime;
    const say = (session: Session) => this.#emit(session, "on-time");
    // Those of one end together, by key: the order does not depend on when they were put in.
    for (let dueMs = this.#due.next(); dueMs <= watermark; dueMs = this.#due.next()) {
      const ended = new Set<Session>();
      for (const session of this.#due.take(dueMs)) {
        if (!session.live) continue;
        const lastMs = session.end - 1;
        if (lastMs > dueMs) this.#due.add(lastMs, session);
        else if (lastMs === dueMs && lastMs > this.#watermark) ended.add(session);
        else if (this.#forgottenAt(session) > dueMs) this.#due.add(this.#forgottenAt(session), session);
        else this.#drop(session);
      }
      for (const session of [...ended].sort(byKey)) {
        attempt(session.key, session.partition, dueMs, say, session);
        this.#due.add(this.#forgottenAt(session), session);
      }
    }
    this.#watermark = watermark;
  }

  /** It takes no more records. */
  #isClosed({ end }: Session): boolean {
    return end - 1 + this.#latenessMs <= this.#watermark;
  }

  /** When every record that could touch it is late by itself (SW1). */
  #forgottenAt({ end }: Session): number {
    return end - 1 + this.#latenessMs + this.#gapMs;
  }

  #drop(session: Session): void {
    this.#release(session);
    this.#state.purge(session);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#earlyDueMs) return;
    this.#earlyDueMs = this.#earlyAfter(nowMs);
    this.#emitWaiting(this.#watermark);
  }

  nextTickMs(): number {
    return this.#waiting.size > 0 ? this.#earlyDueMs : Number.POSITIVE_INFINITY;
  }

  #earlyAfter(nowMs: number): number {
    if (this.#early?.kind !== "processing") return Number.POSITIVE_INFINITY;
    return (Math.floor(nowMs / this.#early.everyMs) + 1) * this.#early.everyMs;
  }

  /** Early results of what changed and is not closed by this very watermark. */
  #emitWaiting(watermark: number): void {
    // The order does not depend on when they began to wait, which a restart forgets.
    const waiting = [...this.#waiting].sort((a, b) => byKey(a, b) || a.start - b.start);
    this.#waiting.clear();
    const say = (session: Session) => this.#emit(session, "early");
    for (const session of waiting) {
      if (!session.live || session.end - 1 <= watermark || session.records === session.recordsAtEarly)
        continue;
      session.recordsAtEarly = session.records;
      this.#parts.runtime.attempt(session.key, session.partition, undefined, say, session);
    }
  }

  // --- where sessions stand ------------------------------------------------------------------------------------------

  #hold(session: Session): void {
    let sessions = this.#keys.get(session.key);
    if (!sessions) {
      sessions = new Line(({ start }) => start);
      this.#keys.set(session.key, sessions);
    }
    sessions.insert(session);
    this.#due.add(session.end - 1, session);
  }

  #release(session: Session): void {
    const sessions = this.#keys.get(session.key)!;
    sessions.remove(session);
    if (sessions.length === 0) this.#keys.delete(session.key);
  }

  flush(): void {}
}
