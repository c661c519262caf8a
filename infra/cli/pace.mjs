#!/usr/bin/env node
/**
 * `pace`, on whatever Node somebody has: hands over to the pinned one that set-up brings, which runs TypeScript as it is.
 * Uses no package and no new syntax, so that an old Node can read it and say what is wrong.
 */
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const node = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url));
const program = fileURLToPath(new URL("./pace.ts", import.meta.url));
/** As `npm start` has them: room for objects that die young, and no word about features that the pinned Node has settled. */
const flags = ["--max-semi-space-size=64", "--disable-warning=ExperimentalWarning"];

// Each commit in progress holds one of libuv's threads, four unless told otherwise: they would wait for each other.
process.env.UV_THREADPOOL_SIZE ??= "16";
// What was compiled once is not compiled again: half of the time until anything happens, and in each worker thread.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL("../../.pacestream/cache/compiled", import.meta.url),
);

if (!existsSync(node)) {
  console.error(
    "pace: Pacestream is not set up yet. Run `npm start` in its folder first: it installs what is needed.",
  );
  process.exit(1);
}
if (realpathSync(node) === realpathSync(process.execPath)) {
  await import(program);
} else {
  const child = spawn(node, [...flags, program, ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; the child decides, and this waits for it. A signal sent to this one alone is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  child.on("error", (error) => {
    console.error(`pace: cannot run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("close", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
}
