/**
 * Windows of activity: of a key, records that are at most `gap` apart are in one session. A session is [first record, last record + gap).
 *
 * - A record that lies between sessions, or touches them, makes them one.
 * - It says `on-time` when the watermark reaches its last millisecond; again when a late record has lengthened it.
 * - It is open until `allowedLateness` after its end. A record that lengthens it no further than the watermark makes it say `late`.
 * - One that has said a result, and then starts earlier or becomes part of an earlier one, takes that result back first.
 * - `finalOnly`: it says nothing before its lateness is past, and then one result, `on-time`.
 * - A record is too late when the session that it would be part of, with all that it brings together, is past its lateness; or when it
 *   touches one that is, be it in time by itself: sessions are always more than the gap apart.
 */
import type { FlowNode } from "../../../dsl/graph.ts";
import type { WindowAssigner } from "../../../dsl/window.ts";
import { byText } from "../memory.ts";
import type { Emit, Rec } from "../record.ts";
import type { Attempt, Scene, Stateful } from "../scene.ts";
import { Early } from "./early.ts";
import { check, type Held, say, takeBack } from "./fold.ts";

interface Session {
  readonly key: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  readonly held: readonly Held[];
  /** Results said so far. */
  readonly results: number;
  /** How many records it had when it last said an early result by time. */
  readonly saidOf: number;
}

export class SessionWindows implements Stateful {
  readonly name: string;
  readonly #node: Extract<FlowNode, { kind: "window" }>;
  readonly #gapMs: number;
  readonly #latenessMs: number;
  /** By so much its time is behind: one that says its final result alone waits as if time came later. */
  readonly #behindMs: number;
  readonly #scene: Scene;
  readonly #early: Early;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(
    node: Extract<FlowNode, { kind: "window" }>,
    assigner: Extract<WindowAssigner, { kind: "session" }>,
    scene: Scene,
  ) {
    this.name = node.name;
    this.#node = node;
    this.#gapMs = assigner.gapMs;
    const { allowedLateness = 0, finalOnly = false } = node.options;
    this.#latenessMs = finalOnly ? 0 : allowedLateness;
    this.#behindMs = finalOnly ? allowedLateness : 0;
    this.#scene = scene;
    this.#early = new Early(node.options.early, scene.nowMs);
  }

  take(rec: Rec, emit: Emit): void {
    const { key, timestamp, value, partition } = rec;
    if (timestamp === undefined) throw new Error("the record has no event time");
    const sessions = this.#of(key);
    const touched = sessions.filter(({ start, end }) => start <= timestamp + this.#gapMs && end >= timestamp);
    const end = Math.max(timestamp + this.#gapMs, ...touched.map((session) => session.end));
    const closed = (one: { readonly end: number }) => one.end - 1 + this.#latenessMs <= this.#watermark;
    if (closed({ end }) || touched.some(closed)) {
      this.#scene.late();
      const late = this.#node.options.late?.name;
      if (late !== undefined) emit(rec, late);
      return;
    }
    const start = Math.min(timestamp, ...touched.map((one) => one.start));
    for (const one of touched) {
      if (one.results === 0 || one.start === start) continue;
      const pane = one.end - 1 <= this.#watermark ? "on-time" : "early";
      takeBack(this.#node.aggregate, one.held, one, pane, one.results, rec, emit);
    }
    const session: Session = {
      key,
      partition: touched[0]?.partition ?? partition,
      start,
      end,
      held: [...touched.flatMap(({ held }) => held), { value, timestamp }],
      results: Math.max(0, ...touched.map(({ results }) => results)),
      saidOf: touched[0]?.saidOf ?? 0,
    };
    check(this.#node.aggregate, session.held);
    this.#set(key, [...sessions.filter((other) => !touched.includes(other)), session]);
    if (end - 1 <= this.#watermark) this.#say(session, "late", rec, emit);
    else if (this.#early.afterRecords(session.held.length)) this.#say(session, "early", rec, emit);
  }

  resume(watermark: number): void {
    this.#watermark = watermark - this.#behindMs;
    if (!this.#early.byTime) return;
    for (const [key] of this.#scene.memory.all(this.name))
      this.#set(
        key,
        this.#of(key).map((one) => ({ ...one, saidOf: 0 })),
      );
  }

  advance(time: number, attempt: Attempt): void {
    const watermark = time - this.#behindMs;
    if (this.#early.passedBy(this.#watermark, watermark)) this.#sayEarly(watermark, attempt);
    const ended = this.#all().filter(({ end }) => end - 1 > this.#watermark && end - 1 <= watermark);
    for (const session of ended.sort((a, b) => a.end - b.end || byText(a.key, b.key)))
      attempt({ ...session, timestamp: session.end - 1 }, (rec, emit) =>
        this.#say(session, "on-time", rec, emit),
      );
    this.#watermark = watermark;
    for (const [key] of this.#scene.memory.all(this.name))
      this.#set(
        key,
        this.#of(key).filter(({ end }) => end - 1 + this.#latenessMs + this.#gapMs > watermark),
      );
  }

  tick(attempt: Attempt): void {
    if (this.#early.due(this.#scene.nowMs)) this.#sayEarly(this.#watermark, attempt);
  }

  #sayEarly(watermark: number, attempt: Attempt): void {
    const open = this.#all().filter(({ end, held, saidOf }) => end - 1 > watermark && held.length !== saidOf);
    for (const session of open) {
      const said: Session = { ...session, saidOf: session.held.length };
      this.#replace(said);
      attempt({ ...said, timestamp: undefined }, (rec, emit) => this.#say(said, "early", rec, emit));
    }
  }

  #say(session: Session, pane: "early" | "on-time" | "late", rec: Rec, emit: Emit): void {
    this.#replace({ ...session, results: session.results + 1 });
    say(this.#node.aggregate, session.held, session, pane, session.results, rec, emit);
  }

  #replace(session: Session): void {
    this.#set(session.key, [
      ...this.#of(session.key).filter(({ start }) => start !== session.start),
      session,
    ]);
  }

  /** By start. */
  #of(key: string): readonly Session[] {
    return this.#scene.memory.get<readonly Session[]>(this.name, key) ?? [];
  }

  #all(): Session[] {
    return this.#scene.memory.all<readonly Session[]>(this.name).flatMap(([, sessions]) => sessions);
  }

  #set(key: string, sessions: readonly Session[]): void {
    const ordered = [...sessions].sort((a, b) => a.start - b.start);
    this.#scene.memory.set(this.name, key, ordered.length === 0 ? undefined : ordered);
  }
}
