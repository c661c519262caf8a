/**
 * Which process a pid means. A pid alone is reused by the system, so a process is known by its pid
 * together with its start time, both from `/proc`.
 *
 * O1  No process is ever signalled by a remembered pid unless its start time and its command line match.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started. */
  readonly startTicks: string;
}

/** The process that has this pid now, or `undefined`: none, or one that is dead and not yet reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    // The second field is the command's name in parentheses and may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    return startTicks === undefined || state === "Z" || state === "X" ? undefined : { pid, startTicks };
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

export function writeIdentity(file: string, pid: number): void {
  const identity = identify(pid);
  if (identity) writeFileSync(file, JSON.stringify(identity));
}

export function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    const { pid, startTicks } = JSON.parse(readFileSync(file, "utf8")) as Partial<ProcessIdentity>;
    return typeof pid === "number" && typeof startTicks === "string" ? { pid, startTicks } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Ends the process an earlier run wrote to `file`, if it still runs and `marker` stands in its command line (O1).
 * Returns the pid it ended.
 */
export async function endLeftover(file: string, marker: string): Promise<number | undefined> {
  const identity = readIdentity(file);
  try {
    if (!identity || !isAlive(identity) || !commandLine(identity.pid).includes(marker)) return undefined;
    process.kill(identity.pid, "SIGKILL");
    while (isAlive(identity)) await sleep(10);
    return identity.pid;
  } finally {
    rmSync(file, { force: true });
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
