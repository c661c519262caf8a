/** The topics a race and its devices go into, and where a replay keeps how far it is. */
import type { TopicSpec } from "../../runtime/kafka/admin.ts";

export const RACES = "races";
export const ENTRANTS = "entrants";
export const PASSINGS = "passings";
export const CORRECTIONS = "corrections";
/** What devices send, by participant. */
export const UPLOADS = "uploads";
/** Compacted, by race or field of devices: how far its replay is. Internal. */
export const REPLAYS = "pacestream.replays";

const COMPACTED = { "cleanup.policy": "compact" };
/** A race is history: its reads are never dropped by age. */
const KEPT = { "retention.ms": "-1" };

const REPLAYS_TOPIC: TopicSpec = { topic: REPLAYS, partitions: 1, config: COMPACTED };

export const RACE_TOPICS: readonly TopicSpec[] = [
  { topic: RACES, partitions: 1, config: COMPACTED },
  { topic: ENTRANTS, partitions: 4, config: COMPACTED },
  { topic: PASSINGS, partitions: 4, config: KEPT },
  { topic: CORRECTIONS, partitions: 4, config: KEPT },
  REPLAYS_TOPIC,
];

/**
 * Eight partitions: fifty thousand devices upload five thousand times a second. A week's raw readings are kept to be
 * processed again; what is kept for good is in ClickHouse.
 */
export const UPLOAD_TOPICS: readonly TopicSpec[] = [
  { topic: UPLOADS, partitions: 8, config: { "retention.ms": String(7 * 86_400_000) } },
  REPLAYS_TOPIC,
];

/** What `entrants`, `passings` and `corrections` are keyed by. */
export function runnerKey(race: string, bib: string): string {
  return `${race}/${bib}`;
}
