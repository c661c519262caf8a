/** `pace up`: what `npm start` runs. */
import { resolve } from "node:path";
import { Command, Option } from "commander";
import {
  absolute,
  dataOption,
  jsonOption,
  parseParallelism,
  parsePort,
  parseWearers,
  speedOption,
} from "../options.ts";
import { RACE_DEFAULT, TRACKERS_DEFAULT } from "../places.ts";
import type { UpOptions } from "../up.ts";

export function upCommand(): Command {
  return new Command("up")
    .description("start everything, replay a race, show it live (npm start does this)")
    .addOption(
      new Option("--race <folder>", "the race to replay")
        .argParser(absolute)
        .default(resolve(RACE_DEFAULT), "infra/races/chicago-2023"),
    )
    .addOption(speedOption())
    .option("--port <n>", "of board and API (default: 8080, or the next one free)", parsePort)
    .option("--host <address>", "of board and API; anything but loopback is open to the network", "127.0.0.1")
    .addOption(dataOption())
    .option("--once", "end when every result of the race is in ClickHouse; the last line is JSON")
    .option("--keep", "with --once: go on serving after that line")
    .option("--no-replay", "replay nothing: a further node, or results already there")
    .option(
      "--trackers <n|all>",
      `runners who wear devices, in step with the race (default: ${TRACKERS_DEFAULT}, half of them the fastest; with --once none)`,
      parseWearers,
    )
    .option("--no-trackers", "none, and not the jobs for what devices send: only the leaderboard")
    .option("--parallelism <n>", "slots the leaderboard's work is shared by", parseParallelism)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nKAFKA_BROKERS and CLICKHOUSE_URL name servers to use in place of the embedded ones.\n" +
        "A run that was stopped or killed is taken up by the same command again.",
    )
    .action(async (options: UpOptions, command: Command) => {
      if (options.keep && !options.once) command.error("error: --keep goes with --once");
      if (options.once && !options.replay)
        command.error("error: --once waits for a replay, --no-replay starts none");
      if (options.trackers && !options.replay)
        command.error("error: --trackers are of the race that is replayed, --no-replay replays none");
      // Loaded now, not at the top: other commands start in a moment because they do not load the whole product.
      const { up } = await import("../up.ts");
      process.exit(await up(options));
    });
}
