/** A race's replay into Kafka: makes its topics, reads how far it is. Main thread only. */
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureMissing, playLog } from "./kafka-play.ts";
import { ReplayProgress } from "./progress.ts";
import { type ReplayOptions, type ReplayResult, replay } from "./replay.ts";
import { ENTRANTS, PASSINGS, RACE_TOPICS } from "./topics.ts";

/** Makes the topics of races where they are missing. Returns the partitions of each. */
export function ensureRaceTopics(kafka: KafkaConnection): Promise<ReadonlyMap<string, number>> {
  return ensureMissing(kafka, RACE_TOPICS);
}

/** How far the replay of `race` is; `undefined`: nothing was sent. The race's topics exist. */
export function replayProgress(kafka: KafkaConnection, race: string): Promise<ReplayProgress | undefined> {
  return playLog(kafka, ReplayProgress).readProgress(race);
}

/** `replay` into a Kafka cluster. */
export async function replayIntoKafka(
  kafka: KafkaConnection,
  options: Omit<ReplayOptions, "log">,
): Promise<ReplayResult> {
  const partitions = await ensureRaceTopics(kafka);
  return replay({
    ...options,
    log: {
      ...playLog(kafka, ReplayProgress),
      entrantPartitions: partitions.get(ENTRANTS)!,
      passingPartitions: partitions.get(PASSINGS)!,
    },
  });
}
