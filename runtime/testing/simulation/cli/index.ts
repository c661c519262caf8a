/**
 * `npm run simulate`: jobs on a simulated cluster under many seeds. Exit codes: 0 all came out right (with `--bug`: it was
 * found) · 1 some did not (with `--bug`: it was not found) · 2 the command was written wrong.
 */
import { availableParallelism } from "node:os";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { BUGS, type BugName } from "../bugs.ts";
import { MARKS, type Mark } from "../marks.ts";
import { type RunOptions, runSeed, type SimulatedJob } from "../run.ts";
import { shrink } from "../shrink.ts";
import { commandFor, tellStory } from "../story.ts";
import { simulatedJobs } from "./jobs.ts";
import { runMany, type Totals } from "./run-many.ts";

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly job?: string[];
  readonly bug?: BugName;
  readonly processes: number;
  readonly faults?: ReadonlySet<number>;
  readonly records?: ReadonlySet<number>;
  readonly shrink: boolean;
  readonly json?: boolean;
}

const STORIES_MAX = 3;
const FAILURES_MAX = 20;
const PROGRESS_EVERY_MS = 5_000;
/** So few seeds need not have taken every path. */
const SEEDS_FOR_ALL_MARKS = 1_000;

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return Number(text);
};
const indices = (text: string): ReadonlySet<number> =>
  new Set(text === "none" ? [] : text.split(",").map(whole));

const jobs = await simulatedJobs();
const command = new Command("simulate")
  .description(
    "Runs jobs on a simulated Kafka cluster and simulated nodes, each seed with other faults, and checks what comes of it.\n" +
      "A seed always does the same. What fails is shrunk and told.",
  )
  .option("--seeds <n>", "how many seeds", whole, 1_000)
  .option("--from <seed>", "the first seed", whole, 1)
  .addOption(
    new Option("--job <name...>", "only these jobs (default: all, seed by seed in turn)").choices([
      ...jobs.keys(),
    ]),
  )
  .addOption(
    new Option("--bug <name>", "puts a known bug in, which must be found").choices(Object.keys(BUGS)),
  )
  .option("--processes <n>", "processes at once", whole, availableParallelism())
  .option("--faults <indices>", "only these faults of the seed's plan: 0,3 or none", indices)
  .option("--records <indices>", "only these records of the seed's input", indices)
  .option("--no-shrink", "tell failing runs as they are")
  .option("--json", "one line of JSON on standard output, and nothing else there")
  .addHelpText(
    "after",
    `\nBugs:\n${Object.entries(BUGS)
      .map(([name, { about }]) => `  ${name.padEnd(26)}${about}`)
      .join("\n")}`,
  )
  .exitOverride();

try {
  command.parse();
} catch (error) {
  process.exit(error instanceof CommanderError && error.exitCode === 0 ? 0 : 2);
}
process.exit(await run(command.opts<Options>()));

async function run(options: Options): Promise<number> {
  const names = options.job ?? [...jobs.keys()];
  const began = performance.now();
  const totals = await runMany({
    jobs: names,
    from: options.from,
    seeds: options.faults || options.records ? 0 : options.seeds,
    processes: Math.max(1, Math.min(options.processes, Math.ceil(options.seeds / 20))),
    bug: options.bug,
    failuresMax: options.bug ? 1 : FAILURES_MAX,
    onProgress: progress(options, began),
  });
  if (options.faults || options.records) await runPart(options, names[0]!, totals);
  const wallMs = performance.now() - began;
  const untaken = (Object.keys(MARKS) as Mark[]).filter((mark) => !totals.marks.has(mark));
  const stories = await Promise.all(
    totals.failures
      .slice(0, options.bug ? 1 : STORIES_MAX)
      .map(({ job, seed }) => storyOf(options, job, seed)),
  );
  if (options.json) console.log(JSON.stringify(summary(totals, untaken, stories, wallMs)));
  else print(options, totals, untaken, stories, wallMs);
  return totals.failures.length > 0 === (options.bug !== undefined) ? 0 : 1;
}

/** A run with some of its faults and records left out: what a story says to run. */
async function runPart(options: Options, job: string, totals: Totals): Promise<void> {
  const result = await runSeed(jobs.get(job)!, optionsOf(options, options.from));
  totals.seeds++;
  totals.events += result.events;
  totals.virtualMs += result.virtualMs;
  totals.byJob.set(job, 1);
  for (const [mark, times] of result.marks) totals.marks.set(mark, times);
  if (result.violations.length > 0)
    totals.failures.push({ job, seed: options.from, violations: result.violations });
}

function optionsOf({ bug, faults, records }: Options, seed: number): RunOptions {
  return { seed, ...(bug && { bug }), ...(faults && { faults }), ...(records && { records }) };
}

interface Story {
  readonly job: string;
  readonly seed: number;
  readonly command: string;
  readonly text: string;
}

async function storyOf(options: Options, job: string, seed: number): Promise<Story> {
  const simulated: SimulatedJob = jobs.get(job)!;
  let run = optionsOf(options, seed);
  let result = await runSeed(simulated, run);
  if (options.shrink) ({ options: run, result } = await shrink(simulated, run, result));
  return { job, seed, command: commandFor(job, run), text: tellStory(job, run, result) };
}

function progress({ json, seeds }: Options, began: number): (totals: Totals) => void {
  let saidMs = began;
  return (totals) => {
    const nowMs = performance.now();
    if (json || nowMs - saidMs < PROGRESS_EVERY_MS) return;
    saidMs = nowMs;
    const leftS = ((nowMs - began) / 1000) * (seeds / totals.seeds - 1);
    console.error(
      `${totals.seeds} of ${seeds} seeds, ${totals.failures.length} failed, ${leftS.toFixed(0)} s to go`,
    );
  };
}

function summary(totals: Totals, untaken: readonly Mark[], stories: readonly Story[], wallMs: number) {
  return {
    seeds: totals.seeds,
    failed: totals.failures.length,
    jobs: Object.fromEntries(totals.byJob),
    events: totals.events,
    virtualS: Math.round(totals.virtualMs / 1000),
    wallS: Math.round(wallMs / 100) / 10,
    marks: Object.fromEntries(totals.marks),
    untaken,
    failures: totals.failures,
    stories,
  };
}

function print(
  options: Options,
  totals: Totals,
  untaken: readonly Mark[],
  stories: readonly Story[],
  wallMs: number,
): void {
  for (const { text } of stories) console.log(`${text}\n`);
  for (const { job, seed, violations } of totals.failures.slice(stories.length))
    console.log(`also failed: ${job}, seed ${seed}: ${violations[0]}`);
  if (untaken.length > 0 && totals.failures.length === 0 && totals.seeds > 1) {
    const why = totals.seeds < SEEDS_FOR_ALL_MARKS ? " (so few seeds need not take them all)" : "";
    console.log(`paths that were never taken${why}:`);
    for (const mark of untaken) console.log(`  ${mark}: ${MARKS[mark]}`);
  }
  const jobsTold = [...totals.byJob].map(([job, seeds]) => `${job} ${seeds}`).join(", ");
  const hours = (totals.virtualMs / 3_600_000).toFixed(1);
  if (options.bug)
    console.log(
      `bug ${options.bug}: ${totals.failures.length > 0 ? `found after ${totals.seeds} seeds` : "NOT FOUND"}`,
    );
  console.log(
    `${totals.seeds} seeds, ${totals.failures.length} failed (${jobsTold}); ${totals.events} events, ${hours} virtual hours in ${(wallMs / 1000).toFixed(0)} s`,
  );
}
