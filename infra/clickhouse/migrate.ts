/**
 * Brings a ClickHouse database to the tables this program writes and the views people query.
 *
 * Owns: the order in which `migrations/*.sql` are applied, and the table `schema_migrations` that remembers it.
 *
 * M1  `NNN-name.sql` is applied once, in order. One that was applied is never edited: the next change is the next file.
 * M2  `views.sql` holds no data; it is applied again whenever its text changed, after all numbered files.
 * M3  Every statement can be repeated (IF NOT EXISTS, OR REPLACE): a crash before a file is recorded, or two nodes starting
 *     at once, does no harm.
 * M4  Where a table or view of an applied file is missing, somebody dropped it: all files are applied again (M3), as a later one
 *     may change what an earlier one makes. What is there keeps its rows. The sink fills what was made anew.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
const VIEWS = "views.sql";

/**
 * Creates the database if it is not there and applies what it lacks.
 * @returns the names of the files applied now, in order.
 * @throws PacestreamError `CLICKHOUSE_UNREACHABLE` when it does not answer, or not this account; `CLICKHOUSE_MIGRATION` when a statement fails or an applied file was edited (M1).
 */
export async function applyMigrations(connection: ClickHouseConnection): Promise<string[]> {
  const { url, username, password, database } = connection;
  const log = { level: ClickHouseLogLevel.OFF }; // what fails is thrown
  await using server = createClient({ url, username, password, log });
  try {
    await server.command({ query: `CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)}` });
  } catch (cause) {
    throw unreachable(url, cause as Error);
  }
  await using client = createClient({ url, username, password, database, log });
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS schema_migrations
      (
        name       String COMMENT 'File that was applied.',
        checksum   String COMMENT 'SHA-256 of its text.',
        applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.'
      )
      ENGINE = MergeTree ORDER BY (name, applied_at)
      COMMENT 'Which files of infra/clickhouse/migrations this database has seen.'`,
  });
  const [known, present] = await Promise.all([appliedChecksums(client), tablesOf(client)]);
  const files = migrationFiles();
  const dropped = files.some(
    ({ name, text }) => known.has(name) && !namesMadeBy(text).every((made) => present.has(made)),
  );
  const applied: string[] = [];
  for (const { name, text, checksum } of files) {
    const before = known.get(name);
    if (before === checksum && !dropped) continue;
    if (before !== undefined && before !== checksum && name !== VIEWS) {
      throw new PacestreamError(
        "CLICKHOUSE_MIGRATION",
        `${name} was changed after it had been applied to ${database} at ${url}: put its text back, and write the change as the next numbered file`,
      );
    }
    for (const statement of statementsOf(text)) {
      try {
        await client.command({ query: statement });
      } catch (cause) {
        const message = `${name}: ${(cause as Error).message}\nin: ${statement.split("\n", 1)[0]}`;
        throw new PacestreamError("CLICKHOUSE_MIGRATION", message, "retry", { cause });
      }
    }
    if (before !== checksum)
      await client.insert({
        table: "schema_migrations",
        values: [{ name, checksum }],
        format: "JSONEachRow",
      });
    applied.push(name);
  }
  return applied;
}

function unreachable(url: string, cause: Error): PacestreamError {
  const how = cause instanceof ClickHouseError ? "refuses" : "does not answer";
  const said = cause.message.trim().split("\n", 1)[0];
  return new PacestreamError(
    "CLICKHOUSE_UNREACHABLE",
    `ClickHouse at ${url} ${how}: ${said}. Start it, or look at CLICKHOUSE_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD`,
    "retry",
    { cause },
  );
}

async function appliedChecksums(client: ClickHouseClient): Promise<Map<string, string>> {
  const result = await client.query({
    query: "SELECT name, argMax(checksum, applied_at) AS checksum FROM schema_migrations GROUP BY name",
    format: "JSONEachRow",
  });
  const rows = await result.json<{ name: string; checksum: string }>();
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

/** Tables and views that are there. */
async function tablesOf(client: ClickHouseClient): Promise<Set<string>> {
  const result = await client.query({
    query: "SELECT name FROM system.tables WHERE database = currentDatabase()",
    format: "JSONEachRow",
  });
  return new Set((await result.json<{ name: string }>()).map(({ name }) => name));
}

/** Tables and views that a file's statements make. */
export function namesMadeBy(text: string): string[] {
  return statementsOf(text).flatMap((statement) => {
    const made = /^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)/.exec(statement);
    return made ? [made[1]!] : [];
  });
}

/** Numbered files by number, then the views. */
function migrationFiles(): { name: string; text: string; checksum: string }[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".sql"));
  const numbered = names.filter((name) => /^\d{3}-/.test(name)).sort();
  return [...numbered, VIEWS].map((name) => {
    const text = readFileSync(new URL(name, FOLDER), "utf8");
    return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
  });
}

/** Statements end with a semicolon at the end of a line; comment lines are left out. */
export function statementsOf(text: string): string[] {
  return text
    .replace(/^\s*--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}
