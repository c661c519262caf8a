/** `pace race replay`, `pace race list`: recorded races. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { Speed } from "../../replay/tempo.ts";
import { absolute, dataOption, jsonOption, speedOption } from "../options.ts";
import { count, openConsole, print, table, toJson } from "../output.ts";
import { findKafka, RACES_DIR } from "../places.ts";
import { ReplayConsole } from "../replay-console.ts";
import { listenForStop } from "../stopping.ts";

export function raceCommand(): Command {
  return new Command("race")
    .description("recorded races")
    .addCommand(replayCommand())
    .addCommand(listCommand());
}

interface ReplayOptions {
  readonly speed: Speed;
  readonly data: string;
  readonly json?: boolean;
}

function replayCommand(): Command {
  return new Command("replay")
    .description(
      "send a recorded race into Kafka; started again, it goes on where it was stopped, and sends nothing twice",
    )
    .argument("<folder>", "with race.json, startlist.csv and passings.csv[.gz]", absolute)
    .addOption(speedOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (folder: string, options: ReplayOptions) => {
      const { replayIntoKafka } = await import("../../replay/kafka-replay.ts");
      const { openRecording } = await import("../../replay/recording.ts");
      const terminal = openConsole(options.json ? process.stderr : process.stdout);
      const kafka = findKafka(options.data);
      const stopping = listenForStop(() => terminal.line("Stopping"));
      const shown = new ReplayConsole(terminal, options.speed);
      const recording = await openRecording(folder, shown.onProblem);
      const { race, fingerprint } = recording;
      const startedMs = performance.now();
      const { progress, resumedFrom } = await replayIntoKafka(kafka, {
        recording,
        fingerprint,
        speed: options.speed,
        signal: stopping.signal,
        onProgress: shown.onProgress(recording.outlook),
        onTrouble: shown.onTrouble,
      });
      shown.end();
      const seconds = Math.round(performance.now() - startedMs) / 1000;
      const sent = progress.reads - (resumedFrom?.reads ?? 0);
      const result = {
        race: race.id,
        entrants: progress.entrants,
        reads: progress.reads,
        sent,
        seconds,
        complete: progress.ended,
      };
      if (options.json) console.log(toJson(result));
      else if (resumedFrom?.ended)
        terminal.line(`${race.id} was replayed before: all ${count(progress.reads)} reads are in Kafka.`);
      else
        terminal.line(
          `${race.id}: ${count(sent)} reads sent in ${seconds} s${progress.ended ? ", complete" : "; the same command goes on from here"}.`,
        );
      if (!progress.ended) process.exit(stopping.exitCode());
    });
}

function listCommand(): Command {
  return new Command("list")
    .description("list the recorded races at hand")
    .argument("[folder]", "where to look", absolute, RACES_DIR)
    .addOption(jsonOption())
    .action(async (folder: string, options: { json?: boolean }) => {
      const { openRaceFolder } = await import("../../../jobs/lib/race-folder.ts");
      const names = existsSync(folder)
        ? readdirSync(folder).filter((name) => existsSync(join(folder, name, "race.json")))
        : [];
      const races = await Promise.all(
        names.sort().map(async (name) => {
          const path = join(folder, name);
          const { race } = await openRaceFolder(path, () => undefined);
          return {
            id: race.id,
            name: race.name,
            date: race.date,
            distanceM: race.distanceM,
            mats: race.mats.length,
            rankBy: race.rankBy,
            path,
          };
        }),
      );
      print(options.json, races, () => {
        if (races.length === 0) return `${folder} holds no race folders.`;
        const rows = races.map(({ id, name, date, distanceM, rankBy, path }) => [
          id,
          name,
          date,
          `${distanceM / 1000} km`,
          rankBy,
          path,
        ]);
        return table(["RACE", "NAME", "DATE", "DISTANCE", "RANKED BY", "FOLDER"], rows);
      });
    });
}
