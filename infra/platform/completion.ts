/**
 * When everything that was sent has become a row in ClickHouse.
 *
 * D1  Stage by stage, upstream first: a stage has done its part when its group has committed every record of its inputs;
 *     what came of them was committed with them, so only then is the end of what it writes final.
 * D2  The sink comes last. It is done when it holds every result committed before it was asked.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaConnection } from "../../runtime/config.ts";
import type { JobPlan, StagePlan } from "../../runtime/graph/plan.ts";
import { committedOffsets, describeTopics, endOffsets } from "../../runtime/kafka/admin.ts";
import type { TopicPartition } from "../../runtime/kafka/log.ts";

export interface CompletionOptions {
  readonly kafka: KafkaConnection;
  readonly plan: JobPlan;
  /** Resolves when every result committed before the call is in ClickHouse. */
  readonly sinkCaughtUp: () => Promise<void>;
  /** Called between looks; throws when waiting is in vain. */
  readonly check: () => Promise<void>;
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 50;

/** Resolves when all of it is in ClickHouse, or after `signal`. */
export async function allInClickHouse(options: CompletionOptions): Promise<void> {
  const { kafka, plan, signal } = options;
  for (const stage of plan.stages) {
    const partitions = await inputPartitions(kafka, stage);
    const ends = await endOffsets(kafka, partitions); // D1: final, for the stages above are done
    for (;;) {
      const committed = await committedOffsets(kafka, plan.job, partitions);
      if (ends.every(({ offset }, i) => offset === 0 || committed[i]!.offset >= offset)) break;
      await options.check();
      if (signal.aborted) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  await Promise.race([options.sinkCaughtUp(), aborted]); // D2
}

async function inputPartitions(kafka: KafkaConnection, stage: StagePlan): Promise<TopicPartition[]> {
  const topics = stage.inputs.map(({ topic }) => topic);
  const counts = await describeTopics(kafka, topics);
  return topics.flatMap((topic) =>
    Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  );
}
