import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findApi, jobModule, ROOT } from "./places.ts";
import { readRunFile, runFilePath, writeRunFile } from "./run-file.ts";

const PLACE = {
  api: "http://127.0.0.1:8080",
  kafka: ["127.0.0.1:9092"],
  clickHouse: { url: "http://127.0.0.1:8123", database: "pacestream" },
  embedded: ["kafka", "clickHouse"],
} as const;

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "pacestream-places-"));
});
afterEach(() => rmSync(data, { recursive: true }));

test("the running program is found by flag, then environment, then the data folder", () => {
  const remove = writeRunFile(data, PLACE);
  const env = { PACE_API: "http://10.0.0.1:1/" };
  expect(findApi({ data, api: "http://10.0.0.2:2" }, env)).toBe("http://10.0.0.2:2");
  expect(findApi({ data }, env)).toBe("http://10.0.0.1:1");
  expect(findApi({ data }, {})).toBe(PLACE.api);
  remove();
  expect(readRunFile(data)).toBeUndefined();
});

test("what says where the program is, is its owner's to read and holds no password", () => {
  writeRunFile(data, PLACE);
  expect(statSync(runFilePath(data)).mode & 0o777).toBe(0o600);
  expect(Object.keys(readRunFile(data)!.clickHouse)).toEqual(["url", "database"]);
});

test("who looks in vain is told all places, and what to do", () => {
  expect(() => findApi({ data }, {})).toThrow(
    /--api is not given; PACE_API is not set; .*run\.json names no living program\.\nStart one with `npm start`/,
  );
  expect(() => findApi({ data, api: "8080" }, {})).toThrow(/--api: "8080" is not an address such as/);
});

test("what a killed program left behind is not taken for a living one", () => {
  writeFileSync(runFilePath(data), JSON.stringify({ ...PLACE, pid: process.pid, startTicks: "1" }));
  expect(readRunFile(data)).toBeUndefined();
  writeFileSync(runFilePath(data), "{ half a fi");
  expect(readRunFile(data)).toBeUndefined();
});

test("a job is named from the project's folder, wherever the command runs", () => {
  expect(jobModule("jobs/x.ts", ROOT)).toBe("jobs/x.ts");
  expect(jobModule("x.ts", join(ROOT, "jobs"))).toBe("jobs/x.ts");
  expect(() => jobModule("../x.ts", ROOT)).toThrow(/a job's file must lie in/);
});
