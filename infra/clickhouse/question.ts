/**
 * A question of a person to ClickHouse, which changes nothing, whatever is asked and with whatever account: ClickHouse itself
 * is told that it may only read.
 */
import {
  type ClickHouseClient,
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from "@clickhouse/client";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";

export interface Answer {
  /** None: the statement has no result. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** An answer is held whole; more than this is not for reading. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** ErrorCodes.cpp of ClickHouse. */
const READONLY = "164";
const ACCESS_DENIED = "497";
const TOO_MANY_ROWS_OR_BYTES = "396";

/** @throws PacestreamError `SQL` saying what is wrong with the question, or that nobody answers. */
export async function ask(connection: ClickHouseConnection, question: string): Promise<Answer> {
  const { url, username, password, database } = connection;
  const log = { level: ClickHouseLogLevel.OFF };
  // Not as a clause of the question: some statements may have none.
  const http_headers = { "X-ClickHouse-Format": "JSONCompact" };
  const client = createClient({ url, username, password, database, log, http_headers });
  try {
    const [readOnly] = (await send(client, "SELECT getSetting('readonly')", {})).rows[0] ?? [];
    return await send(client, question.replace(/[\s;]*$/, ""), settingsIn(Number(readOnly)));
  } catch (error) {
    if (error instanceof ClickHouseError) throw new PacestreamError("SQL", explain(error));
    if (error instanceof PacestreamError) throw error;
    const { message, code } = error as Error & { code?: string };
    throw new PacestreamError("SQL", `ClickHouse at ${url} does not answer: ${message || code}`, "retry");
  } finally {
    await client.close();
  }
}

async function send(
  client: ClickHouseClient,
  query: string,
  clickhouse_settings: ClickHouseSettings,
): Promise<Answer> {
  const { stream } = await client.exec({ query, clickhouse_settings });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8").trim();
  if (text === "") return { columns: [], rows: [] };
  const { meta, data } = parse(text);
  return { columns: meta.map(({ name }) => name), rows: data };
}

interface JsonCompact {
  readonly meta: readonly { readonly name: string }[];
  readonly data: readonly (readonly unknown[])[];
}

function parse(text: string): JsonCompact {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "meta" in value) return value as JsonCompact;
  } catch {}
  throw new PacestreamError("SQL", "leave out FORMAT: the answer is printed as a table, or with --json");
}

/** An account that may only read may not say so again (2), or not set anything (1). */
function settingsIn(readOnly: number): ClickHouseSettings {
  if (readOnly === 1) return {};
  return {
    // Complete or an error: what fails in the middle says so first.
    wait_end_of_query: 1,
    max_result_bytes: `${ANSWER_BYTES_MAX}`,
    result_overflow_mode: "throw",
    ...(readOnly === 0 && { readonly: "1" }),
  };
}

function explain({ code, message }: { readonly code: string; readonly message: string }): string {
  const said = message.trim();
  if (code === READONLY || code === ACCESS_DENIED) {
    return `questions only read, and ClickHouse says that this one does more: ${said}`;
  }
  if (code === TOO_MANY_ROWS_OR_BYTES) return `the answer is too large to print: add LIMIT (${said})`;
  return said;
}
