/**
 * The life of `npm start`: everything up, a race replayed, results waited for where asked, everything down.
 *
 * U1  However it ends, what was started is stopped, in order, before the process exits.
 * U2  With `once`, the last line on standard output is JSON, and it is printed only when every result is in ClickHouse.
 * U3  What it writes is its owner's to read, and no secret is printed or logged.
 * U4  Asked to stop while it starts, it does not say that it is ready.
 */
import { join, relative } from "node:path";
import { pino } from "pino";
import { clickHouseFromEnvironment, kafkaFromEnvironment } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import { playDevicesIntoKafka } from "../devices/kafka-devices.ts";
import { READER } from "../embedded/accounts.ts";
import { makeDataFolder } from "../embedded/data-folder.ts";
import { secretPath } from "../embedded/secrets.ts";
import { type Platform, type PlatformOptions, startPlatform } from "../platform/platform.ts";
import { replayIntoKafka } from "../replay/kafka-replay.ts";
import { openRecording, type RecordedRace } from "../replay/recording.ts";
import type { ReplayResult } from "../replay/replay.ts";
import { type Speed, sharedClock } from "../replay/tempo.ts";
import { controlToken } from "./control-token.ts";
import { summarise } from "./once.ts";
import type { Wearers } from "./options.ts";
import { type Console, count, openConsole, toJson } from "./output.ts";
import { ROOT, TRACKERS_DEFAULT } from "./places.ts";
import { ReplayConsole } from "./replay-console.ts";
import { writeRunFile } from "./run-file.ts";
import { aborted, listenForStop, type Stopping } from "./stopping.ts";
import { openTrackers } from "./trackers.ts";

export interface UpOptions {
  readonly race: string;
  readonly speed: Speed;
  readonly port?: number;
  readonly host: string;
  readonly data: string;
  readonly once?: boolean;
  readonly keep?: boolean;
  readonly replay: boolean;
  /** How many runners wear trackers; `false`: none, and no jobs for what they send. */
  readonly trackers?: Wearers | false;
  readonly parallelism?: number;
  readonly json?: boolean;
}

/** Returns the exit code. @throws PacestreamError when something does not start, or the race cannot be replayed. */
export async function up(options: UpOptions): Promise<number> {
  const startedMs = performance.now() - process.uptime() * 1000;
  const terminal = openConsole(options.json ? process.stderr : process.stdout);
  const stopping = listenForStop(() => terminal.line("Stopping (Ctrl-C again forces it)"));
  const shown = new ReplayConsole(terminal, options.speed);
  // Before anything is started: what cannot work is told at once.
  process.umask(0o077); // U3
  makeDataFolder(options.data);
  const token = controlToken(options);
  const given = { kafka: kafkaFromEnvironment(), clickHouse: clickHouseFromEnvironment() };
  const recording = options.replay ? await openRecording(options.race, shown.onProblem) : undefined;
  const logFile = join(options.data, "logs", "pacestream.log");
  const logger = pino({ base: null }, pino.destination({ dest: logFile, sync: true }));

  const platform = await startUnlessAsked(stopping, {
    root: ROOT,
    dataDir: options.data,
    host: options.host,
    port: options.port,
    ...given,
    parallelism: options.parallelism,
    devices: wearersOf(options) !== false,
    ...token,
    tell: terminal.line,
    logger,
    signal: stopping.signal,
  });
  if (!platform) return stopping.exitCode();
  const { kafka, clickHouse, url } = platform;
  const removeRunFile = writeRunFile(options.data, {
    api: url,
    kafka: kafka.brokers,
    clickHouse: { url: clickHouse.url, database: clickHouse.database },
    embedded: (["kafka", "clickHouse"] as const).filter((service) => given[service] === undefined),
  });
  try {
    const readyS = ((performance.now() - startedMs) / 1000).toFixed(1);
    terminal.line(`Pacestream is ready after ${readyS} s`);
    const account = given.clickHouse
      ? ""
      : ` as ${READER}, password in ${near(secretPath(options.data, "clickhouse-reader"))}`;
    for (const [name, value] of [
      ["board", `${url}/`],
      ...(wearersOf(options) === false ? [] : [["medics", `${url}/medic.html`]]),
      ["API", `${url}/docs`],
      ["Kafka", kafka.brokers.join(",")],
      ["ClickHouse", `${clickHouse.url}/play${account}`],
      ["log", near(logFile)],
    ]) {
      terminal.line(`  ${name!.padEnd(12)}${value}`);
    }
    if (recording === undefined) {
      await aborted(stopping.signal);
      return 0;
    }
    return await run(options, platform, recording, shown, terminal, stopping);
  } finally {
    removeRunFile();
    await platform.stop(); // U1
  }
}

