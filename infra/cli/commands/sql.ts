/** `pace sql`: a question to ClickHouse, where the results stand. */
import { Command } from "commander";
import { PacestreamError } from "../../../runtime/errors.ts";
import { dataOption, jsonOption } from "../options.ts";
import { table } from "../output.ts";
import { findClickHouse } from "../places.ts";

export function sqlCommand(): Command {
  return new Command("sql")
    .description("ask ClickHouse: tables passings, splits, standings, runners, corrections")
    .argument("<query>", "one SELECT")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  pace sql \"SELECT fate, count() FROM passings WHERE race = 'chicago-2023' GROUP BY fate\"",
    )
    .action(async (query: string, options: { data: string; json?: boolean }) => {
      const { ClickHouseLogLevel, createClient } = await import("@clickhouse/client");
      const { url, username, password, database } = findClickHouse(options.data);
      const client = createClient({
        url,
        username,
        password,
        database,
        log: { level: ClickHouseLogLevel.OFF },
      });
      try {
        const answer = await client.query({ query: query.replace(/;\s*$/, ""), format: "JSONCompact" });
        const { meta = [], data } = await answer.json<unknown[]>();
        const columns = meta.map(({ name }) => name);
        const objects = () =>
          data.map((row) => Object.fromEntries(row.map((value, i) => [columns[i]!, value])));
        if (options.json) console.log(JSON.stringify(objects(), undefined, 2));
        else
          console.log(
            table(
              columns,
              data.map((row) => row.map(cell)),
            ),
          );
      } catch (error) {
        throw new PacestreamError("SQL", (error as Error).message.trim());
      } finally {
        await client.close();
      }
    });
}

function cell(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
