/**
 * All that a job's run needs of the world around it. `kafkaServices` is the real one; the simulation (`runtime/testing/`)
 * brings its own, and everything above runs in it as it is.
 */
import type { KafkaConnection } from "../config.ts";
import { type TopicAdmin, topicAdmin } from "../kafka/admin.ts";
import { createEarlyWriter } from "../kafka/early-writer.ts";
import type { EarlyWriter, TransactionalWriter } from "../kafka/log.ts";
import { createTransactionalWriter, type TransactionalWriterOptions } from "../kafka/transactional-writer.ts";
import { systemTime, type Time } from "../time.ts";
import type { WorkerPool } from "../worker/pool.ts";
import { type GroupOptions, joinGroup, type Membership } from "./membership.ts";

export interface JobServices {
  readonly time: Time;
  readonly pool: WorkerPool;
  readonly topics: TopicAdmin;
  joinGroup(options: GroupOptions): Promise<Membership>;
  newWriter(options: TransactionalWriterOptions): TransactionalWriter;
  /** For a task whose results leave before their epoch. */
  newEarlyWriter(clientId: string): EarlyWriter;
}

export const kafkaServices = (kafka: KafkaConnection, pool: WorkerPool): JobServices => ({
  time: systemTime,
  pool,
  topics: topicAdmin(kafka),
  joinGroup: (options) => joinGroup(kafka, options),
  newWriter: (options) => createTransactionalWriter(kafka, options),
  newEarlyWriter: (clientId) => createEarlyWriter(kafka, clientId),
});
