/** What a worker thread of the pool runs: one call a task, until the task is told to stop. Without one it is only made ready. */
import { isJobDefinition } from "../dsl/job.ts";
import { JobError } from "../errors.ts";
import { planJob } from "../graph/plan.ts";
import { createPartitionReader } from "../kafka/reader.ts";
import { systemTime } from "../time.ts";
import type { TaskStart } from "./messages.ts";
import { importSubmitted } from "./submitted-code.ts";
import { TaskLoop } from "./task-loop.ts";

/** Small fetches keep a turn short: a poll is processed whole before the thread hears anything else. */
const FETCH_BYTES_MAX = 1 << 20;
const FETCH_PARTITION_BYTES_MAX = 1 << 19;
/** Where nothing comes, a broker is asked twice a second, not twenty times. */
const FETCH_WAIT_MAX_MS = 500;

export default async function runTask(start: TaskStart | null): Promise<void> {
  if (start === null) return;
  const { module } = start.code;
  const { default: definition } = (await importSubmitted(start.root, start.code)) as { default?: unknown };
  if (!isJobDefinition(definition)) throw new JobError(`${module} has no default export made by job(...)`);
  const plan = planJob(definition, start.placement).stages.find((stage) => stage.name === start.stage);
  if (!plan)
    throw new JobError(`${module} has no stage "${start.stage}": describe(flow) must be the same each time`);
  const reader = createPartitionReader(start.kafka, {
    clientId: `${start.spec.job}.${start.stage}.${start.spec.slot}`,
    maxBytes: FETCH_BYTES_MAX,
    partitionMaxBytes: FETCH_PARTITION_BYTES_MAX,
    fetchWaitMaxMs: FETCH_WAIT_MAX_MS,
  });
  try {
    await new TaskLoop(start, plan, reader, systemTime).run();
  } finally {
    start.port.close();
    await reader.close();
  }
}
