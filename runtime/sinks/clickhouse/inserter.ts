/**
 * The ClickHouse side of the protocol: one insert as one block under its token, and counting what a range has become.
 *
 * I1  One request, one block: a batch is far below the sizes at which ClickHouse would cut it, and the table has no PARTITION BY.
 * I2  `async_insert` off and `wait_end_of_query` on: an answer of 200 means that the part is there.
 */
import { Readable } from "node:stream";
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseConnection } from "../../config.ts";
import type { RowFormat } from "./avro-rows.ts";
import type { Batch, SinkTable } from "./batch.ts";
import type { Range } from "./protocol.ts";

/** Longer than any insert takes; afterwards the attempt counts as unseen and is made again under its token. */
const REQUEST_TIMEOUT_MS = 60_000;
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
      request_timeout: REQUEST_TIMEOUT_MS,
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** Resolves when ClickHouse has the rows, now or from an earlier insert of this token. */
  async insert(
    table: SinkTable,
    format: RowFormat,
    batch: Batch,
    token: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { stream } = await this.#client.exec({
      query: `INSERT INTO ${table.table} (${format.columns.join(", ")}) FORMAT Avro`,
      values: Readable.from(batch.rows.file(format), { objectMode: false }),
      abort_signal: signal,
      clickhouse_settings: {
        async_insert: 0,
        insert_deduplicate: 1,
        insert_deduplication_token: token,
        wait_end_of_query: 1,
        max_insert_block_size: `${BLOCK_ROWS}`,
        min_insert_block_size_rows: `${BLOCK_ROWS}`,
        min_insert_block_size_bytes: `${BLOCK_BYTES}`,
      },
    });
    for await (const _ of stream);
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
      abort_signal: signal,
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
      abort_signal: signal,
    });
    const rows = await result.json<{ partition: number; end: string | number }>();
    return new Map(rows.map(({ partition, end }) => [partition, Number(end)]));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
