import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeNextVersion, withField } from "./next-version.ts";

test("the next version is a whole program of its own, whose state has new fields", () => {
  const folder = join(mkdtempSync(join(tmpdir(), "pacestream-next-")), "next");
  onTestFinished(() => rmSync(folder, { recursive: true }));
  makeNextVersion(folder);
  for (const file of [
    "runner-step.ts",
    "health/lost-signal.ts",
    "health/alert-life.ts",
    "aggregates/results.ts",
  ])
    expect(readFileSync(join(folder, "jobs/lib", file), "utf8").match(/sinceNextVersion/g)).toHaveLength(1);
  expect(existsSync(join(folder, "infra/cli/pace.ts"))).toBe(true);
  expect(existsSync(join(folder, "node_modules/avsc"))).toBe(true);
});

test("a schema that is no longer where it was is an error, not the same version again", () => {
  expect(() => withField('name: "Other", fields: []', "KeptRead")).toThrow("KeptRead");
});
