/** The final standings of a race as its readers get them: by the API page by page, and by SQL. */

import { createClient } from "@clickhouse/client";
import { outsideTieBand, type Placed } from "../../jobs/lib/official-places.ts";
import type { OfficialResult } from "../../jobs/lib/race-folder.ts";
import type { ClickHouseConnection } from "../../runtime/config.ts";

/** A finisher; times in seconds, places now. */
export interface Finisher {
  readonly bib: string;
  readonly netS: number | null;
  readonly gunS: number | null;
  readonly place: number | null;
  readonly placeGender: number | null;
  readonly placeDivision: number | null;
  readonly gender: string;
  readonly division: string;
}

const PAGE = 1_000;

interface Row {
  bib: string;
  place: number | null;
  netS: number | null;
  gunS: number | null;
  gender: string;
  division: string;
}

/** Overall, then every group, as a person would page through the board. By bib. */
export async function finishersByApi(api: string, race: string): Promise<Map<string, Finisher>> {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${api}/v1/races/${race}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const pages = async (by: string, of?: string): Promise<Row[]> => {
    const rows: Row[] = [];
    for (;;) {
      const group = of === undefined ? "" : `&of=${encodeURIComponent(of)}`;
      const page = await get<{ rows: Row[] }>(
        `/leaderboard?at=finish&by=${by}${group}&limit=${PAGE}&offset=${rows.length}`,
      );
      rows.push(...page.rows);
      if (page.rows.length < PAGE) return rows;
    }
  };
  const { genders, divisions } = await get<{ genders: string[]; divisions: string[] }>("");
  const finishers = new Map<string, { -readonly [K in keyof Finisher]: Finisher[K] }>();
  for (const row of await pages("overall")) {
    const { bib, netS, gunS, place, gender, division } = row;
    finishers.set(bib, { bib, netS, gunS, place, gender, division, placeGender: null, placeDivision: null });
  }
  for (const gender of genders) {
    for (const { bib, place } of await pages("gender", gender)) finishers.get(bib)!.placeGender = place;
  }
  for (const division of divisions) {
    for (const { bib, place } of await pages("division", division)) finishers.get(bib)!.placeDivision = place;
  }
  return finishers;
}

/** By bib. */
export async function finishersBySql(
  clickHouse: ClickHouseConnection,
  race: string,
): Promise<Map<string, Finisher>> {
  const rows = await sql<Finisher>(
    clickHouse,
    `SELECT bib, net_s AS netS, gun_s AS gunS, place, place_gender AS placeGender, place_division AS placeDivision, gender, division
     FROM standings WHERE race = {race: String} AND mat = 'finish'`,
    { race },
  );
  return new Map(rows.map((row) => [row.bib, row]));
}

/** Rows of a query; 64-bit integers as numbers. */
export async function sql<T>(
  clickHouse: ClickHouseConnection,
  query: string,
  parameters: Record<string, unknown> = {},
): Promise<T[]> {
  const { url, username, password, database } = clickHouse;
  await using client = createClient({ url, username, password, database });
  const answer = await client.query({
    query,
    query_params: parameters,
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  // Awaited here: the client closes when this returns.
  return await answer.json<T>();
}

export interface Finished {
  readonly finishers: ReadonlyMap<string, Finisher>;
  readonly official: readonly OfficialResult[];
}

export const PLACES = ["place", "placeGender", "placeDivision"] as const;

/** Finishers whose place is not one that the officials' times give, within the band of those with the same time. */
export function outside({ finishers, official }: Finished, name: (typeof PLACES)[number]): string[] {
  const groupOf = ({ gender, division }: Finisher) =>
    name === "place" ? "" : name === "placeGender" ? gender : `${gender} ${division}`;
  const placed = (rows: readonly { bib: string; place: number | null }[]) =>
    Map.groupBy(
      rows.filter((row): row is Placed => row.place !== null),
      ({ bib }) => groupOf(finishers.get(bib)!),
    );
  const ours = placed(
    [...finishers.values()].map((finisher) => ({ bib: finisher.bib, place: finisher[name] })),
  );
  const theirs = placed(official.map((result) => ({ bib: result.bib, place: result[name] })));
  return [...theirs].flatMap(([group, results]) =>
    outsideTieBand(ours.get(group) ?? [], results).map((line) => `${name} ${group} ${line}`),
  );
}