/** `undefined`: somebody asked to stop while it started; all of it has ended. */
async function startUnlessAsked(stopping: Stopping, options: PlatformOptions): Promise<Platform | undefined> {
  try {
    return await startPlatform(options);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    options.logger.info(`stopped while it started: ${(error as Error).message}`);
    return undefined;
  }
}

/** A path as people type it here. */
const near = (path: string): string => relative(process.cwd(), path);

/** A run that ends with the race is about the race, unless trackers are asked for. */
const wearersOf = ({ trackers, once }: UpOptions): Wearers | false =>
  trackers ?? (once ? false : TRACKERS_DEFAULT);

async function run(
  options: UpOptions,
  platform: Platform,
  recording: RecordedRace,
  shown: ReplayConsole,
  terminal: Console,
  stopping: Stopping,
): Promise<number> {
  const { signal } = stopping;
  const { race } = recording;
  const pace = options.speed === "max" ? "as fast as it goes" : `at ${options.speed} times its speed`;
  terminal.line(`Replaying ${race.name} ${pace}; Ctrl-C stops, and the same command goes on from there`);
  const startedMs = Date.now();
  let result: ReplayResult;
  const wearers = wearersOf(options);
  const trackers = wearers ? await openTrackers(options.race, wearers) : undefined;
  await platform.announce(race);
  if (trackers) {
    const { size, participant } = trackers.field;
    const one = `${platform.url}/athlete.html?${new URLSearchParams({ id: participant(0) })}`;
    terminal.line(`${count(size)} runners wear trackers; the page of one: ${one}`);
  }
  // One clock: what a runner's device says belongs to where the race is.
  const startClock = sharedClock(options.speed);
  const replaying = replayIntoKafka(platform.kafka, {
    recording,
    fingerprint: recording.fingerprint,
    speed: options.speed,
    startClock,
    signal,
    onProgress: shown.onProgress(recording.outlook),
    onTrouble: shown.onTrouble,
  });
  const tracking =
    trackers &&
    playDevicesIntoKafka(platform.kafka, trackers, {
      speed: options.speed,
      startClock,
      signal,
      onTrouble: shown.onTrouble,
    }).catch((error: Error) => {
      if (!(error instanceof PacestreamError) || error.code !== "REPLAY_OTHER_RECORDING") throw error;
      terminal.line("Other trackers were begun with here: as many as then (--trackers N), or --data DIR");
    });
  try {
    [result] = await Promise.all([replaying, tracking]);
    shown.end();
  } catch (error) {
    shown.end();
    // The race goes on without this replay: go on showing it, unless its end was to be waited for.
    if (!(error instanceof PacestreamError) || error.code !== "REPLAY_TAKEN_OVER" || options.once)
      throw error;
    terminal.line(error.message);
    await aborted(signal);
    return 0;
  }
  if (result.progress.ended) {
    const how = result.resumedFrom?.ended ? "had been replayed before" : "is replayed";
    terminal.line(`${race.name} ${how}: ${count(result.progress.reads)} reads`);
  }
  if (options.once && !signal.aborted) {
    const summary = await summarise({
      platform,
      recording,
      result,
      startedMs,
      dataDir: options.data,
      terminal,
      signal,
    });
    if (summary) {
      process.stdout.write(`${toJson(summary)}\n`); // U2
      if (!options.keep) return 0;
      await aborted(signal);
      return 0;
    }
  }
  await aborted(signal);
  return options.once ? stopping.exitCode() : 0;
}
