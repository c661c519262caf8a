import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fitFile, fitRecords, fitSession, fitType } from "./fit-fixture.ts";
import { type Inspection, inspectRecordings, type Refusal } from "./inspect.ts";

const T0 = Date.parse("2024-05-05T08:00:00Z");
const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-inspect-"));
  const points = Array.from({ length: 60 }, (_, s) => ({
    timeMs: T0 + s * 1000,
    hr: s === 0 ? 0 : 120 + (s % 10),
    cadence: 85,
    distanceM: s * 3,
  }));
  const late = { timeMs: T0 + 2_000, hr: 90 };
  writeFileSync(
    join(folder, "run.fit"),
    fitFile(fitType(4), fitRecords([...points, late]), fitSession(1, T0, T0 + 59_000)),
  );
  writeFileSync(join(folder, "workout.fit"), fitFile(fitType(5)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function all(path: string): Promise<(Inspection | Refusal)[]> {
  const found = [];
  for await (const inspection of inspectRecordings(path)) found.push(inspection);
  return found;
}

test("a recording is inspected whole, with what is left out of it", async () => {
  expect(await all(join(folder, "run.fit"))).toEqual([
    {
      file: join(folder, "run.fit"),
      sport: "running",
      readings: 60,
      first: "2024-05-05T08:00:00Z",
      last: "2024-05-05T08:00:59Z",
      heartRate: { count: 59, min: 120, max: 129 },
      distanceM: 177,
      positions: 0,
      gapMaxS: 1,
      leftOut: [{ what: "points", count: 1, why: expect.stringContaining("out of order") }],
    },
  ]);
});

test("what cannot be read is refused, and the others of a folder are read", async () => {
  const found = await all(folder);
  expect(found.map((one) => ("refused" in one ? one.refused : one.readings))).toEqual([
    60,
    "is a workout to do, no recording",
  ]);
  expect(await all(join(folder, "absent.fit"))).toEqual([
    { file: join(folder, "absent.fit"), refused: "no such file or folder" },
  ]);
});

test("the command says it to people and to programs, and fails where one is refused, in any zone", async () => {
  const pace = (...args: string[]) =>
    run(process.execPath, [join(ROOT, "infra/cli/pace.ts"), "device", "inspect", ...args], {
      env: { ...process.env, TZ: "America/New_York" },
    });
  const { stdout } = await pace(join(folder, "run.fit"));
  expect(stdout).toContain("running, 60 readings from 2024-05-05T08:00:00Z to 2024-05-05T08:00:59Z");
  expect(stdout).toContain("left out: 1 points");
  const refused = await pace(folder, "--json").catch((error: { code: number; stdout: string }) => error);
  expect(refused).toMatchObject({ code: 1 });
  expect(JSON.parse(refused.stdout)).toMatchObject([
    { readings: 60 },
    { refused: "is a workout to do, no recording" },
  ]);
});
