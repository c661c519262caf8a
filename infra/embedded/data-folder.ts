/**
 * The folder everything embedded is kept in, and the right to use it.
 *
 * Owns: the layout of the folder and its lock. What lies in `kafka/` and `clickhouse/` is theirs.
 *
 * D1  One live program a folder. The lock is a listening abstract socket: the kernel releases it with the
 *     process, so however a program ended it leaves no stale lock, and two that start at once cannot both win.
 *     `run/owner.json` only says whom to name in the message.
 * D2  Nobody but its owner looks into it, also where it was made before that was so.
 */
import { createHash } from "node:crypto";
import { accessSync, chmodSync, constants, mkdirSync, realpathSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join, resolve } from "node:path";
import { ConfigError, PacestreamError } from "../../runtime/errors.ts";
import { isAlive, readIdentity, writeIdentity } from "./os-process.ts";

export interface DataFolder {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly kafka: string;
  readonly clickHouse: string;
  readonly logs: string;
  /** Ports, pids, generated configuration: may be deleted while nothing runs. */
  readonly run: string;
  release(): void;
}

/** Creates the folder where missing, and closes it to others (D2). @throws ConfigError where it cannot be written */
export function makeDataFolder(path: string): string {
  try {
    mkdirSync(resolve(path), { recursive: true, mode: 0o700 });
    const root = realpathSync(path);
    if (statSync(root).mode & 0o077) chmodSync(root, 0o700);
    for (const name of ["logs", "run"]) mkdirSync(join(root, name), { recursive: true });
    for (const name of [".", "logs", "run"]) accessSync(join(root, name), constants.W_OK | constants.X_OK);
    return root;
  } catch (error) {
    throw new ConfigError(
      `the data folder ${resolve(path)} cannot be used: ${(error as Error).message}. Give another with --data, or the right to write there`,
    );
  }
}

/** Creates the folder where missing and locks it. Throws `DATA_FOLDER_IN_USE`, naming the program that has it. */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const root = makeDataFolder(path);
  const folder = { path: root, kafka: join(root, "kafka"), clickHouse: join(root, "clickhouse") };
  const [logs, run] = [join(root, "logs"), join(root, "run")];
  const owner = join(run, "owner.json");
  const lock = await listen(`\0pacestream-${createHash("sha256").update(root).digest("hex").slice(0, 40)}`);
  if (!lock) {
    const holder = readIdentity(owner);
    const who = holder && isAlive(holder) ? `the program with pid ${holder.pid}` : "another program";
    throw new PacestreamError(
      "DATA_FOLDER_IN_USE",
      `${root} is in use by ${who}: stop it, or give another folder with --data`,
      "retry",
    );
  }
  writeIdentity(owner, process.pid);
  return { ...folder, logs, run, release: () => void lock.close() };
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen({ path }, () => resolve(server.unref()));
  });
}
