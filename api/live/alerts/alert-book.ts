/**
 * The read model of health alerts: each as it stands, and its life so far, from the topic `alerts`. Fed by the follower, with
 * committed records only: an alert whose epoch did not commit is never here.
 *
 * AB1  A later record of an id replaces the earlier one; what happened stays in its life.
 * AB2  Alerts are in order at any moment: the most urgent first, of these the newest, of these by id.
 * AB3  All that are open are here; of those that are over the last `CLEARED_MAX`. The others are in ClickHouse.
 */
import { Alert, type AlertState } from "../../../schemas/index.ts";
import type { Changes, Followed, FollowedModel } from "../follower.ts";
import type { ModelEvents } from "../model.ts";
import type { PositionVector } from "../position.ts";
import { readRecord } from "../record.ts";
import { rankOf, type Urgency, urgencyOf } from "./urgency.ts";

/** The scope of who watches alerts whatever they were measured for. */
export const EVERYWHERE = "";
const TOPIC = "alerts";
const CLEARED_MAX = 20_000;

export const followedAlerts = (events: ModelEvents): Followed<AlertBook> => ({
  phases: [[TOPIC]],
  newModel: () => new AlertBook(events),
});

/** One step of an alert's life. */
export interface Step {
  readonly state: AlertState;
  readonly atMs: number;
  readonly reason: string;
  readonly by: string | null;
  readonly note: string | null;
  /** Where it is committed, `partition:offset`. */
  readonly position: string;
}

/** What alerts are ordered by. */
export interface Place {
  readonly urgency: Urgency;
  readonly raisedMs: number;
  readonly id: string;
}

export interface KnownAlert extends Place {
  /** As the last record says. */
  readonly alert: Alert;
  /** Why it was raised, or escalated. */
  readonly reason: string;
  readonly escalatedMs: number | null;
  readonly steps: readonly Step[];
}

/** AB2. Negative: `a` comes first. */
export function compare(a: Place, b: Place): number {
  return (
    rankOf(a.urgency) - rankOf(b.urgency) ||
    b.raisedMs - a.raisedMs ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

export class AlertBook implements FollowedModel {
  readonly #events: ModelEvents;
  readonly #byId = new Map<string, KnownAlert>();
  readonly #idsOf = new Map<string, Set<string>>();
  /** AB2 */
  readonly #ordered: KnownAlert[] = [];
  /** Ids of those that are over, the longest first (AB3). */
  readonly #cleared = new Set<string>();
  readonly #positions: number[] = [];
  #changed = new Map<string, Set<string>>();
  applied = 0;

  constructor(events: ModelEvents) {
    this.#events = events;
  }

  /** Next offset by partition. */
  get position(): PositionVector {
    return this.#positions;
  }

  get(id: string): KnownAlert | undefined {
    return this.#byId.get(id);
  }

  /** The participant's, in order (AB2). */
  of(participant: string): KnownAlert[] {
    return [...(this.#idsOf.get(participant) ?? [])].map((id) => this.#byId.get(id)!).sort(compare);
  }

  /** In order (AB2). @param after where to begin: with the first that comes after it. */
  *from(after?: Place): Generator<KnownAlert> {
    for (let i = after ? this.#indexOf(after, 1) : 0; i < this.#ordered.length; i++) yield this.#ordered[i]!;
  }

  apply(topic: string, partition: number, offset: number, bytes: Buffer, start: number, end: number): void {
    this.applied++;
    try {
      this.#put(readRecord(Alert, bytes, start, end), `${partition}:${offset}`);
    } catch (error) {
      this.#events.skipped(topic, partition, offset, (error as Error).message);
    }
    this.reached(topic, partition, offset + 1);
  }

  reached(_topic: string, partition: number, offset: number): void {
    while (this.#positions.length <= partition) this.#positions.push(0);
    this.#positions[partition] = offset;
  }

  takeChanged(): Changes {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Map();
    return changed;
  }

  scopes(): Changes {
    const events = this.#ordered.flatMap(({ alert }) => alert.event ?? []);
    return new Map([EVERYWHERE, ...events].map((scope) => [scope, new Set()]));
  }

  #put(alert: Alert, position: string): void {
    const { id, kind, state, atMs, acknowledgedBy: by, acknowledgedNote: note } = alert;
    const before = this.#byId.get(id);
    if (before) this.#ordered.splice(this.#indexOf(before, 0), 1);
    const saidBy = state === "acknowledged" ? { by, note } : { by: null, note: null };
    const escalatedMs = state === "escalated" ? atMs : (before?.escalatedMs ?? null);
    const isOver = state === "cleared";
    const known: KnownAlert = {
      id,
      alert,
      urgency: urgencyOf(kind, escalatedMs !== null),
      raisedMs: before?.raisedMs ?? atMs,
      reason: isOver ? (before?.reason ?? "") : alert.reason,
      escalatedMs,
      steps: [...(before?.steps ?? []), { state, atMs, reason: alert.reason, ...saidBy, position }],
    };
    this.#byId.set(id, known);
    const ids = this.#idsOf.get(alert.participant) ?? new Set();
    this.#idsOf.set(alert.participant, ids.add(id));
    this.#ordered.splice(this.#indexOf(known, 0), 0, known);
    if (isOver) this.#clear(id);
    for (const scope of alert.event === null ? [EVERYWHERE] : [EVERYWHERE, alert.event])
      this.#change(scope).add(alert.participant);
  }

  /** AB3 */
  #clear(id: string): void {
    this.#cleared.add(id);
    if (this.#cleared.size <= CLEARED_MAX) return;
    const [oldest] = this.#cleared;
    this.#cleared.delete(oldest!);
    const known = this.#byId.get(oldest!)!;
    this.#byId.delete(oldest!);
    const ids = this.#idsOf.get(known.alert.participant)!;
    ids.delete(oldest!);
    if (ids.size === 0) this.#idsOf.delete(known.alert.participant);
    this.#ordered.splice(this.#indexOf(known, 0), 1);
  }

  #change(scope: string): Set<string> {
    const known = this.#changed.get(scope);
    if (known) return known;
    const participants = new Set<string>();
    this.#changed.set(scope, participants);
    return participants;
  }

  /** Index of the first that does not come before `place`; with `beyond` 1, that comes after it. */
  #indexOf(place: Place, beyond: 0 | 1): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#ordered[middle]!, place) < beyond) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
