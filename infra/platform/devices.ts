/**
 * What devices send, as a part of the platform: the jobs that make something of it, their topics, and what they have to know of
 * a race. Which tables it goes into: infra/clickhouse/tables.ts.
 */
import { prepareOuterTopics } from "../../runtime/cluster/job-topology.ts";
import { type LoadedJob, loadJob } from "../../runtime/cluster/load-job.ts";
import type { KafkaConnection } from "../../runtime/config.ts";
import { topicAdmin } from "../../runtime/kafka/admin.ts";
import type { IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { Course, type Race } from "../../schemas/index.ts";
import { ALERT_TABLES, READING_TABLES } from "../clickhouse/tables.ts";
import { ALERTS_MODULE, announceRules, prepareAlerts } from "./alerts.ts";

/** Path from the project's folder. */
const WINDOWS_MODULE = "jobs/windowed-aggregates.ts";
const COURSES = "courses";

export const DEVICE_TABLES = [...READING_TABLES, ...ALERT_TABLES];

export interface DeviceJobs {
  readonly windows: LoadedJob;
  readonly alerts: LoadedJob;
}

export async function loadDeviceJobs(root: string): Promise<DeviceJobs> {
  const [windows, alerts] = await Promise.all([loadJob(root, WINDOWS_MODULE), loadJob(root, ALERTS_MODULE)]);
  return { windows, alerts };
}

/** Makes the topics that are missing. */
export async function prepareDevices(kafka: KafkaConnection, { windows, alerts }: DeviceJobs): Promise<void> {
  // First: it makes the topic of uploads with the partitions it is to have.
  await prepareAlerts(kafka, alerts);
  await prepareOuterTopics(topicAdmin(kafka), windows);
}

/** Tells the jobs of a race: its course, a segment from each mat to the next, and the health rules that hold there. */
export async function announceRace(
  kafka: KafkaConnection,
  producer: IdempotentProducer,
  race: Race,
): Promise<void> {
  await producer.send(COURSES, 0, race.id, Course.encode(courseOf(race)), 0);
  await announceRules(kafka, producer, race);
  await producer.flush();
}

export function courseOf({ id, mats }: Pick<Race, "id" | "mats">): Course {
  const segments = mats.slice(1).map((mat, i) => ({
    id: `${mats[i]!.id}-${mat.id}`,
    startM: mats[i]!.distanceM,
    endM: mat.distanceM,
  }));
  return { event: id, segments };
}
