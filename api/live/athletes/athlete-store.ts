/**
 * What is known of an athlete from before: asked of ClickHouse, which has every committed result once, and of fifty thousand athletes
 * without any of them in memory here. A result is there some seconds after it was committed; the stream tells it at once.
 *
 * AS1  Of the results of a window, or of a segment, only the latest counts. Questions name the first columns of their table's order:
 *      they read one athlete's rows.
 */
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseConnection } from "../../../runtime/config.ts";
import type { ReadingWindow, SegmentTotal } from "../../../schemas/index.ts";
import { Problem } from "../../problem.ts";
import type { Size } from "./schemas.ts";

export interface WindowQuery {
  readonly athlete: string;
  readonly size: Size;
  /** Windows that begin in `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

export interface Covered {
  readonly distanceM: number;
  readonly activeS: number;
}

export interface Tracked {
  readonly athlete: string;
  readonly lastMs: number;
}

export interface AthleteStore {
  /** The last `limit` of them, by time. @throws Problem NOT_READY, as all of these */
  windows(query: WindowQuery): Promise<ReadingWindow[]>;
  /** Of these athletes, who has windows at all, and until when. */
  tracked(athletes: readonly string[]): Promise<Tracked[]>;
  /** In windows of 10 s, in `[fromMs, toMs)`, of an event. */
  covered(athlete: string, event: string | null, fromMs: number, toMs: number): Promise<Covered>;
  /** In the order they were entered. */
  segments(athlete: string, event: string): Promise<SegmentTotal[]>;
  close(): Promise<void>;
}

const ASK_MAX_MS = 5_000;
/** Others wait for their turn: people who look must not slow the inserts down. */
const CONNECTIONS_MAX = 4;
const RETRY_AFTER_S = 2;

const STATS = `readings, hr_count AS hrCount, hr_min AS hrMin, hr_max AS hrMax, hr_mean AS hrMean, hr_p05 AS hrP05,
  hr_p25 AS hrP25, hr_p50 AS hrP50, hr_p75 AS hrP75, hr_p95 AS hrP95, cadence_mean AS cadenceMean, distance_m AS distanceM,
  steps, active_s AS activeS, rest_s AS restS`;

const WINDOWS = `SELECT participant, event, size, start_ms AS startMs, end_ms AS endMs, pane, revision, ${STATS}
  FROM reading_windows_log
  WHERE participant = {athlete: String} AND size = {size: String}
    AND start_ms >= {fromMs: Int64} AND start_ms < {toMs: Int64}
  ORDER BY start_ms DESC, kafka_offset DESC LIMIT 1 BY start_ms LIMIT {limit: UInt32}`;

const COVERED = `SELECT sum(distance_m) AS distanceM, sum(active_s) AS activeS FROM
  (
    SELECT distance_m, active_s FROM reading_windows_log
    WHERE participant = {athlete: String} AND size = '10s' AND event IS NOT DISTINCT FROM {event: Nullable(String)}
      AND start_ms >= {fromMs: Int64} AND start_ms < {toMs: Int64}
    ORDER BY start_ms DESC, kafka_offset DESC LIMIT 1 BY start_ms
  )`;

const TRACKED = `SELECT participant AS athlete, max(end_ms) AS lastMs FROM reading_windows_log
  WHERE participant IN {athletes: Array(String)} AND size = '10s' GROUP BY participant ORDER BY participant`;

const SEGMENTS = `SELECT * FROM
  (
    SELECT participant, event, segment, entered_ms AS enteredMs, left_ms AS leftMs, pane, ${STATS}
    FROM segment_totals_log
    WHERE event = {event: String} AND participant = {athlete: String}
    ORDER BY kafka_offset DESC LIMIT 1 BY segment
  ) ORDER BY enteredMs`;

export function clickHouseAthletes(connection: ClickHouseConnection): AthleteStore {
  const { url, username, password, database } = connection;
  const client = createClient({
    url,
    username,
    password,
    database,
    request_timeout: ASK_MAX_MS,
    max_open_connections: CONNECTIONS_MAX,
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    log: { level: ClickHouseLogLevel.OFF },
  });
  async function ask<T>(query: string, query_params: Record<string, unknown>): Promise<T[]> {
    try {
      const answer = await client.query({ query, query_params, format: "JSONEachRow" });
      return await answer.json<T>();
    } catch {
      throw new Problem("NOT_READY", "earlier results cannot be read at the moment", RETRY_AFTER_S);
    }
  }
  return {
    windows: async (query) => (await ask<ReadingWindow>(WINDOWS, { ...query })).reverse(),
    tracked: (athletes) => ask<Tracked>(TRACKED, { athletes }),
    covered: async (athlete, event, fromMs, toMs) =>
      (await ask<Covered>(COVERED, { athlete, event, fromMs, toMs }))[0]!,
    segments: (athlete, event) => ask<SegmentTotal>(SEGMENTS, { athlete, event }),
    close: () => client.close(),
  };
}
