/**
 * Which jobs shall run, kept in a compacted topic: every node reads it, so every node agrees. There is no master.
 *
 * J1  The last record of a name is what is wanted of that job.
 */
import type { KafkaConnection } from "../config.ts";
import type { PlanDescription } from "../graph/describe.ts";
import { ensureTopics, type TopicSpec } from "../kafka/admin.ts";
import { createProducer } from "../kafka/producer.ts";
import { createPartitionReader } from "../kafka/reader.ts";

export const JOBS_TOPIC = "pacestream.jobs";

/** What is wanted of a job. A cancelled one keeps its topics: submitted again, it goes on where it stopped. */
export interface JobRecord {
  readonly name: string;
  /** Path of its module, from the project's root. */
  readonly module: string;
  readonly parallelism: number;
  readonly state: "running" | "cancelled";
  readonly submittedMs: number;
  /** As it was submitted; absent in records of older versions. Its next version is judged by it. */
  readonly plan?: PlanDescription;
  /** Its code as it was submitted (`packCode`), and what tells it from others. */
  readonly code?: string;
  readonly codeHash?: string;
}

export interface JobStore {
  /** Resolves once it has been read back: `all` knows it then, or what another node has put after it. */
  put(record: JobRecord): Promise<void>;
  /** All records known now, by name. */
  all(): ReadonlyMap<string, JobRecord>;
  close(): Promise<void>;
}

const topicSpec = (topic: string): TopicSpec => ({
  topic,
  partitions: 1,
  config: { "cleanup.policy": "compact" },
});
const POLL_MS = 250;

/** Resolves once the topic is read to its end. @param onChange called for each record, the first ones too. */
export async function openJobStore(
  kafka: KafkaConnection,
  topic: string,
  onChange: (record: JobRecord) => void,
  log: (line: string) => void,
): Promise<JobStore> {
  await ensureTopics(kafka, [topicSpec(topic)]);
  const reader = createPartitionReader(kafka, { clientId: "job-store" });
  const producer = await createProducer(kafka, { clientId: "job-store" });
  const records = new Map<string, JobRecord>();
  /** Puts that were not read back yet, by their text. */
  const unread = new Map<string, PromiseWithResolvers<void>>();
  const partition = { topic, partition: 0 };
  const [extent] = await reader.offsets([partition]);
  reader.assign([{ ...partition, offset: extent!.first }]);
  let position = extent!.first;
  let closed = false;

  const pollOnce = async (): Promise<void> => {
    for (const polled of await reader.poll(POLL_MS)) {
      const { records: cursor } = polled;
      while (cursor.next()) {
        if (cursor.keyStart < 0 || cursor.valueStart < 0) continue;
        const text = cursor.buffer.toString("utf8", cursor.valueStart, cursor.valueEnd);
        try {
          const record = JSON.parse(text) as JobRecord;
          records.set(record.name, record);
          unread.get(text)?.resolve();
          unread.delete(text);
          onChange(record);
        } catch (error) {
          log(`${topic} offset ${cursor.offset}: ${(error as Error).message}`);
        }
      }
      position = polled.nextOffset;
    }
  };
  while (position < extent!.end) await pollOnce();
  const tail = (async () => {
    while (!closed) {
      try {
        await pollOnce();
      } catch (error) {
        if (!closed) log(`${topic}: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  })();

  return {
    all: () => records,
    async put(record) {
      const text = JSON.stringify(record);
      const read = unread.get(text) ?? Promise.withResolvers<void>();
      unread.set(text, read);
      await producer.send(topic, 0, record.name, Buffer.from(text), Date.now());
      await producer.flush();
      await read.promise;
    },
    async close() {
      closed = true;
      await tail;
      for (const { resolve } of unread.values()) resolve(); // it was written, and nobody listens any more
      await reader.close();
      await producer.close();
    },
  };
}
