/**
 * What a plain run gives for the same input: one task a stage, one partition, no faults, nothing at once. The usual oracle of a
 * simulation, as far as the result does not depend on which of two keys came first.
 */
import type { JobDefinition } from "../dsl/job.ts";
import { planJob } from "../graph/plan.ts";
import { JobHarness } from "./job-harness.ts";
import type { InputRecord } from "./simulation/input.ts";
import { Outcome } from "./simulation/outcome.ts";

/** After the last record the clock moves on by so much, in steps: timers fire, inputs fall idle. */
const AFTERWARDS_MS = 20_000;
const STEPS = 10;

export function sequential(job: JobDefinition, input: readonly InputRecord[]): Outcome {
  const harness = new JobHarness(job, { partitions: 1 });
  const tables = new Set(planJob(job).stages.flatMap((stage) => stage.tables.map(({ topic }) => topic.name)));
  // What is looked up is there before what looks it up.
  const ordered = [...input].sort(
    (a, b) => Number(tables.has(b.topic)) - Number(tables.has(a.topic)) || a.atMs - b.atMs,
  );
  for (const { topic, key, value } of ordered) harness.sendBytes(topic, key, value);
  harness.run();
  for (let step = 0; step < STEPS; step++) harness.advance(AFTERWARDS_MS / STEPS);
  return new Outcome(job, input, (topic) =>
    harness.records(topic).map(({ key, value }, offset) => ({
      partition: 0,
      offset,
      key: key ?? null,
      value: value && Buffer.from(value),
    })),
  );
}
