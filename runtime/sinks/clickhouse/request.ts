/** Rows on their way to ClickHouse: one request, answered when it is done with them. */
import { Readable } from "node:stream";
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import type { RowFormat } from "./avro-rows.ts";

/** Of a request that is short. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** Ends with `signal`, or when the time is over. */
export function inTime(signal: AbortSignal, timeoutMs = REQUEST_TIMEOUT_MS): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
}

export function insertQuery(table: string, format: RowFormat): string {
  return `INSERT INTO ${table} (${format.columns.join(", ")}) FORMAT Avro`;
}

interface SendOptions {
  readonly abort_signal: AbortSignal;
  readonly session_id?: string;
  readonly clickhouse_settings?: ClickHouseSettings;
}

/** @throws what ClickHouse answers instead of taking the rows, or why there is no answer (refusal.ts tells them apart). */
export async function send(
  client: ClickHouseClient,
  query: string,
  file: readonly Buffer[],
  { clickhouse_settings, ...options }: SendOptions,
): Promise<void> {
  const { stream } = await client.exec({
    query,
    values: Readable.from(file, { objectMode: false }),
    clickhouse_settings: { async_insert: 0, wait_end_of_query: 1, ...clickhouse_settings },
    ...options,
  });
  for await (const _ of stream);
}
