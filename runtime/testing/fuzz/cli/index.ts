/**
 * `npm run fuzz`: random jobs against the reference. Exit codes: 0 all came out as the reference says (with `--bug`: it was found) ·
 * 1 some did not (with `--bug`: it was not found) · 2 the command was written wrong.
 */
import { availableParallelism } from "node:os";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type BugName, PLANTED } from "../planted.ts";
import { ENDLESS, runMany, type Totals, tell } from "./run-many.ts";

interface Options {
  readonly jobs: number;
  readonly from: number;
  readonly bug?: BugName;
  readonly processes: number;
  readonly steps?: readonly number[];
  readonly actions?: readonly number[];
  readonly plain?: boolean;
  readonly shrink: boolean;
}

const STORIES_MAX = 3;
const FAILURES_MAX = 20;
const PROGRESS_EVERY_MS = 5_000;

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return Number(text);
};
const indices = (text: string): readonly number[] => (text === "none" ? [] : text.split(",").map(whole));

const command = new Command("fuzz")
  .description(
    "Makes random jobs, runs each in memory with batches, crashes, tasks and new versions of its own, and holds what comes of it\n" +
      "against the reference (runtime/testing/reference). A seed always does the same. What fails is shrunk and told.",
  )
  .option("--jobs <n>", "how many jobs", whole, 1_000)
  .option("--from <seed>", "seed of the first one", whole, 1)
  .addOption(
    new Option("--bug <name>", "puts a known bug into the runtime, which must be found").choices(
      Object.keys(PLANTED),
    ),
  )
  .option("--processes <n>", "processes at once", whole, availableParallelism())
  .option("--steps <ids>", "only these steps of the one job", indices)
  .option("--actions <indices>", "only these things are done with it", indices)
  .option("--plain", "one task does all, a record at a time, and never dies")
  .option("--no-shrink", "tell failing jobs as they are")
  .addHelpText(
    "after",
    `\nBugs:\n${Object.entries(PLANTED)
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
  const { from, jobs, bug, steps, actions, plain } = options;
  if (steps || actions || plain) {
    const subset = { ...(steps && { steps }), ...(actions && { actions }), ...(plain && { plain }) };
    const { text, fails } = await tell(from, subset, bug);
    console.log(text);
    return verdict(fails, options);
  }
  const began = performance.now();
  const totals = await runMany({
    from,
    jobs,
    processes: Math.max(1, Math.min(options.processes, Math.ceil(jobs / 20))),
    bug,
    failuresMax: bug ? 1 : FAILURES_MAX,
    onProgress: progress(options, began),
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const told = totals.failures.slice(0, bug ? 1 : STORIES_MAX);
  for (const { seed, differences } of told) console.log(`${await storyOf(seed, differences, options)}\n`);
  for (const { seed, differences } of totals.failures.slice(told.length))
    console.log(`also failed: seed ${seed}: ${differences[0]}`);
  const [first] = totals.failures;
  if (bug) console.log(`bug ${bug}: ${first ? `found by job ${first.seed}` : "NOT FOUND"}`);
  const { failures, records, outputs, undetermined, refused } = totals;
  console.log(
    `${totals.jobs} jobs, ${failures.length} not as the reference says; ${records} records in, ${outputs} out; ${undetermined} not determined, ${refused} refused as they should be; ${seconds} s`,
  );
  return verdict(failures.length > 0, options);
}

function verdict(fails: boolean, { bug }: Options): number {
  return fails === (bug !== undefined) ? 0 : 1;
}

async function storyOf(
  seed: number,
  differences: readonly string[],
  { shrink, bug }: Options,
): Promise<string> {
  // It would not end when it is told, either.
  if (differences[0] === ENDLESS) return `job of seed ${seed}: ${ENDLESS}`;
  return (await tell(seed, shrink ? undefined : {}, bug)).text;
}

function progress({ jobs }: Options, began: number): (totals: Totals) => void {
  let saidMs = began;
  return (totals) => {
    const nowMs = performance.now();
    if (nowMs - saidMs < PROGRESS_EVERY_MS) return;
    saidMs = nowMs;
    const leftS = ((nowMs - began) / 1000) * (jobs / totals.jobs - 1);
    console.error(
      `${totals.jobs} of ${jobs} jobs, ${totals.failures.length} failed, ${leftS.toFixed(0)} s to go`,
    );
  };
}
