/**
 * Set-up's hands: running commands, showing progress, finding and installing what the system lacks.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";

const LOG_TAIL_LINES = 60;
/** Says nothing about why a command failed: engines that only the system's Node does not meet, and such. */
const NOISE = /^npm (warn|notice)|^npm error$/;
const PROGRESS_MS = 1_000;
/** Where there is no terminal to redraw a line on, a line now and then shows that it goes on. */
const PROGRESS_PLAIN_MS = 30_000;

/** Something a person has to do or know; its message is all they need. */
export class SetupError extends Error {}

let logFile = "";

/** @param {string} file */
export function setLogFile(file) {
  mkdirSync(dirname(file), { recursive: true });
  logFile = file;
  closeSync(openSync(file, "w"));
}

/**
 * Shows a step: what, and how long it takes.
 * @param {string} title
 * @param {() => Promise<void>} run
 */
export async function withProgress(title, run) {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const live = process.stdout.isTTY === true;
  process.stdout.write(live ? title : `${title}\n`);
  const timer = setInterval(
    () => process.stdout.write(live ? `\r${title} … ${seconds()}` : `      … ${seconds()}\n`),
    live ? PROGRESS_MS : PROGRESS_PLAIN_MS,
  );
  try {
    await run();
    process.stdout.write(live ? `\r${title}: ${seconds()}   \n` : `      done in ${seconds()}\n`);
  } catch (error) {
    process.stdout.write(
      live ? `\r${title}: failed after ${seconds()}\n` : `      failed after ${seconds()}\n`,
    );
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a command with its output in the log. Throws `SetupError` with the end of that output if it fails.
 * @param {readonly string[]} command
 * @param {{ cwd?: string, env?: Record<string, string>, timeoutMs?: number }} [options]
 * @returns {Promise<void>}
 */
export async function run(command, options = {}) {
  const [file, ...args] = command;
  if (!file) throw new Error("run: no command");
  const log = openSync(logFile, "a");
  writeSync(log, `\n$ ${command.join(" ")}\n`);
  const logStart = readFileSync(logFile).length;
  /** @type {string | undefined} */
  const failure = await new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", log, log],
      timeout: options.timeoutMs,
    });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : signal ? `ended by ${signal}` : `exit code ${code}`),
    );
  });
  closeSync(log);
  if (failure === undefined) return;
  const lines = readFileSync(logFile).subarray(logStart).toString().trimEnd().split("\n");
  const tail = lines.filter((line) => !NOISE.test(line)).slice(-LOG_TAIL_LINES);
  throw new SetupError(
    `${tail.join("\n")}\n\nThis failed (${failure}): ${command.join(" ")}\nAll of its output: ${logFile}`,
  );
}

/**
 * Runs a command on this terminal and returns its exit code.
 * @param {readonly string[]} command
 */
export function runSync(command) {
  const [file, ...args] = command;
  if (!file) throw new Error("runSync: no command");
  return spawnSync(file, args, { stdio: "inherit" }).status ?? 1;
}

/**
 * The first of these programs on the path, absolute.
 * @param {...string} names
 * @returns {string | undefined}
 */
export function which(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {}
    }
  }
  return undefined;
}

/**
 * A Java of at least this version: `JAVA_HOME`, the path, or where Linux distributions install them.
 * @param {number} versionMin
 */
export function findJava(versionMin) {
  const installed = existsSync("/usr/lib/jvm") ? readdirSync("/usr/lib/jvm").sort() : [];
  const candidates = [
    process.env.JAVA_HOME && join(process.env.JAVA_HOME, "bin/java"),
    which("java"),
    ...installed.map((name) => join("/usr/lib/jvm", name, "bin/java")),
  ];
  return candidates.find((java) => java && existsSync(java) && javaVersion(java) >= versionMin);
}

/** @param {string} java */
function javaVersion(java) {
  const release = join(dirname(realpathSync(java)), "../release");
  const text = existsSync(release)
    ? readFileSync(release, "utf8")
    : spawnSync(java, ["-version"], { encoding: "utf8" }).stderr;
  const match = /(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)/.exec(text ?? "");
  return Number(match?.[1] ?? 0);
}

/**
 * @typedef {object} Need
 * @property {string} what  as people call it
 * @property {readonly string[]} debian  packages of Debian and Ubuntu that have it, the best first
 * @property {() => boolean} isThere
 */

/**
 * Installs what is missing where this user may, and otherwise says what to install (`alsoTell` too, so that
 * nobody has to come back for the rest).
 * @param {readonly Need[]} needs
 * @param {readonly Need[]} [alsoTell]
 */
export async function provide(needs, alsoTell = []) {
  const missing = needs.filter((need) => !need.isThere());
  if (missing.length === 0) return;
  const asRoot = privilege();
  if (!asRoot)
    throw new SetupError(whatToInstall([...missing, ...alsoTell.filter((need) => !need.isThere())]));
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run([...asRoot, "apt-get", "update"], { env });
  const packages = missing.map((need) => need.debian.find(isInstallable) ?? need.debian[0] ?? "");
  await run([...asRoot, "apt-get", "install", "--yes", "--no-install-recommends", ...packages], { env });
  const still = missing.filter((need) => !need.isThere());
  if (still.length > 0) throw new SetupError(whatToInstall(still));
}

/** How to run a command as root: a prefix, or `undefined` where this user may not, or there is no apt. */
function privilege() {
  if (!which("apt-get")) return undefined;
  if (process.getuid?.() === 0) return [];
  return which("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0
    ? ["sudo", "-n", "-E"]
    : undefined;
}

/** @param {string} name */
function isInstallable(name) {
  return /Candidate: (?!\(none\))/.test(
    spawnSync("apt-cache", ["policy", name], { encoding: "utf8" }).stdout ?? "",
  );
}

/** @param {readonly Need[]} missing */
function whatToInstall(missing) {
  const lines = missing.map(
    ({ what, debian }) => `  ${what.padEnd(28)} Debian, Ubuntu: ${debian.join(" or ")}`,
  );
  const packages = missing.map(({ debian }) => debian.at(-1)).join(" ");
  return [
    "Some things of the system are missing, and this user may not install them here:",
    ...lines,
    "Install them, then give the same command again. On Debian or Ubuntu:",
    `  sudo apt-get update && sudo apt-get install --yes ${packages}`,
  ].join("\n");
}
