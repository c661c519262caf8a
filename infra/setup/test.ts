/**
 * `npm test`: type check, lint and format, then every test. The last line is `N passed, N failed`.
 *
 *   npm test                     everything
 *   npm test -- ranking --bail 1 only the test files whose path holds "ranking"; arguments are vitest's
 *
 * T1  The type check and the lint count as one case each.
 * T2  Whatever goes wrong counts as a failed case, and the last line is printed all the same: a file that
 *     does not load, an error outside of any test, a runner that dies or hangs.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of the quarter of an hour that everything may take. */
const TESTS_MAX_MS = 14 * 60_000;
const ROOT = join(import.meta.dirname, "../..");

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function main(filters: readonly string[]): Promise<void> {
  const counts: Count[] = [];
  if (filters.length === 0) {
    counts.push(await single("type check", ["node_modules/typescript/bin/tsc"]));
    counts.push(await single("lint and format", ["node_modules/@biomejs/biome/bin/biome", "check", "."]));
  }
  counts.push(await tests(filters));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
}

/** T1 */
async function single(name: string, args: readonly string[]): Promise<Count> {
  const succeeded = (await node(args)) === 0;
  console.log(`${succeeded ? "✓" : "✗"} ${name}`);
  return succeeded ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function tests(filters: readonly string[]): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), "pacestream-report-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const code = await node(["node_modules/vitest/vitest.mjs", "run", ...reporters, ...filters]);
  const { passed, failed } = count(file);
  rmSync(folder, { recursive: true, force: true });
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed }; // T2
}

function count(file: string): Count {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return { passed: 0, failed: 1 };
  }
  let [passed, failed] = [0, 0];
  for (const { status, assertionResults } of report.testResults) {
    const failures = assertionResults.filter((test) => test.status === "failed").length;
    passed += assertionResults.filter((test) => test.status === "passed").length;
    failed += status === "failed" && failures === 0 ? 1 : failures; // T2: the file itself failed
  }
  return { passed, failed };
}

/** Runs a script of this Node on this terminal and resolves with its exit code; a signal counts as 1. */
function node(args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args], { cwd: ROOT, stdio: "inherit" });
    const timer = setTimeout(() => {
      console.error(`stopped after ${TESTS_MAX_MS / 60_000} minutes`);
      child.kill("SIGKILL");
    }, TESTS_MAX_MS);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}

await main(process.argv.slice(2));
