/** The replay's end in Kafka: makes the topics of a race, opens writers, reads how far a replay is. Main thread only. */
import type { KafkaConnection } from "../../runtime/config.ts";
import { describeTopics, ensureTopics } from "../../runtime/kafka/admin.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { createTransactionalWriter } from "../../runtime/kafka/transactional-writer.ts";
import { type ReplayProgress, readProgress } from "./progress.ts";
import { type ReplayOptions, type ReplayResult, replay } from "./replay.ts";
import { ENTRANTS, PASSINGS, RACE_TOPICS } from "./topics.ts";

/**
 * A transaction is open for milliseconds; a replay that was killed in one holds the readers of `passings` back for so long
 * at most, less when it is started again.
 */
const TRANSACTION_TIMEOUT_MS = 10_000;

/** Makes the topics of races where they are missing. Returns the partitions of each. */
export async function ensureRaceTopics(kafka: KafkaConnection): Promise<ReadonlyMap<string, number>> {
  const names = RACE_TOPICS.map(({ topic }) => topic);
  const existing = await describeTopics(kafka, names);
  const missing = RACE_TOPICS.filter(({ topic }) => !existing.has(topic));
  await ensureTopics(kafka, missing);
  return new Map([
    ...missing.map(({ topic, partitions }): [string, number] => [topic, partitions]),
    ...existing,
  ]);
}

/** How far the replay of `race` is; `undefined`: nothing was sent. The race's topics exist. */
export async function replayProgress(
  kafka: KafkaConnection,
  race: string,
): Promise<ReplayProgress | undefined> {
  const reader = createPartitionReader(kafka, { clientId: `replay-${race}` });
  try {
    return await readProgress(reader, race);
  } finally {
    await reader.close();
  }
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
      entrantPartitions: partitions.get(ENTRANTS)!,
      passingPartitions: partitions.get(PASSINGS)!,
      openWriter: (transactionalId) =>
        createTransactionalWriter(kafka, { transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }),
      readProgress: (race) => replayProgress(kafka, race),
    },
  });
}
