import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countCases } from "./report.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "report-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function report(...files: { status: string; tests: string[] }[]): string {
  const file = join(folder, "report.json");
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  }));
  writeFileSync(file, JSON.stringify({ testResults }));
  return file;
}

test("cases are counted over all files; skipped ones are neither passed nor failed", () => {
  const file = report(
    { status: "passed", tests: ["passed", "passed", "skipped"] },
    { status: "failed", tests: ["passed", "failed"] },
  );
  expect(countCases(file, 1)).toEqual({ passed: 3, failed: 1 });
});

test("a file that does not load is a failed case", () => {
  const file = report({ status: "failed", tests: [] }, { status: "passed", tests: ["passed"] });
  expect(countCases(file, 1)).toEqual({ passed: 1, failed: 1 });
});

test("an error outside of any test is a failed case", () => {
  expect(countCases(report({ status: "passed", tests: ["passed"] }), 1)).toEqual({ passed: 1, failed: 1 });
});

test("a runner that leaves no report is a failed case", () => {
  expect(countCases(join(folder, "none.json"), 1)).toEqual({ passed: 0, failed: 1 });
});
