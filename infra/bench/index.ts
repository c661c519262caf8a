/** `npm run bench -- NAME`: how fast it is, printed for people and, with `--json`, for programs. Not part of the tests. */
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { RACES } from "../acceptance/program.ts";
import { benchCrowd, describeCrowd, isFlat } from "./crowd.ts";
import { benchLatency, describeLatency } from "./latency.ts";
import { benchReplay, describeReplay } from "./replay.ts";
import { alertsCommand, windowsCommand } from "./side-by-side.ts";
import { benchTakeover, describeTakeover } from "./takeover.ts";

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("give a number above 0");
  return value;
};

const program = new Command("bench").description("How fast Pacestream is on this machine.");

program
  .command("leaderboard")
  .alias("replay")
  .description("the board: a race at top speed, from the first read sent to the last row in ClickHouse")
  .option("--race <folder>", "race folder", join(RACES, "chicago-2023"))
  .option("--rounds <n>", "how often", number, 1)
  .option("--json", "JSON, a line a round")
  .action(async ({ race, rounds, json }: { race: string; rounds: number; json?: boolean }) => {
    for (let round = 0; round < rounds; round++) {
      const result = await benchReplay(race);
      console.log(json ? JSON.stringify(result) : describeReplay(result));
    }
  });

program
  .command("latency")
  .description("from a passing produced to the SSE event at a client, in the thick of a race")
  .option("--race <folder>", "race folder", join(RACES, "chicago-2023"))
  .option("--speed <n>", "race seconds a second", number, 60)
  .option("--skip <reads>", "reads sent at top speed first", number, 200_000)
  .option("--seconds <n>", "how long it is measured", number, 30)
  .option("--followers <n>", "runners that are followed", number, 300)
  .option("--json", "JSON, one line")
  .action(
    async (options: {
      race: string;
      speed: number;
      skip: number;
      seconds: number;
      followers: number;
      json?: boolean;
    }) => {
      const { race, speed, skip, seconds, followers, json } = options;
      const result = await benchLatency({ folder: race, speed, skipReads: skip, seconds, followers });
      console.log(json ? JSON.stringify(result) : describeLatency(result));
    },
  );

program
  .command("takeover")
  .description("kill -9 of a node with many keys: until the other's results of its slot flow")
  .option("--keys <n>", "that the node holds", number, 1_000_000)
  .option("--json", "JSON, one line")
  .action(async ({ keys, json }: { keys: number; json?: boolean }) => {
    const result = await benchTakeover(keys);
    console.log(json ? JSON.stringify(result) : describeTakeover(result));
  });

program
  .command("crowd")
  .description("what a record costs a step when ever more come of one key and millisecond: it has to be flat")
  .option("--step <text>", "only steps whose names have it in them")
  .option("--max <n>", "the largest number of records, from 1 000 on", number, 1_000_000)
  .option("--json", "JSON, one line")
  .action(({ step, max, json }: { step?: string; max: number; json?: boolean }) => {
    const sizes = [1_000, 10_000, 100_000, 1_000_000].filter((size) => size <= max);
    const results = benchCrowd(sizes, step);
    console.log(json ? JSON.stringify(results) : describeCrowd(results));
    if (!results.every(isFlat)) process.exitCode = 1;
  });

program.addCommand(windowsCommand()).addCommand(alertsCommand());

try {
  await program.parseAsync();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
