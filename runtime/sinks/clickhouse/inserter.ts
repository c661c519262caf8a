/**
 * The ClickHouse side of the protocol: one insert as one block under its token, and counting what a range has become.
 *
 * I1  One request, one block: a batch is far below the sizes at which ClickHouse would cut it, and the table has no PARTITION BY.
 * I2  `async_insert` off and `wait_end_of_query` on (request.ts): an answer of 200 means that the part is there.
 */
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseConnection } from "../../config.ts";
import type { Range } from "./announcement.ts";
import type { RowFormat } from "./avro-rows.ts";
import type { Batch, RecordSorter, SinkTable } from "./batch.ts";
import { insertQuery, inTime, REQUEST_TIMEOUT_MS, send } from "./request.ts";
import { type Trial, tryRows } from "./trial.ts";

/** Of the client itself; each request has its own, which is shorter. */
const SOCKET_TIMEOUT_MS = 900_000;
/** Rows and bytes of a block that ClickHouse takes in one piece; a batch stays below. */
const BLOCK_ROWS = 1_000_000;
const BLOCK_BYTES = 256 * 1024 * 1024;

export class Inserter {
  readonly #client: ClickHouseClient;

  constructor({ url, username, password, database }: ClickHouseConnection) {
    this.#client = createClient({
      url,
      username,
      password,
      database,
      request_timeout: SOCKET_TIMEOUT_MS,
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** Resolves when ClickHouse has the rows, now or from an earlier insert of this token. */
  async insert(
    table: SinkTable,
    format: RowFormat,
    batch: Batch,
    token: string,
    { signal, timeoutMs = REQUEST_TIMEOUT_MS }: { signal: AbortSignal; timeoutMs?: number },
  ): Promise<void> {
    await send(this.#client, insertQuery(table.table, format), batch.rows.file(format), {
      abort_signal: inTime(signal, timeoutMs),
      clickhouse_settings: {
        insert_deduplicate: 1,
        insert_deduplication_token: token,
        max_insert_block_size: `${BLOCK_ROWS}`,
        min_insert_block_size_rows: `${BLOCK_ROWS}`,
        min_insert_block_size_bytes: `${BLOCK_BYTES}`,
      },
    });
  }

  /** Which rows ClickHouse refuses; no row gets into the table by it. */
  tryRows(table: SinkTable, sorter: RecordSorter, batch: Batch, signal: AbortSignal): Promise<Trial> {
    return tryRows(this.#client, table, sorter, batch, signal);
  }

  /** Rows the table has of these ranges. */
  async count(table: SinkTable, ranges: readonly Range[], signal: AbortSignal): Promise<number> {
    const conditions = ranges.map(
      ({ partition, first, end }) =>
        `(kafka_partition = ${partition} AND kafka_offset >= ${first} AND kafka_offset < ${end})`,
    );
    const result = await this.#client.query({
      query: `SELECT count() AS rows FROM ${table.table} WHERE ${conditions.join(" OR ")}`,
      format: "JSONEachRow",
      abort_signal: inTime(signal),
    });
    const rows = await result.json<{ rows: string | number }>();
    return Number(rows[0]?.rows ?? 0);
  }

  /** By partition, the offset after the last row that the table has. */
  async ends(table: SinkTable, signal: AbortSignal): Promise<Map<number, number>> {
    const result = await this.#client.query({
      query: `SELECT kafka_partition AS partition, max(kafka_offset) + 1 AS end FROM ${table.table}
        WHERE kafka_topic = {topic: String} GROUP BY kafka_partition`,
      query_params: { topic: table.topic },
      format: "JSONEachRow",
      abort_signal: inTime(signal),
    });
    const rows = await result.json<{ partition: number; end: string | number }>();
    return new Map(rows.map(({ partition, end }) => [partition, Number(end)]));
  }

  /** Which of these tables are not there. */
  async missing(tables: readonly SinkTable[], signal: AbortSignal): Promise<SinkTable[]> {
    const result = await this.#client.query({
      query: "SELECT name FROM system.tables WHERE database = currentDatabase()",
      format: "JSONEachRow",
      abort_signal: inTime(signal),
    });
    const names = new Set((await result.json<{ name: string }>()).map(({ name }) => name));
    return tables.filter(({ table }) => !names.has(table));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
