/** The topics a race goes into, and where a replay keeps how far it is. */
import type { TopicSpec } from "../../runtime/kafka/admin.ts";

export const RACES = "races";
export const ENTRANTS = "entrants";
export const PASSINGS = "passings";
export const CORRECTIONS = "corrections";
/** Compacted, by race: how far its replay is. Internal. */
export const REPLAYS = "pacestream.replays";

const COMPACTED = { "cleanup.policy": "compact" };
/** A race is history: its reads are never dropped by age. */
const KEPT = { "retention.ms": "-1" };

export const RACE_TOPICS: readonly TopicSpec[] = [
  { topic: RACES, partitions: 1, config: COMPACTED },
  { topic: ENTRANTS, partitions: 4, config: COMPACTED },
  { topic: PASSINGS, partitions: 4, config: KEPT },
  { topic: CORRECTIONS, partitions: 4, config: KEPT },
  { topic: REPLAYS, partitions: 1, config: COMPACTED },
];

/** What `entrants`, `passings` and `corrections` are keyed by. */
export function runnerKey(race: string, bib: string): string {
  return `${race}/${bib}`;
}
