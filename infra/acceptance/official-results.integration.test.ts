/**
 * Recorded races through everything, as `npm start -- --race FOLDER --speed max --once --keep` runs them, against
 * what the officials found; read by the API and again by SQL. One data folder holds them. The third, Boston, comes out right while
 * everything is killed (killed.integration.test.ts).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { leavingOrder } from "../../jobs/lib/official-places.ts";
import { openRaceFolder } from "../../jobs/lib/race-folder.ts";
import { reconcile } from "../../runtime/sinks/clickhouse/index.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { connections, Program, RACES } from "./program.ts";
import { ofRaces, questions, unanswered } from "./questions.ts";
import { type Finished, finishersByApi, finishersBySql, outside, PLACES, sql } from "./standings-of.ts";

const dataDir = mkdtempSync(join(tmpdir(), "pacestream-races-"));
const TIMEOUT_MS = 240_000;
let program: Program | undefined;

afterEach(async () => {
  if (program && !program.ended) await program.stop();
}, 60_000);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Replays a race; returns its finishers after both ways of reading them have agreed, and times have matched. */
async function finish(race: string, expected: { runners: number; passings: number }): Promise<Finished> {
  program = new Program([
    "--race",
    join(RACES, race),
    "--speed",
    "max",
    "--once",
    "--keep",
    "--data",
    dataDir,
  ]);
  const summary = await program.summary();
  expect(summary).toMatchObject({ race, ...expected });
  const { api, kafka, clickHouse } = connections(dataDir);

  const byApi = await finishersByApi(api, race);
  const bySql = await finishersBySql(clickHouse, race);
  const placed = new Map([...byApi].filter(([, { place }]) => place !== null));
  expect(Object.fromEntries(bySql)).toEqual(Object.fromEntries(placed));

  const official = await Array.fromAsync((await openRaceFolder(join(RACES, race), failOn)).results());
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
  const times = [...byApi.values()].map(({ bib, netS, gunS }) => [bib, netS, gunS]).sort();
  expect(times).toEqual(
    official.map(({ bib, netMs, gunMs }) => [bib, seconds(netMs), seconds(gunMs)]).sort(),
  );
  expect(summary.finishers).toBe(official.length);

  const [row] = await sql<{ reads: number; distinct: number }>(
    clickHouse,
    "SELECT count() AS reads, uniqExact(id) AS distinct FROM passings WHERE race = {race: String}",
    { race },
  );
  expect(row).toEqual({ reads: expected.passings, distinct: expected.passings });
  expect((await reconcile(kafka, clickHouse, RESULT_TABLES)).exact).toBe(true);
  return { finishers: byApi, official };
}

const failOn = (problem: { file: string; line: number; problem: string }) => {
  throw new Error(`${problem.file}:${problem.line} ${problem.problem}`);
};

describe("a recorded race, replayed through everything, comes out as the officials have it:", () => {
  it("New York 2003, by gun time, every place but eight that were given twice", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const finished = await finish("nyc-2003", { runners: 34_731, passings: 172_300 });
    for (const name of PLACES) {
      const different = outside(finished, name);
      if (different.length > 0) console.log(`nyc-2003, outside the tie band:\n  ${different.join("\n  ")}`);
      expect(different.length).toBeLessThanOrEqual(8);
    }
  });

  it("Chicago 2023, every time; the organiser's list leaves net time for a few", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const finished = await finish("chicago-2023", { runners: 47_999, passings: 525_940 });
    const displaced = outside(finished, "place").length;
    const moved = leavingOrder(finished.official);
    const lines = moved.map(({ bib, place, netMs, gunMs }) => {
      const ours = finished.finishers.get(bib)!.place;
      return `${bib}: listed ${place}, ours ${ours}; net ${netMs! / 1000} s, gun ${gunMs! / 1000} s`;
    });
    console.log(
      `chicago-2023: \`place\` is the organiser's list order. ${moved.length} runners stand in it where their net time would not ` +
        `put them, most of them where their gun time would; by that ${displaced} others lie outside of their tie band:\n  ${lines.join("\n  ")}`,
    );
    expect(moved.length).toBe(39);

    // And what its documentation asks has answers.
    const asked = questions().filter(ofRaces);
    expect(asked.length).toBeGreaterThan(8);
    expect(await unanswered(connections(dataDir).clickHouse, asked)).toEqual([]);
  });
});
