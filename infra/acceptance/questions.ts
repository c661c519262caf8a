/** The questions of infra/clickhouse/README.md, asked of a race that was really replayed: a sample without rows teaches nothing. */
import { readFileSync } from "node:fs";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { sql } from "./standings-of.ts";

export interface Question {
  readonly title: string;
  readonly query: string;
}

/** Views of what devices measured, and what is made of it. */
const OF_DEVICES = /\b(reading\w*|activity_sessions|segment_totals|event_windows|alerts\w*)\b/;
/** What a replayed race may not have: a correction, a runner who rests. clickhouse.integration.test.ts asks it of rows made for it. */
export const NOT_REPLAYED: readonly string[] = [
  "What did the officials do?",
  "Who rested longest at one time?",
];

/** With this race and runner in place of those that the page names. */
export function questions(race = "chicago-2023", bib = "11"): Question[] {
  const page = readFileSync(new URL("../clickhouse/README.md", import.meta.url), "utf8");
  return [...page.matchAll(/^(.+)\n+```sql\n([^`]*)```/gm)].map(([, title, query]) => ({
    title: title!,
    query: query!
      .replaceAll("chicago-2023/11", `${race}/${bib}`)
      .replaceAll("chicago-2023", race)
      .replaceAll("bib = '11'", `bib = '${bib}'`),
  }));
}

export const ofDevices = ({ title, query }: Question) =>
  OF_DEVICES.test(query) && !NOT_REPLAYED.includes(title);
export const ofRaces = ({ title, query }: Question) =>
  !OF_DEVICES.test(query) && !NOT_REPLAYED.includes(title);

/** Titles of those that have no rows. */
export async function unanswered(
  clickHouse: ClickHouseConnection,
  asked: readonly Question[],
): Promise<string[]> {
  const titles: string[] = [];
  for (const { title, query } of asked) {
    if ((await sql(clickHouse, query)).length === 0) titles.push(title);
  }
  return titles;
}
