/**
 * `pace sql`: a question to ClickHouse, where the results stand. It changes nothing: asked as people's account where ClickHouse
 * is the program's own, and read-only wherever it is.
 */
import { Command } from "commander";
import { dataOption, jsonOption } from "../options.ts";
import { print, table } from "../output.ts";
import { findClickHouse } from "../places.ts";

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
      [
        "\nExamples:",
        "  pace sql \"SELECT fate, count() FROM passings WHERE race = 'chicago-2023' GROUP BY fate\"",
        "  pace sql --json 'DESCRIBE TABLE standings'",
        "\nMore questions: infra/clickhouse/README.md",
      ].join("\n"),
    )
    .action(async (query: string, options: { data: string; json?: boolean }) => {
      const { ask } = await import("../../clickhouse/question.ts");
      const { columns, rows } = await ask(findClickHouse(options.data), query);
      const objects = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i]!, value])));
      print(options.json, objects, () =>
        columns.length === 0
          ? "No result: the statement has none."
          : table(
              columns,
              rows.map((row) => row.map(cell)),
            ),
      );
    });
}

function cell(value: unknown): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
