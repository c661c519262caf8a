/** For tests of jobs: a whole job in memory, with a clock in the test's hand and crashes where the test wants them. */
export { type HarnessOptions, JobHarness } from "./job-harness.ts";
