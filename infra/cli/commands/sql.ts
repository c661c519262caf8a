/**
 * `pace sql`: a question to ClickHouse, where the results stand. It reads and changes nothing: as people's account where
 * ClickHouse is the program's own, and in ClickHouse's read-only mode wherever it is.
 */
import { Command } from "commander";
import { PacestreamError } from "../../../runtime/errors.ts";
import { dataOption, jsonOption } from "../options.ts";
import { print, table } from "../output.ts";
import { findClickHouse } from "../places.ts";

/** What is printed is held whole, and more than this is not for reading. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** ErrorCodes.cpp of ClickHouse. */
const READONLY = "164";
const ACCESS_DENIED = "497";
const TOO_MANY_ROWS_OR_BYTES = "396";

export function sqlCommand(): Command {
  return new Command("sql")
    .description(
      "ask ClickHouse: tables passings, splits, standings, runners, corrections and others (SHOW TABLES)",
    )
    .argument("<query>", "one SELECT, SHOW, DESCRIBE or EXPLAIN; nothing can be changed by it")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  pace sql \"SELECT fate, count() FROM passings WHERE race = 'chicago-2023' GROUP BY fate\"\n" +
        "  pace sql --json 'DESCRIBE TABLE standings'\n\nWhat to ask for: infra/clickhouse/README.md",
    )
    .action(async (query: string, options: { data: string; json?: boolean }) => {
      const { meta, data } = await ask(options.data, query.replace(/[\s;]*$/, ""));
      const columns = meta.map(({ name }) => name);
      const objects = data.map((row) => Object.fromEntries(row.map((value, i) => [columns[i]!, value])));
      print(options.json, objects, () =>
        columns.length === 0
          ? "No result: the statement has none."
          : table(
              columns,
              data.map((row) => row.map(cell)),
            ),
      );
    });
}

interface Answer {
  readonly meta: readonly { readonly name: string }[];
  readonly data: readonly (readonly unknown[])[];
}

async function ask(dataDir: string, query: string): Promise<Answer> {
  const { ClickHouseError, ClickHouseLogLevel, createClient } = await import("@clickhouse/client");
  const { url, username, password, database } = findClickHouse(dataDir);
  const client = createClient({ url, username, password, database, log: { level: ClickHouseLogLevel.OFF } });
  try {
    const result = await client.query({
      query,
      format: "JSONCompact",
      // Complete or an error: what fails in the middle says so first.
      clickhouse_settings: {
        wait_end_of_query: 1,
        max_result_bytes: `${ANSWER_BYTES_MAX}`,
        result_overflow_mode: "throw",
        readonly: "1",
      },
    });
    const text = await result.text();
    return text.trim() === "" ? { meta: [], data: [] } : (JSON.parse(text) as Answer);
  } catch (error) {
    if (error instanceof ClickHouseError) throw new PacestreamError("SQL", explain(error));
    if (error instanceof SyntaxError) {
      throw new PacestreamError("SQL", "leave out FORMAT: the answer is printed as a table, or with --json");
    }
    throw new PacestreamError("SQL", `ClickHouse at ${url} does not answer: ${reasonOf(error)}`, "retry");
  } finally {
    await client.close();
  }
}

function explain({ code, message }: { readonly code: string; readonly message: string }): string {
  const said = message.trim();
  if (code === READONLY || code === ACCESS_DENIED) {
    return `this command only reads, and ClickHouse says that the statement does more: ${said}`;
  }
  if (code === TOO_MANY_ROWS_OR_BYTES) return `the answer is too large to print: add LIMIT (${said})`;
  return said;
}

function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string };
  return message || code || String(error);
}

function cell(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
