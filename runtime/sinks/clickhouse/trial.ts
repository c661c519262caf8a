/**
 * Asks ClickHouse whether it would take rows, without giving them to it: they are inserted into a temporary table with the
 * columns of the real one, their types and expressions, and an engine that keeps nothing.
 *
 * It lives in a session of its own, so nothing is left behind: ClickHouse forgets it a minute after the last question.
 */
import { randomUUID } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";
import type { RowPlace } from "./avro-rows.ts";
import type { Batch, RecordSorter, SinkTable } from "./batch.ts";
import { findOffenders, type Offender, type Refusal } from "./bisection.ts";
import { aboutOf, messageOf } from "./refusal.ts";
import { insertQuery, inTime, send } from "./request.ts";

/** At fault in one search; the next one goes on. What was found is not lost to a crash, and dead letters fit a transaction. */
const OFFENDERS_MAX = 1_000;
/** The same, for large rows. */
const OFFENDER_BYTES_MAX = 8 * 1024 * 1024;

export interface Trial {
  readonly offenders: readonly Offender[];
  /** Of all rows of the batch. */
  readonly places: readonly RowPlace[];
}

/** @throws when ClickHouse does not answer, or has something else to say than about these rows. */
export async function tryRows(
  client: ClickHouseClient,
  table: SinkTable,
  sorter: RecordSorter,
  { rows }: Batch,
  signal: AbortSignal,
): Promise<Trial> {
  const session_id = randomUUID();
  const query = `CREATE TEMPORARY TABLE trial AS ${table.table} ENGINE = Null`;
  await client.command({ query, session_id, abort_signal: inTime(signal) });
  const places = rows.places(sorter.walk);
  const insert = insertQuery("trial", sorter.format);
  const ask = async (from: number, to: number): Promise<Refusal | undefined> => {
    try {
      const part = rows.part(sorter.format, places, from, to);
      await send(client, insert, part, { session_id, abort_signal: inTime(signal) });
      return undefined;
    } catch (error) {
      const about = aboutOf(error);
      if (about === "service" || about === "table") throw error;
      return { reason: messageOf(error), clear: about === "value" };
    }
  };
  const rowBytes = Math.max(1, rows.bytes / rows.count);
  const max = Math.max(1, Math.min(OFFENDERS_MAX, Math.floor(OFFENDER_BYTES_MAX / rowBytes)));
  return { offenders: await findOffenders(rows.count, max, ask), places };
}
