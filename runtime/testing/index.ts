/**
 * For tests of jobs: a whole job in memory, with a clock in the test's hand and crashes where the test wants them; and a whole
 * job in a simulated world under a seed.
 */

export {
  type HostileBytes,
  type HostileValue,
  hostileBytes,
  hostileValues,
  ordinaryValue,
} from "./hostile.ts";
export { type HarnessOptions, JobHarness } from "./job-harness.ts";
export { Random } from "./random.ts";
export { same } from "./same.ts";
export { sequential } from "./sequential.ts";
export { type SimulateOptions, simulate } from "./simulate.ts";
export type { InputRecord } from "./simulation/input.ts";
export type { CommittedRecord, Outcome } from "./simulation/outcome.ts";
export type { SimulatedJob } from "./simulation/run.ts";
