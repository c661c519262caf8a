/**
 * The live end of athletes' windows: the newest results of those whom somebody watches, from the topic `reading-windows`, committed
 * records only. What was before is in ClickHouse: fifty thousand athletes make a hundred million windows in a race.
 *
 * AT1  Reading begins at the end of the topic, and after an interruption where it stopped.
 * AT2  Windows of an athlete are kept from when they are first asked for; of each size at most `KEPT`. Who was not asked for in
 *      `FORGOTTEN_MS` is forgotten: memory is that of those who are watched.
 * AT3  A later result of a window replaces the earlier one.
 */
import { ReadingWindow } from "../../../schemas/index.ts";
import type { Changes, Followed, FollowedModel } from "../follower.ts";
import type { ModelEvents } from "../model.ts";
import type { PositionVector } from "../position.ts";
import { readRecord } from "../record.ts";
import type { AthleteWindow, Size } from "./schemas.ts";
import { windowOf } from "./window.ts";

const TOPIC = "reading-windows";
/** A day's window is asked for, not watched. */
const KEPT: Partial<Record<Size, number>> = { "10s": 90, "1m": 15 };
const FORGOTTEN_MS = 5 * 60_000;

export function followedAthletes(
  events: ModelEvents,
  clock: () => number = () => performance.now(),
): Followed<AthleteBook> {
  const book = new AthleteBook(events, clock);
  // The same one again after an interruption: it goes on (AT1).
  return { phases: [[TOPIC]], newModel: () => book, startAt: (at) => book.startAt(at) };
}

interface Watched {
  /** By size and start, oldest first in each size. */
  readonly bySize: Map<Size, AthleteWindow[]>;
  askedMs: number;
}

export class AthleteBook implements FollowedModel {
  readonly #events: ModelEvents;
  readonly #clock: () => number;
  readonly #watched = new Map<string, Watched>();
  readonly #positions: number[] = [];
  #changed = new Set<string>();
  applied = 0;

  constructor(events: ModelEvents, clock: () => number) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Next offset by partition. */
  get position(): PositionVector {
    return this.#positions;
  }

  /** AT1 */
  startAt({ partition, first, end }: { partition: number; first: number; end: number }): number {
    const reached = this.#positions[partition];
    return reached !== undefined && reached >= first && reached <= end ? reached : end;
  }

  /** What came since the athlete was first asked for, by size and time (AT2). */
  recent(athlete: string): AthleteWindow[] {
    const nowMs = this.#clock();
    let watched = this.#watched.get(athlete);
    if (!watched) {
      this.#forget(nowMs);
      watched = { bySize: new Map(), askedMs: nowMs };
      this.#watched.set(athlete, watched);
    }
    watched.askedMs = nowMs;
    return (Object.keys(KEPT) as Size[]).flatMap((size) => watched.bySize.get(size) ?? []);
  }

  apply(topic: string, partition: number, offset: number, bytes: Buffer, start: number, end: number): void {
    this.applied++;
    // Nobody watches: nothing has to be read to know how far it goes.
    if (this.#watched.size > 0) {
      try {
        this.#put(readRecord(ReadingWindow, bytes, start, end));
      } catch (error) {
        this.#events.skipped(topic, partition, offset, (error as Error).message);
      }
    }
    this.reached(topic, partition, offset + 1);
  }

  reached(_topic: string, partition: number, offset: number): void {
    while (this.#positions.length <= partition) this.#positions.push(0);
    this.#positions[partition] = offset;
  }

  takeChanged(): Changes {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changesOf(changed);
  }

  scopes(): Changes {
    return changesOf(this.#watched.keys());
  }

  #put(result: ReadingWindow): void {
    const watched = this.#watched.get(result.participant);
    const kept = KEPT[result.size as Size];
    if (!watched || kept === undefined) return;
    const window = windowOf(result);
    const windows = watched.bySize.get(window.size) ?? [];
    watched.bySize.set(window.size, windows);
    // Nearly always the newest: from the end.
    let at = windows.length;
    while (at > 0 && windows[at - 1]!.startMs > window.startMs) at--;
    const isKnown = at > 0 && windows[at - 1]!.startMs === window.startMs;
    if (isKnown)
      windows[at - 1] = window; // AT3
    else if (at > 0 || windows.length < kept) windows.splice(at, 0, window);
    if (windows.length > kept) windows.shift();
    this.#changed.add(result.participant);
  }

  #forget(nowMs: number): void {
    for (const [athlete, { askedMs }] of this.#watched)
      if (nowMs - askedMs > FORGOTTEN_MS) this.#watched.delete(athlete);
  }
}

/** Each athlete is a scope: nobody else's watchers have to look. */
export function changesOf(athletes: Iterable<string>): Changes {
  const changes = new Map<string, ReadonlySet<string>>();
  for (const athlete of athletes) changes.set(athlete, new Set([athlete]));
  return changes;
}
