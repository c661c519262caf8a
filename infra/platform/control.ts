/** What the API's control routes act on, made of the node and the log. */
import type { CorrectionDesk, JobControl, JobInfo } from "../../api/control/control.ts";
import type { JobInfo as NodeJob, RuntimeNode } from "../../runtime/cluster/node.ts";
import type { KafkaConnection } from "../../runtime/config.ts";
import { describeTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import type { IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { Correction } from "../../schemas/index.ts";
import { CORRECTIONS, runnerKey } from "../replay/topics.ts";

export function jobControl(node: RuntimeNode): JobControl {
  return {
    list: async () => (await node.jobs()).map(infoOf),
    submit: async (spec) => infoOf(await node.submit(spec)),
    cancel: async (name) => {
      await node.cancel(name);
    },
  };
}

function infoOf({ name, module, parallelism, state, submittedMs, codeHash, problems }: NodeJob): JobInfo {
  const code = codeHash === undefined ? {} : { code: codeHash };
  return { name, module, parallelism, state, submittedMs, ...code, reason: problems.join("; ") };
}

/** Corrections go to the partition of their runner: the job applies them in the order they were taken. */
export async function correctionDesk(
  kafka: KafkaConnection,
  producer: IdempotentProducer,
): Promise<CorrectionDesk> {
  const partitions = (await describeTopics(kafka, [CORRECTIONS])).get(CORRECTIONS) ?? 1;
  return {
    async send(correction) {
      const key = runnerKey(correction.race, correction.bib);
      await producer.send(
        CORRECTIONS,
        partitionOf(key, partitions),
        key,
        Correction.encode(correction),
        Date.now(),
      );
      await producer.flush();
    },
  };
}
