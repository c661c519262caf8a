/**
 * The read model: all races, from the records of three topics. Holds no connection and never waits: the follower feeds it.
 *
 * L1  A record that cannot be read or applied is logged and skipped; it never stops the others.
 * L2  What arrives about a race before the race itself is held and applied when it comes.
 * L3  `position` names only records that are applied, held or skipped.
 */
import { Entrant, Race, Standing } from "../../schemas/index.ts";
import { type Changes, type Followed, type FollowedModel, ModelOutdated } from "./follower.ts";
import type { PositionVector } from "./position.ts";
import { RaceView } from "./race-view.ts";
import { readRecord } from "./record.ts";

export const TOPICS = ["races", "entrants", "standings"] as const;
export type LiveTopic = (typeof TOPICS)[number];

export interface ModelEvents {
  skipped(topic: string, partition: number, offset: number, reason: string): void;
}

/** A race came again with other mats or another clock: the model must be built anew. */
export class RaceRedefined extends ModelOutdated {}

export const followedRaces = (events: ModelEvents): Followed<LiveModel> => ({
  phases: [["races"], ["entrants", "standings"]],
  newModel: () => new LiveModel(events),
});

/** Records held for races not known yet, all together: the job itself cannot rank a race it does not know. */
const HELD_MAX = 200_000;

interface Held {
  readonly topic: LiveTopic;
  readonly partition: number;
  readonly offset: number;
  apply(): void;
}

export class LiveModel implements FollowedModel {
  readonly #events: ModelEvents;
  readonly #races = new Map<string, RaceView>();
  readonly #held = new Map<string, Held[]>();
  readonly #positions: number[] = [];
  #changed = new Map<string, Set<string>>();
  #heldCount = 0;
  /** Of records applied, held or skipped. */
  applied = 0;

  constructor(events: ModelEvents) {
    this.#events = events;
  }

  /** Next offset by partition of `standings`. */
  get position(): PositionVector {
    return this.#positions;
  }

  get races(): ReadonlyMap<string, RaceView> {
    return this.#races;
  }

  /** The races changed since the last call, each with the runners of whom something was said. */
  takeChanged(): Changes {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Map();
    return changed;
  }

  scopes(): Changes {
    return new Map([...this.#races.keys()].map((race) => [race, new Set()]));
  }

  reached(topic: LiveTopic, partition: number, offset: number): void {
    if (topic === "standings") this.#advance(partition, offset);
  }

  #advance(partition: number, offset: number): void {
    while (this.#positions.length <= partition) this.#positions.push(0);
    this.#positions[partition] = offset;
  }

  /**
   * Applies the record whose value is `bytes[start, end)`.
   * @throws RaceRedefined when a race changes its course under the standings applied so far
   */
  apply(
    topic: LiveTopic,
    partition: number,
    offset: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    this.applied++;
    try {
      switch (topic) {
        case "races":
          this.#applyRace(readRecord(Race, bytes, start, end));
          break;
        case "entrants": {
          const entrant = readRecord(Entrant, bytes, start, end);
          this.#applyToRace(entrant.race, topic, partition, offset, (view) => view.applyEntrant(entrant));
          this.#change(entrant.race).add(entrant.bib);
          break;
        }
        case "standings": {
          const standing = readRecord(Standing, bytes, start, end);
          this.#applyToRace(standing.race, topic, partition, offset, (view) => view.applyStanding(standing));
          this.#change(standing.race).add(standing.bib);
          break;
        }
      }
    } catch (error) {
      if (error instanceof RaceRedefined) throw error;
      this.#events.skipped(topic, partition, offset, (error as Error).message); // L1
    }
    this.reached(topic, partition, offset + 1);
  }

  #applyRace(race: Race): void {
    const known = this.#races.get(race.id);
    if (known && sameCourse(known.race, race)) {
      known.redefine(race);
    } else if (known && known.counts.runners > 0) {
      throw new RaceRedefined(`race ${race.id} has other mats or another clock than before`);
    } else {
      this.#races.set(race.id, new RaceView(race));
      this.#applyHeld(race.id);
    }
    this.#change(race.id);
  }

  #change(race: string): Set<string> {
    const known = this.#changed.get(race);
    if (known) return known;
    const runners = new Set<string>();
    this.#changed.set(race, runners);
    return runners;
  }

  #applyHeld(race: string): void {
    const held = this.#held.get(race);
    if (!held) return;
    this.#held.delete(race);
    this.#heldCount -= held.length;
    for (const { topic, partition, offset, apply } of held) {
      try {
        apply();
      } catch (error) {
        this.#events.skipped(topic, partition, offset, (error as Error).message); // L1
      }
    }
  }

  #applyToRace(
    race: string,
    topic: LiveTopic,
    partition: number,
    offset: number,
    apply: (view: RaceView) => void,
  ): void {
    const view = this.#races.get(race);
    if (view) {
      apply(view);
      return;
    }
    // L2
    if (this.#heldCount >= HELD_MAX)
      throw new Error(`race ${race} is not known, and ${HELD_MAX} records are held for such already`);
    this.#heldCount++;
    const held = this.#held.get(race) ?? [];
    this.#held.set(race, held);
    held.push({ topic, partition, offset, apply: () => apply(this.#races.get(race)!) });
  }
}

function sameCourse(a: Race, b: Race): boolean {
  return (
    a.rankBy === b.rankBy &&
    a.gunMs === b.gunMs &&
    a.mats.length === b.mats.length &&
    a.mats.every((mat, i) => mat.id === b.mats[i]!.id && mat.distanceM === b.mats[i]!.distanceM)
  );
}
