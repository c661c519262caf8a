/** `--once`: waits until every result of the race is in ClickHouse, and says in numbers what came of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { allInClickHouse } from "../platform/completion.ts";
import { type Measured, readMeasured, writeMeasured } from "../platform/measured.ts";
import { type Platform, SINK_NAME } from "../platform/platform.ts";
import type { RecordedRace } from "../replay/recording.ts";
import type { ReplayResult } from "../replay/replay.ts";
import { type Console, count } from "./output.ts";

/** The last line of `--once`. */
export interface Summary {
  readonly race: string;
  /** Entrants of the start list. */
  readonly runners: number;
  /** Runners with the status finished, in ClickHouse. */
  readonly finishers: number;
  /** Reads sent and accounted for in ClickHouse, whatever became of them. */
  readonly passings: number;
  /** See `measured`. */
  readonly seconds: number;
  readonly passingsPerSecond: number;
  /**
   * - `whole run`: from the first read sent to the last row in ClickHouse.
   * - `since resume`: an earlier run had sent a part; from the start of this one, and of the reads it sent itself.
   * - `earlier run`: the race was complete already; as it was found then.
   */
  readonly measured: "whole run" | "since resume" | "earlier run";
  /** Their addresses. */
  readonly board: string;
  readonly clickhouse: string;
}

export interface SummariseOptions {
  readonly platform: Platform;
  readonly recording: RecordedRace;
  readonly result: ReplayResult;
  /** When this run's replay began, Unix milliseconds. */
  readonly startedMs: number;
  readonly dataDir: string;
  readonly terminal: Console;
  readonly signal: AbortSignal;
}

/** `undefined`: the signal came first. */
export async function summarise(options: SummariseOptions): Promise<Summary | undefined> {
  const { platform, recording, result, dataDir, terminal, signal } = options;
  const race = recording.race.id;
  terminal.line("Waiting until every result is in ClickHouse");
  await allInClickHouse({
    kafka: platform.kafka,
    plan: platform.leaderboard,
    sink: platform.sink,
    sinkName: SINK_NAME,
    tables: RESULT_TABLES,
    check: problemWatch(platform, terminal),
    signal,
  });
  if (signal.aborted) return undefined;
  let nowMs = Date.now();
  let rows = await countRows(platform.clickHouse, race);
  const lastLookMs = nowMs + LATE_MAX_MS;
  while (rows.passings < result.progress.reads && nowMs < lastLookMs) {
    await sleep(LATE_LOOK_MS);
    nowMs = Date.now();
    rows = await countRows(platform.clickHouse, race);
  }
  const known = result.resumedFrom?.ended ? readMeasured(dataDir, race, recording.fingerprint) : undefined;
  const measured = known ?? measure(options, nowMs);
  if (!known) writeMeasured(dataDir, race, measured);
  const { finishers, passings } = rows;
  if (passings < result.progress.reads) {
    const missing = count(result.progress.reads - passings);
    terminal.line(`${missing} reads were set apart and have no row: pace dead-letters says why`);
  }
  return {
    race,
    runners: result.progress.entrants,
    finishers,
    passings,
    seconds: measured.seconds,
    passingsPerSecond: measured.passingsPerSecond,
    measured: known ? "earlier run" : measured.measured,
    board: `${platform.url}/`,
    clickhouse: platform.clickHouse.url,
  };
}

function measure({ recording, result, startedMs }: SummariseOptions, nowMs: number): Measured {
  const { progress, resumedFrom } = result;
  const whole = resumedFrom === undefined || resumedFrom.reads === 0;
  const fromMs = whole ? (progress.firstReadAtMs ?? startedMs) : startedMs;
  const reads = progress.reads - (resumedFrom?.reads ?? 0);
  const seconds = Math.max(nowMs - fromMs, 1) / 1000;
  return {
    fingerprint: recording.fingerprint,
    seconds,
    passingsPerSecond: Math.round(reads / seconds),
    measured: whole ? "whole run" : "since resume",
  };
}

const LOOK_EVERY_MS = 1_000;
/** A read of an unknown bib waits a second for its entrant before it is called unknown: its row may come after all others. */
const LATE_MAX_MS = 4_000;
const LATE_LOOK_MS = 100;

/** Tells new problems of the leaderboard's job; throws when it does not run any more. */
function problemWatch({ node, leaderboard }: Platform, terminal: Console): () => Promise<void> {
  let told = "";
  let lookedMs = 0;
  return async () => {
    if (performance.now() - lookedMs < LOOK_EVERY_MS) return;
    lookedMs = performance.now();
    const job = (await node.jobs()).find(({ name }) => name === leaderboard.job);
    const problems = job?.problems.join("; ") ?? "";
    if (job && job.state !== "running") {
      throw new PacestreamError(
        "JOB_NOT_RUNNING",
        `the job ${job.name} is ${job.state}${problems && `: ${problems}`}: the results cannot become complete`,
      );
    }
    if (problems && problems !== told) terminal.line(`${leaderboard.job} restarted: ${problems}`);
    told = problems;
  };
}

async function countRows(
  connection: ClickHouseConnection,
  race: string,
): Promise<{ finishers: number; passings: number }> {
  const { url, username, password, database } = connection;
  const client = createClient({
    url,
    username,
    password,
    database,
    log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    const answer = await client.query({
      query: `SELECT
          (SELECT countIf(status = 'finished') FROM runners WHERE race = {race: String}) AS finishers,
          (SELECT count() FROM passings WHERE race = {race: String} AND NOT startsWith(id, 'correction:')) AS passings`,
      query_params: { race },
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ finishers: string; passings: string }>();
    return { finishers: Number(row?.finishers ?? 0), passings: Number(row?.passings ?? 0) };
  } finally {
    await client.close();
  }
}
