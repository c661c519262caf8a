/**
 * A short form of `npm run simulate`: some hundred seeds, and the checker checked. Long runs are for the command.
 */
import { describe, expect, test } from "vitest";
import { simulation as collars } from "../../jobs/collar-aggregates.simulation.ts";
import { simulation as alerts } from "../../jobs/health-alerts.simulation.ts";
import { simulation as leaderboard } from "../../jobs/marathon-leaderboard.simulation.ts";
import { simulation as aggregates } from "../../jobs/windowed-aggregates.simulation.ts";
import { simulation as faulty } from "./fixtures/faulty.simulation.ts";
import { simulation as operators } from "./fixtures/operators.simulation.ts";
import { simulation as twoExchanges } from "./fixtures/two-exchanges.simulation.ts";
import { simulate } from "./index.ts";
import { KEPT_SEEDS } from "./kept-seeds.ts";
import { BUGS, type BugName } from "./simulation/bugs.ts";
import { MARKS, type Mark } from "./simulation/marks.ts";
import { runSeed } from "./simulation/run.ts";
import { shrink } from "./simulation/shrink.ts";
import { tellStory } from "./simulation/story.ts";

const JOBS = [twoExchanges, operators, faulty, leaderboard, aggregates, collars, alerts];
const SEEDS_A_JOB = 100;
const LIMIT_MS = 300_000;
/** Where each bug is met soon: the rarest comes once in some hundred seeds, as rarely as what it takes to be seen. */
const BUGS_FROM = 1_001;

/** So rare that a few hundred seeds need not have them. */
const RARE: readonly Mark[] = [
  "task killed",
  "produce of an old epoch refused",
  "tombstones compacted",
  "init waited for a transaction being ended",
  "epoch lost",
  "epoch aborted",
  "produce refused",
  "worker died",
  "duplicate batch left out",
  "transaction timed out",
];

describe("whatever goes wrong,", () => {
  const taken = new Set<Mark>();
  test.each(JOBS)("$job.name comes out as it must", { timeout: LIMIT_MS }, async (simulated) => {
    for (let seed = 1; seed <= SEEDS_A_JOB; seed++) {
      const result = await runSeed(simulated, { seed });
      for (const mark of result.marks.keys()) taken.add(mark);
      if (result.violations.length > 0) expect.fail(tellStory(simulated.job.name, { seed }, result));
    }
  });
  test("and these seeds do take the rare paths", () => {
    const untaken = (Object.keys(MARKS) as Mark[]).filter((mark) => !taken.has(mark) && !RARE.includes(mark));
    expect(untaken).toEqual([]);
  });
});

describe("a known bug is found:", () => {
  test.each(Object.keys(BUGS) as BugName[])("%s", { timeout: LIMIT_MS }, async (bug) => {
    for (let seed = BUGS_FROM; seed < BUGS_FROM + 2_000; seed++) {
      // Only the job of operators has results that leave early.
      const result = await runSeed(bug === "unawaited-results" ? operators : twoExchanges, { seed, bug });
      if (result.violations.length > 0) return;
    }
    expect.fail("2000 seeds did not find it");
  });
});

describe("seeds that once failed:", () => {
  test.each(KEPT_SEEDS)("$found", { timeout: LIMIT_MS }, async ({ job, seed, faults, records }) => {
    const simulated = JOBS.find((one) => one.job.name === job)!;
    const options = {
      seed,
      ...(faults && { faults: new Set(faults) }),
      ...(records && { records: new Set(records) }),
    };
    const result = await runSeed(simulated, options);
    if (result.violations.length > 0) expect.fail(tellStory(job, options, result));
  });
});

test("a seed does the same each time", { timeout: LIMIT_MS }, async () => {
  for (const simulated of JOBS) {
    const [once, again] = [await runSeed(simulated, { seed: 11 }), await runSeed(simulated, { seed: 11 })];
    expect(again).toEqual(once);
  }
});

test("what fails is shrunk to what it takes, and can be run again", { timeout: LIMIT_MS }, async () => {
  const bug = "lost-aborted-range";
  let seed = 1;
  let failed = await runSeed(twoExchanges, { seed, bug });
  while (failed.violations.length === 0) failed = await runSeed(twoExchanges, { seed: ++seed, bug });
  const { options, result } = await shrink(twoExchanges, { seed, bug }, failed);
  expect(options.faults.size).toBeLessThanOrEqual(1);
  expect(options.records.size).toBeLessThan(failed.records);
  expect((await runSeed(twoExchanges, options)).violations).toEqual(result.violations);
  expect(tellStory("two-exchanges", options, result)).toContain(
    `npm run simulate -- --job two-exchanges --from ${seed} --seeds 1 --bug ${bug} --faults `,
  );
});

describe("simulate, for a test of a job's own,", () => {
  const { job, input, check } = twoExchanges;
  test("passes when its oracle does", { timeout: LIMIT_MS }, async () => {
    await simulate(job, input, check, { seeds: 3 });
  });
  test("throws the story of the seed that fails", { timeout: LIMIT_MS }, async () => {
    const wrong = () => {
      throw new Error("the oracle says no");
    };
    await expect(simulate(job, input, wrong, { seeds: 3, from: 5 })).rejects.toThrow(
      /two-exchanges, seed 5: .*\n {2}✗ the oracle says no\nfaults: none/,
    );
  });
});
