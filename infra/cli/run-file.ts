/**
 * `run.json` in the data folder: where the running program is, for commands that look for it. Holds no secret.
 *
 * F1  Written whole or not at all, removed when the program stops; one left by a kill is known by its pid (and start time).
 * F2  What it names is reached with the passwords in `secrets/`, by who may read them.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive } from "../embedded/os-process.ts";

export interface RunFile {
  readonly pid: number;
  /** Of the process, so that another one with its pid is not taken for it. */
  readonly startTicks: string;
  /** `http://127.0.0.1:8080` */
  readonly api: string;
  /** `host:port` each. */
  readonly kafka: readonly string[];
  readonly clickHouse: { readonly url: string; readonly database: string };
  /** Those of them that are the program's own. */
  readonly embedded: readonly ("kafka" | "clickHouse")[];
}

export function runFilePath(dataDir: string): string {
  return join(dataDir, "run.json");
}

/** What the file says, when the program it names still runs. */
export function readRunFile(dataDir: string): RunFile | undefined {
  try {
    const run = JSON.parse(readFileSync(runFilePath(dataDir), "utf8")) as RunFile;
    return isAlive(run) ? run : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Says where this process is. A living program that is named there stays named: the second of two nodes that share a folder
 * does not hide the first. Returns how to take it back.
 */
export function writeRunFile(dataDir: string, run: Omit<RunFile, "pid" | "startTicks">): () => void {
  const identity = identify(process.pid);
  const other = readRunFile(dataDir);
  if (!identity || (other && other.pid !== process.pid)) return () => {};
  mkdirSync(dataDir, { recursive: true });
  const path = runFilePath(dataDir);
  writeFileSync(`${path}.new`, JSON.stringify({ ...identity, ...run }, undefined, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path); // F1
  return () => {
    if (readRunFile(dataDir)?.pid === process.pid) rmSync(path, { force: true });
  };
}
