/** What people have with `npm start`: the race, its trackers, the jobs of both, live; and the same after a kill -9. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { reconcile } from "../../runtime/sinks/clickhouse/index.ts";
import { openTrackers } from "../cli/trackers.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { DEVICE_TABLES } from "../platform/devices.ts";
import { connections, Program, pause, RACES } from "./program.ts";
import { ofDevices, questions, unanswered } from "./questions.ts";
import { sql } from "./standings-of.ts";

const RACE = join(RACES, "nyc-2003");
const WEARERS = 40;
const TIMEOUT_MS = 400_000;

let dataDir: string;
let program: Program | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "pacestream-trackers-"));
});

afterEach(async () => {
  await program?.kill();
  rmSync(dataDir, { recursive: true, force: true });
});

function start(): Program {
  program = new Program([
    ...["--race", RACE, "--speed", "1800", "--trackers", String(WEARERS), "--data", dataDir, "--port", "0"],
  ]);
  return program;
}

it("the field with trackers is live, and complete after a kill", { timeout: TIMEOUT_MS }, async () => {
  const { plan, field } = await openTrackers(RACE, WEARERS);
  const killed = start();
  await killed.line((line) => line.startsWith(`${field.size} runners wear trackers`));
  await pause(6_000);
  await killed.kill();

  const running = start();
  await running.line((line) => line.includes("is ready"));
  const { kafka, clickHouse, api, token } = connections(dataDir);
  const answer = await fetch(`${api}/v1/jobs`, { headers: { authorization: `Bearer ${token}` } });
  const { jobs } = (await answer.json()) as { jobs: Record<string, string>[] };
  expect(jobs.map(({ name, state }) => `${name}: ${state}`).sort()).toEqual([
    "health-alerts: running",
    "marathon-leaderboard: running",
    "windowed-aggregates: running",
  ]);

  // Each reading of each device, once.
  const readings = () => sql<{ n: number }>(clickHouse, "SELECT count() AS n FROM readings");
  await expect
    .poll(async () => (await readings())[0]!.n, { timeout: 240_000, interval: 1000 })
    .toBe(plan.readings);
  const exact = async () => (await reconcile(kafka, clickHouse, [...RESULT_TABLES, ...DEVICE_TABLES])).exact;
  await expect.poll(exact, { timeout: 60_000, interval: 1000 }).toBe(true);

  // And what the jobs make of them: most runners have passed a segment of the course, told by the race's mats.
  const rows = await sql<{ segment: string; n: number }>(
    clickHouse,
    "SELECT segment, uniq(participant) AS n FROM segment_totals GROUP BY segment ORDER BY n DESC LIMIT 1",
  );
  expect(rows[0]!.n).toBeGreaterThan(WEARERS / 2);
  expect(rows[0]!.segment).toMatch(/^\w+-\w+$/);
  const alerts = (await (await fetch(`${api}/v1/alerts?limit=1`)).json()) as { alerts: object[] };
  expect(alerts.alerts).toEqual([expect.objectContaining({ race: "nyc-2003" })]);

  // What the documentation of the tables asks has answers.
  const [, bib] = field.participant(0).split("/");
  const asked = questions("nyc-2003", bib).filter(ofDevices);
  expect(asked.length).toBeGreaterThan(7);
  await expect.poll(() => unanswered(clickHouse, asked), { timeout: 60_000, interval: 1000 }).toEqual([]);
  expect(await running.stop()).toBe(0);
});
