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
 * SW4  A session that has said a result, and then starts earlier or becomes part of an earlier one, takes that result back first:
 *      outputs delete its row, whose key is of the start that it no longer has. As Kafka Streams does by a tombstone.
 */
import type { WindowAssigner, WindowOptions } from "../../dsl/window.ts";
import type { Accumulation } from "../../state/window-state.ts";
import { eventTime, retractResult, type WindowParts } from "./emitter.ts";
import { EndingWindows } from "./ending-windows.ts";

type Session = Accumulation<unknown>;

export class SessionWindows extends EndingWindows {
  readonly #gapMs: number;

  constructor(
    parts: WindowParts,
    assigner: Extract<WindowAssigner, { kind: "session" }>,
    options: WindowOptions<unknown>,
  ) {
    super(parts, options);
    this.#gapMs = assigner.gapMs;
  }

  override process(value: unknown): void {
    const { record } = this.parts.runtime;
    record.at = this.at;
    const timeMs = eventTime(this.parts);
    const touched = this.#touched(record.key, timeMs);
    const end = Math.max(timeMs + this.#gapMs, ...touched.map((session) => session.end));
    if (this.isClosed({ end }) || touched.some((session) => this.isClosed(session))) {
      this.late(value);
      return;
    }
    for (const session of touched)
      if (session.results > 0 && session.start !== Math.min(touched[0]!.start, timeMs))
        this.#takeBack(session);
    const session = this.#one(touched, record.key, record.partition, timeMs);
    this.state.change(session);
    // It has spoken, and lives longer now: the heap has it by its closing only (EW2).
    if (session.end - 1 <= this.watermark && end > session.end) this.dueAt(end - 1, session);
    session.start = Math.min(session.start, timeMs);
    session.end = end;
    this.state.add(session, value, timeMs);
    this.speakBeforeOrAfter(session);
  }

  /** Sessions of the key that the record belongs to or brings together, the earliest first. */
  #touched(key: string, timeMs: number): Session[] {
    const sessions = this.of(key);
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
    if (!first) return this.state.open(key, partition, timeMs, timeMs, timeMs + this.#gapMs);
    for (const other of others) this.state.absorb(first, other);
    return first;
  }

  /** SW4. */
  #takeBack({ key, start, end, value, results }: Session): void {
    const pane = end - 1 <= this.watermark ? "on-time" : "early";
    retractResult(this.parts, value, { key, start, end, pane, index: results, retracted: true });
  }

  /** When every record that could touch it is late by itself (SW1). */
  protected override forgottenAt({ end }: Session): number {
    return end - 1 + this.latenessMs + this.#gapMs;
  }
}
