/** A play's end in Kafka: makes topics, opens writers, reads how far a play is. Main thread only. */
import type { KafkaConnection } from "../../runtime/config.ts";
import { describeTopics, ensureTopics, type TopicSpec } from "../../runtime/kafka/admin.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { createTransactionalWriter } from "../../runtime/kafka/transactional-writer.ts";
import type { Codec } from "../../schemas/index.ts";
import type { PlayLog } from "./play.ts";
import { readProgress } from "./progress.ts";

/**
 * A transaction is open for milliseconds; a replay that was killed in one holds the readers of its topics back for so long
 * at most, less when it is started again.
 */
const TRANSACTION_TIMEOUT_MS = 10_000;

/** Makes the topics that are missing. Returns the partitions of each: of an existing one what it has. */
export async function ensureMissing(
  kafka: KafkaConnection,
  topics: readonly TopicSpec[],
): Promise<ReadonlyMap<string, number>> {
  const existing = await describeTopics(
    kafka,
    topics.map(({ topic }) => topic),
  );
  const missing = topics.filter(({ topic }) => !existing.has(topic));
  await ensureTopics(kafka, missing);
  return new Map([
    ...missing.map(({ topic, partitions }): [string, number] => [topic, partitions]),
    ...existing,
  ]);
}

/** The log of plays whose progress is written so. `pacestream.replays` exists. */
export function playLog<P>(kafka: KafkaConnection, progress: Codec<P>): PlayLog<P> {
  return {
    openWriter: (transactionalId) =>
      createTransactionalWriter(kafka, { transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }),
    async readProgress(id) {
      // Not with the id in it: a broker refuses client names with "/" or "_" (it takes them for software's, KIP-511).
      const reader = createPartitionReader(kafka, { clientId: "pacestream-replay" });
      try {
        return await readProgress(reader, id, progress);
      } finally {
        await reader.close();
      }
    },
  };
}
