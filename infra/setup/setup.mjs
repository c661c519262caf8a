/**
 * Set-up: everything between a fresh clone and a program that runs.
 *
 *   node infra/setup/setup.mjs [--for=start|test] [--check]
 *
 * `npm start` and `npm test` run it first. It runs on any Node from 20 on and uses no package: nothing is
 * installed yet. What a step does is `steps.mjs`; how the system is asked and changed is `system.mjs`.
 *
 * U1  A step says by itself, from the disk, whether it is done; there is no list of done steps that could be
 *     wrong. So a set-up that was interrupted goes on where it stopped, and one that was damaged repairs itself.
 * U2  A result appears under its final name only when it is whole.
 * U3  One set-up of a checkout at a time: the kernel holds the lock for as long as the set-up, or anything
 *     it started, lives.
 * U4  When nothing is to be done it says nothing and costs some ten milliseconds.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { explainPlatform, root, stepsFor } from "./steps.mjs";
import { runSync, SetupError, setLogFile, withProgress } from "./system.mjs";

const LOCKED = "--locked";
const LOCK_TAKEN = 75;

/** @param {readonly string[]} args */
function parse(args) {
  const purpose = args.find((arg) => arg.startsWith("--for="))?.slice("--for=".length) ?? "start";
  const unknown = args.find((arg) => !["--for=start", "--for=test", "--check", LOCKED].includes(arg));
  if (unknown)
    throw new SetupError(`set-up does not know ${unknown}; it takes --for=start, --for=test, --check`);
  return { forTests: purpose === "test", check: args.includes("--check"), locked: args.includes(LOCKED) };
}

/** @param {readonly string[]} args */
async function main(args) {
  const options = parse(args);
  explainPlatform();
  const steps = stepsFor(options);
  const pending = steps.filter((step) => !step.isDone());
  if (options.check) {
    for (const step of pending) console.log(`to do: ${step.title}`);
    process.exitCode = pending.length > 0 ? 1 : 0;
    return;
  }
  if (pending.length === 0) return; // U4
  if (!options.locked && existsSync("/usr/bin/flock")) return underLock(args);

  setLogFile(join(root, ".pacestream/setup.log"));
  console.log(`Setting up Pacestream (once; details in .pacestream/setup.log)`);
  const started = Date.now();
  for (const [index, step] of steps.entries()) {
    // Asked again: an earlier step may have undone a later one, as npm ci does with what it does not know.
    if (step.isDone()) continue;
    await withProgress(`[${index + 1}/${steps.length}] ${step.title}`, step.run);
    if (!step.isDone())
      throw new SetupError(`"${step.title}" ran and is still not done; see .pacestream/setup.log`);
  }
  console.log(`Set up in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** U3 @param {readonly string[]} args */
function underLock(args) {
  mkdirSync(join(root, ".pacestream"), { recursive: true });
  const lock = join(root, ".pacestream/setup.lock");
  const again = [
    process.execPath,
    import.meta.filename ?? new URL(import.meta.url).pathname,
    ...args,
    LOCKED,
  ];
  let code = runSync(["flock", "--nonblock", "--conflict-exit-code", String(LOCK_TAKEN), lock, ...again]);
  if (code === LOCK_TAKEN) {
    console.log("Another set-up of this checkout is running; waiting for it");
    code = runSync(["flock", lock, ...again]);
  }
  process.exitCode = code;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
