/**
 * Health alerts as a part of the platform: the job's topics, the rules of a race, and the desk where an alert is taken on.
 *
 *     const alerts = await loadJob(root, ALERTS_MODULE);
 *     await prepareAlerts(kafka, alerts);
 *     startClickHouseSink({ tables: [...ALERT_TABLES, ...], ... });
 *     startApi({ acknowledgements: await acknowledgementDesk(kafka, producer), ... });
 *     node.submit({ module: ALERTS_MODULE, parallelism });
 *     await announceRules(kafka, producer, race);
 */
import type { AcknowledgementDesk } from "../../api/live/alerts/acknowledge.ts";
import { DEFAULT_RULES } from "../../jobs/lib/health/default-rules.ts";
import { prepareOuterTopics } from "../../runtime/cluster/job-topology.ts";
import type { KafkaConnection } from "../../runtime/config.ts";
import type { PlanDescription } from "../../runtime/graph/describe.ts";
import { describeTopics, topicAdmin } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import type { IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { AlertAcknowledgement, HealthRules, type Race } from "../../schemas/index.ts";
import { ensureMissing } from "../replay/kafka-play.ts";
import { UPLOAD_TOPICS, UPLOADS } from "../replay/topics.ts";

/** Path from the project's folder. */
export const ALERTS_MODULE = "jobs/health-alerts.ts";

const ACKNOWLEDGEMENTS = "alert-acknowledgements";
const PROFILES = "profiles";
export const RULES = "health-rules";
const POLL_MS = 100;

/** Makes the topics that are missing: those by participant with as many partitions as the uploads have, so that they can be joined. */
export async function prepareAlerts(kafka: KafkaConnection, plan: PlanDescription): Promise<void> {
  const partitions = (await ensureMissing(kafka, UPLOAD_TOPICS)).get(UPLOADS)!;
  await ensureMissing(kafka, [
    { topic: PROFILES, partitions, config: { "cleanup.policy": "compact" } },
    { topic: ACKNOWLEDGEMENTS, partitions, config: { "retention.ms": "-1" } },
  ]);
  await prepareOuterTopics(topicAdmin(kafka), plan);
}

/** Acknowledgements go to the partition of their participant: the job meets them beside the participant's readings. */
export async function acknowledgementDesk(
  kafka: KafkaConnection,
  producer: IdempotentProducer,
): Promise<AcknowledgementDesk> {
  const partitions = (await describeTopics(kafka, [ACKNOWLEDGEMENTS])).get(ACKNOWLEDGEMENTS) ?? 1;
  return {
    async send(acknowledgement) {
      const { participant, atMs } = acknowledgement;
      const value = AlertAcknowledgement.encode(acknowledgement);
      await producer.send(ACKNOWLEDGEMENTS, partitionOf(participant, partitions), participant, value, atMs);
      await producer.flush();
    },
  };
}

/**
 * Has a race rules of its own, if nobody has given it any: those built in, and how long its course is, so that who has finished may
 * stand still and switch off.
 */
export async function announceRules(
  kafka: KafkaConnection,
  producer: IdempotentProducer,
  { id, distanceM }: Race,
): Promise<void> {
  if (await hasRules(kafka, id)) return;
  const rules: HealthRules = { ...DEFAULT_RULES, event: id, courseM: distanceM };
  await producer.send(RULES, 0, id, HealthRules.encode(rules), 0);
  await producer.flush();
}

async function hasRules(kafka: KafkaConnection, event: string): Promise<boolean> {
  const reader = createPartitionReader(kafka, { clientId: "pacestream-rules" });
  const at = { topic: RULES, partition: 0 };
  try {
    const [range] = await reader.offsets([at]);
    let next = range!.first;
    reader.assign([{ ...at, offset: next }]);
    while (next < range!.end) {
      for (const { records, nextOffset } of await reader.poll(POLL_MS)) {
        while (records.next()) {
          const { buffer, valueStart, valueEnd } = records;
          if (valueStart >= 0 && HealthRules.decode(buffer, valueStart, valueEnd).event === event)
            return true;
        }
        next = nextOffset;
      }
    }
    return false;
  } finally {
    await reader.close();
  }
}
