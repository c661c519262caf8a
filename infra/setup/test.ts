/**
 * `npm test`: type check, lint and format, then every test. The last line is `N passed, N failed`.
 *
 *   npm test                     everything
 *   npm test -- ranking --bail 1 only the test files whose path holds "ranking"; arguments are vitest's
 *
 * T1  The type check and the lint count as one case each.
 * T2  Whatever goes wrong counts as a failed case, and the last line is printed all the same: a file that
 *     does not load, an error outside of any test, a runner that dies or hangs.
 * T3  Tests with services wait more than they work: three groups of them run side by side, each with services of its own, and what
 *     the second and third print comes when they are through.
 * T4  No limit here or in vitest.config.ts says how fast something is: they end what hangs, also on a machine with much other work.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Count, countCases } from "./report.ts";

/** T4: everything takes some ten minutes. */
const TESTS_MAX_MS = 60 * 60_000;
const ROOT = join(import.meta.dirname, "../..");
/** The programs that tests start load faster. */
process.env.NODE_COMPILE_CACHE ??= join(ROOT, ".pacestream/cache/compiled");

async function main(filters: readonly string[]): Promise<void> {
  const counts: Count[] = [];
  if (filters.length === 0) {
    const tsc = "node_modules/typescript/bin/tsc";
    counts.push(await single("type check", [tsc]));
    counts.push(await single("type check of the pages", [tsc, "-p", "api/web/public"]));
    counts.push(await single("lint and format", ["node_modules/@biomejs/biome/bin/biome", "check", "."]));
  }
  if (filters.length > 0) counts.push(await tests(filters));
  else {
    counts.push(await tests(["--project", "unit"]));
    // T3
    const groups = [
      tests(["--project", "integration", "--shard=1/2"]),
      tests(["--project", "integration", "--shard=2/2"], "held"),
      tests(["--project", "browser"], "held"),
    ];
    counts.push(...(await Promise.all(groups)));
  }
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

async function tests(filters: readonly string[], output: Output = "shown"): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), "pacestream-report-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const code = await node(["node_modules/vitest/vitest.mjs", "run", ...reporters, ...filters], output);
  const cases = countCases(file, code); // T2
  rmSync(folder, { recursive: true, force: true });
  return cases;
}

/** Whether what a script prints is seen at once, or when it has ended. */
type Output = "shown" | "held";

/** Runs a script of this Node on this terminal and resolves with its exit code; a signal counts as 1. */
function node(args: readonly string[], output: Output = "shown"): Promise<number> {
  return new Promise((resolve) => {
    const stdio = output === "shown" ? "inherit" : "pipe";
    const child = spawn(process.execPath, [...args], { cwd: ROOT, stdio });
    const held: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => held.push(chunk));
    const timer = setTimeout(() => {
      console.error(`stopped after ${TESTS_MAX_MS / 60_000} minutes`);
      child.kill("SIGKILL");
    }, TESTS_MAX_MS);
    child.once("close", (code) => {
      clearTimeout(timer);
      process.stdout.write(Buffer.concat(held));
      resolve(code ?? 1);
    });
  });
}

await main(process.argv.slice(2));
