/** Options that several commands share, and how their texts become values. */
import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Speed } from "../replay/tempo.ts";
import { DATA_DIR_DEFAULT, type Whereabouts } from "./places.ts";

export interface JsonOption {
  readonly json?: boolean;
}

export type WhereOptions = Whereabouts & JsonOption;

export function parseSpeed(text: string): Speed {
  if (text === "max") return "max";
  const speed = Number(text);
  if (text.trim() === "" || !Number.isFinite(speed) || speed <= 0) {
    throw new InvalidArgumentError(
      'Give race seconds a second, such as 60 (a race minute a second) or 1, or "max".',
    );
  }
  return speed;
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("Give a port from 0 to 65535.");
  return port;
}

export function parseParallelism(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1024)
    throw new InvalidArgumentError("Give a whole number from 1 to 1024.");
  return value;
}

export function parseLimit(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError("Give a whole number from 1.");
  return value;
}

/** How many of a race's field wear trackers, at most. */
export type Wearers = number | "all";

export function parseWearers(text: string): Wearers {
  if (text === "all") return "all";
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1)
    throw new InvalidArgumentError('Give how many of the field, such as 500, or "all".');
  return value;
}

export const absolute = (path: string): string => resolve(path);

export function speedOption(): Option {
  return new Option("--speed <n|max>", "race seconds a second, or as fast as Kafka takes it")
    .argParser(parseSpeed)
    .default(60, "60");
}

export function dataOption(): Option {
  return new Option("--data <dir>", "where everything is kept")
    .argParser(absolute)
    .default(DATA_DIR_DEFAULT, ".pacestream/data");
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON on standard output, and nothing else there");
}

/** For commands that talk to the running program. */
export function addWhere(command: Command): Command {
  return command
    .addOption(dataOption())
    .option(
      "--api <url>",
      "address of the running program (default: PACE_API, else what the data folder says)",
    )
    .addOption(jsonOption());
}
