/** `pace device`: recordings of worn devices; `inspect` says what they hold, `replay` plays them as what devices upload. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type FaultRates, NO_FAULTS, USUAL_FAULTS } from "../../devices/faults.ts";
import type { Inspection, Refusal } from "../../devices/inspect.ts";
import type { Speed } from "../../replay/tempo.ts";
import { DeviceConsole } from "../device-console.ts";
import { describeInspection } from "../inspection.ts";
import { absolute, dataOption, jsonOption, parseLimit, speedOption } from "../options.ts";
import { count, openConsole, plain, toJson } from "../output.ts";
import { findKafka } from "../places.ts";
import { listenForStop } from "../stopping.ts";

export function deviceCommand(): Command {
  return new Command("device")
    .description("recordings of worn devices")
    .addCommand(inspectCommand())
    .addCommand(replayCommand());
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("what recordings hold, and what would be left out of them; sends nothing")
    .argument("<recordings...>", ".fit, .tcx, .gpx, also .gz: files, or folders of them")
    .addOption(jsonOption())
    .addHelpText("after", "\nExit code 1 when any of them is refused: it is damaged, or no recording.")
    .action(inspect);
}

async function inspect(paths: string[], { json }: { json?: boolean }): Promise<void> {
  const { inspectRecordings } = await import("../../devices/inspect.ts");
  const found: (Inspection | Refusal)[] = [];
  for (const path of paths) {
    for await (const inspection of inspectRecordings(path)) {
      found.push(inspection);
      if (!json) for (const line of describeInspection(inspection)) console.log(plain(line));
    }
  }
  if (json) console.log(toJson(found, 2));
  process.exitCode = found.some((inspection) => "refused" in inspection) ? 1 : 0;
}

interface DeviceReplayOptions extends Partial<FaultRates> {
  readonly speed: Speed;
  readonly copies: number;
  readonly seed: number;
  readonly race?: string;
  readonly name?: string;
  readonly start?: number;
  readonly spread: number;
  readonly period: number;
  readonly faults: "usual" | "none";
  readonly data: string;
  readonly json?: boolean;
}

const RATES: readonly [keyof FaultRates, string, string][] = [
  ["offline", "--offline <share>", "of quarter hours in which a device is offline a while and sends late"],
  ["late", "--late <share>", "of uploads that arrive after younger ones"],
  ["repeated", "--repeated <share>", "of uploads sent twice, with the same id"],
  ["wrongClock", "--wrong-clock <share>", "of devices whose clock is wrong"],
  ["stuck", "--stuck <share>", "of devices whose heart rate is stuck at 225 for a while"],
  ["sparse", "--sparse <share>", "of devices that miss half the heart rates"],
];

function replayCommand(): Command {
  const command = new Command("replay")
    .description(
      "play recordings as devices' uploads into Kafka; started again, it goes on where it was stopped, and sends nothing twice",
    )
    .argument("<recordings...>", ".fit, .tcx, .gpx, also .gz: files, or folders of them")
    .addOption(speedOption())
    .option("--copies <n>", "devices that play each recording", parseLimit, 1)
    .option("--seed <n>", "of all chance: the same seed sends the same uploads", parseSeed, 1)
    .option(
      "--race <folder>",
      "let the runners of this race wear the devices, in step with their splits",
      absolute,
    )
    .option(
      "--name <name>",
      "of the copies; part of participants' names (default: by what is played)",
      parseName,
    )
    .option(
      "--start <time>",
      "when the first copies begin (default: when the first recording did)",
      parseTime,
    )
    .option("--spread <minutes>", "the other copies begin within this long after", parseNumber, 30)
    .option("--period <seconds>", "a device uploads this often", parsePositive, 10)
    .addOption(
      new Option("--faults <which>", "what devices do wrong; the options below say how often")
        .choices(["usual", "none"])
        .default("usual"),
    );
  for (const [name, flags, text] of RATES)
    command.addOption(new Option(flags, `${text} (usual: ${USUAL_FAULTS[name]})`).argParser(parseShare));
  return command.addOption(dataOption()).addOption(jsonOption()).action(replay);
}

async function replay(recordings: string[], options: DeviceReplayOptions, command: Command): Promise<void> {
  if (options.race && (options.copies > 1 || options.name || options.start !== undefined))
    command.error(
      "error: --race says who wears the devices and when: no --copies, --name or --start with it",
    );
  const { openField, playDevicesIntoKafka } = await import("../../devices/kafka-devices.ts");
  const terminal = openConsole(options.json ? process.stderr : process.stdout);
  const kafka = findKafka(options.data);
  const stopping = listenForStop(() => terminal.line("Stopping"));
  const shown = new DeviceConsole(terminal, options.speed);
  const devices = await openField(
    {
      recordings: recordings.map(absolute),
      race: options.race,
      copies: options.copies,
      name: options.name,
      startMs: options.start,
      spreadMs: options.spread * 60_000,
      seed: options.seed,
      rates: ratesOf(options),
      periodMs: options.period * 1000,
    },
    shown,
  );
  const { name, field, plan } = devices;
  terminal.line(`${name}: ${count(field.size)} devices, ${count(plan.readings)} readings`);
  const startedMs = performance.now();
  const { progress, resumedFrom } = await playDevicesIntoKafka(kafka, devices, {
    speed: options.speed,
    signal: stopping.signal,
    onProgress: shown.onProgress(devices),
    onTrouble: shown.onTrouble,
  });
  shown.end();
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  const { uploads, readings, ended } = progress;
  const sent = {
    uploads: uploads - (resumedFrom?.uploads ?? 0),
    readings: readings - (resumedFrom?.readings ?? 0),
  };
  if (options.json)
    console.log(toJson({ name, devices: field.size, uploads, readings, sent, seconds, complete: ended }));
  else if (resumedFrom?.ended)
    terminal.line(`${name} was replayed before: all ${count(readings)} readings are in Kafka.`);
  else
    terminal.line(
      `${name}: ${count(sent.readings)} readings in ${count(sent.uploads)} uploads sent in ${seconds} s` +
        `${ended ? ", complete" : "; the same command goes on from here"}.`,
    );
  if (!ended) process.exit(stopping.exitCode());
}

function ratesOf(options: DeviceReplayOptions): FaultRates {
  const rates: Record<keyof FaultRates, number> = {
    ...(options.faults === "none" ? NO_FAULTS : USUAL_FAULTS),
  };
  for (const [name] of RATES) rates[name] = options[name] ?? rates[name];
  return rates;
}

function parseShare(text: string): number {
  const share = parseNumber(text);
  if (share > 1) throw new InvalidArgumentError("Give a share from 0 to 1, such as 0.02.");
  return share;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Give a number from 0.");
  return value;
}

function parsePositive(text: string): number {
  const value = parseNumber(text);
  if (value < 0.1) throw new InvalidArgumentError("Give a number from 0.1.");
  return value;
}

function parseSeed(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffff_ffff)
    throw new InvalidArgumentError("Give a whole number from 0 to 4294967295.");
  return value;
}

function parseName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text))
    throw new InvalidArgumentError('Give letters, digits, ".", "_" or "-", such as demo.');
  return text;
}

function parseTime(text: string): number {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError("Give a time such as 2026-05-01T09:00:00Z.");
  return timeMs;
}
