/**
 * What became of officials' corrections, as the job says, from the topic `correction-outcomes`. Fed by the follower, with committed
 * records only.
 *
 * CB1  A later outcome of a correction replaces the earlier one: what it is about may arrive afterwards.
 * CB2  The last `KEPT_MAX` are here. All are in ClickHouse.
 */
import { type Correction, CorrectionOutcome } from "../../schemas/index.ts";
import type { Changes, Followed, FollowedModel } from "../live/follower.ts";
import type { ModelEvents } from "../live/model.ts";
import type { PositionVector } from "../live/position.ts";
import { readRecord } from "../live/record.ts";

const TOPIC = "correction-outcomes";
const KEPT_MAX = 20_000;
const NOTHING: Changes = new Map();

export const followedCorrections = (events: ModelEvents): Followed<CorrectionBook> => ({
  phases: [[TOPIC]],
  newModel: () => new CorrectionBook(events),
});

type Named = Pick<Correction, "race" | "bib" | "id">;

export class CorrectionBook implements FollowedModel {
  readonly #events: ModelEvents;
  readonly #outcomes = new Map<string, CorrectionOutcome>();
  readonly #positions: number[] = [];
  applied = 0;

  constructor(events: ModelEvents) {
    this.#events = events;
  }

  /** Next offset by partition. */
  get position(): PositionVector {
    return this.#positions;
  }

  get(correction: Named): CorrectionOutcome | undefined {
    return this.#outcomes.get(keyOf(correction));
  }

  apply(topic: string, partition: number, offset: number, bytes: Buffer, start: number, end: number): void {
    this.applied++;
    try {
      const outcome = readRecord(CorrectionOutcome, bytes, start, end);
      const key = keyOf(outcome);
      this.#outcomes.delete(key);
      this.#outcomes.set(key, outcome); // CB1
      for (const oldest of this.#outcomes.keys()) {
        if (this.#outcomes.size <= KEPT_MAX) break;
        this.#outcomes.delete(oldest); // CB2
      }
    } catch (error) {
      this.#events.skipped(topic, partition, offset, (error as Error).message);
    }
    this.reached(topic, partition, offset + 1);
  }

  reached(_topic: string, partition: number, offset: number): void {
    while (this.#positions.length <= partition) this.#positions.push(0);
    this.#positions[partition] = offset;
  }

  /** Nobody watches corrections: who sends one waits for it. */
  takeChanged(): Changes {
    return NOTHING;
  }

  scopes(): Changes {
    return NOTHING;
  }
}

const keyOf = ({ race, bib, id }: Named): string => JSON.stringify([race, bib, id]);
