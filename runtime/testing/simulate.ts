/**
 * `simulate`, for a test of a job's own: the whole job on a simulated cluster under many seeds, with everything going wrong that
 * may, and what must come of it.
 *
 *     test("whatever happens, each order counts once", async () => {
 *       await simulate(orders, (random) => ordersDrawnFrom(random), (outcome) => {
 *         expect(outcome.latest("totals", Total)).toEqual(totalsOf(outcome.input));
 *       });
 *     });
 *
 * `README.md` beside this says what is simulated, and what an oracle may rely on.
 */
import type { JobDefinition } from "../dsl/job.ts";
import type { BugName } from "./simulation/bugs.ts";
import { runSeed, type SimulatedJob } from "./simulation/run.ts";
import { shrink } from "./simulation/shrink.ts";
import { tellStory } from "./simulation/story.ts";

export interface SimulateOptions {
  /** How many seeds. Default 50: some seconds. */
  readonly seeds?: number;
  /** The first. Default 1. */
  readonly from?: number;
  /** One of the runtime's own, to see that the oracle notices. */
  readonly bug?: BugName;
}

/**
 * Resolves when every seed came out right. @throws Error telling the story of the first that did not, shrunk to few faults and
 * records, with the command or options that run it again.
 */
export async function simulate(
  job: JobDefinition,
  input: SimulatedJob["input"],
  oracle: SimulatedJob["check"],
  options: SimulateOptions = {},
): Promise<void> {
  const simulated: SimulatedJob = { job, input, check: oracle };
  const { seeds = 50, from = 1, bug } = options;
  for (let seed = from; seed < from + seeds; seed++) {
    const run = { seed, ...(bug && { bug }) };
    const result = await runSeed(simulated, run);
    if (result.violations.length === 0) continue;
    const smallest = await shrink(simulated, run, result);
    throw new Error(tellStory(job.name, smallest.options, smallest.result));
  }
}
