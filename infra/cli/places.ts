/**
 * Where things are, for every command: the project, the data folder, the running program.
 *
 * Order of looking: flag, environment, `run.json` of the data folder. An error names all places looked in.
 */
import { isAbsolute, join, relative, resolve } from "node:path";
import {
  type ClickHouseConnection,
  clickHouseFromEnvironment,
  type KafkaConnection,
  kafkaFromEnvironment,
} from "../../runtime/config.ts";
import { ConfigError, PacestreamError } from "../../runtime/errors.ts";
import { clickHouseReaderOf, kafkaOf } from "../embedded/accounts.ts";
import { readSecret } from "../embedded/secrets.ts";
import { type RunFile, readRunFile, runFilePath } from "./run-file.ts";

/** The project's folder. */
export const ROOT = resolve(import.meta.dirname, "../..");
export const DATA_DIR_DEFAULT = join(ROOT, ".pacestream/data");
export const RACES_DIR = join(ROOT, "infra/races");
/** What `npm start` shows. */
export const RACE_DEFAULT = join(RACES_DIR, "chicago-2023");

/** What runners with trackers play: recordings of long races. */
export const TRACKER_RECORDINGS = ["vz-boston-marathon-2017.gpx.gz", "vz-half-marathon-2022.gpx.gz"].map(
  (name) => join(ROOT, "infra/recordings", name),
);

/**
 * Runners who wear one, unless told otherwise. At 60 times the race's speed they send 1 800 uploads a second; on two cores all of
 * the program takes 1.3 of them with 300, 1.5 with 500, and the main thread is then nearly full.
 */
export const TRACKERS_DEFAULT = 300;

/** Name of the variable that holds the token for what changes something: of the program, and of commands. */
export const TOKEN_VARIABLE = "PACE_CONTROL_TOKEN";

/** How a command finds the program; each from its flag. */
export interface Whereabouts {
  readonly data: string;
  readonly api?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export class NotRunningError extends PacestreamError {
  constructor(what: string, looked: readonly string[]) {
    super(
      "NOT_RUNNING",
      `no running Pacestream found: ${looked.join("; ")}.\nStart one with \`npm start\`, or say where ${what}.`,
      "retry",
    );
  }
}

/**
 * The control token for the API at `api`: the environment's, else the data folder's, which is for the program that runs there and
 * for nobody else.
 */
export function findToken(data: string, api: string, env: Environment = process.env): string | undefined {
  const given = env[TOKEN_VARIABLE];
  if (given) return given;
  return readRunFile(data)?.api === api ? readSecret(data, "control-token") : undefined;
}

/** Base address of the API, without a slash at its end. @throws NotRunningError, ConfigError */
export function findApi({ data, api }: Whereabouts, env: Environment = process.env): string {
  const [given, from] = api ? [api, "--api"] : [env.PACE_API, "PACE_API"];
  if (given) {
    if (!/^https?:\/\/[^/]/.test(given)) {
      throw new ConfigError(`${from}: "${given}" is not an address such as http://127.0.0.1:8080`);
    }
    return given.replace(/\/+$/, "");
  }
  const run = readRunFile(data);
  if (run) return run.api;
  throw new NotRunningError("it is with --api URL or PACE_API", [
    "--api is not given",
    "PACE_API is not set",
    nobodyAt(data),
  ]);
}

export function findKafka(data: string): KafkaConnection {
  const given = kafkaFromEnvironment();
  if (given) return given;
  const { kafka, embedded } = findRun(data, "KAFKA_BROKERS");
  return embedded.includes("kafka") ? kafkaOf(data, kafka) : { brokers: kafka };
}

/** With people's account where ClickHouse is the program's own. */
export function findClickHouse(data: string): ClickHouseConnection {
  const given = clickHouseFromEnvironment();
  if (given) return given;
  const { clickHouse, embedded } = findRun(data, "CLICKHOUSE_URL");
  if (embedded.includes("clickHouse")) return clickHouseReaderOf(data, clickHouse.url);
  return { ...clickHouse, username: "default", password: "" };
}

function findRun(data: string, variable: string): RunFile {
  const run = readRunFile(data);
  if (run) return run;
  throw new NotRunningError(`its server is with ${variable}`, [`${variable} is not set`, nobodyAt(data)]);
}

function nobodyAt(data: string): string {
  return `${runFilePath(data)} names no living program`;
}

/** A job's module as all nodes name it: from the project's folder. @throws ConfigError */
export function jobModule(given: string, cwd: string = process.cwd()): string {
  const path = relative(ROOT, resolve(cwd, given));
  if (path.startsWith("..") || isAbsolute(path)) {
    throw new ConfigError(`${given}: a job's file must lie in ${ROOT}, where every node finds it`);
  }
  return path;
}
