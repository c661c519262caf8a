/**
 * Which process a pid means. A pid alone is reused by the system, so a process is known by its pid
 * together with its start time, both from `/proc`.
 *
 * O1  No process is ever signalled by a remembered pid unless its start time and its command line match.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const GONE_POLL_MS = 10;

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started. */
  readonly startTicks: string;
}

/**
 * The process that has this pid now, or `undefined`: none, or one that is dead and only not yet reaped. One whose
 * first thread is dead while others still end is there: it holds its ports until the last of them is gone.
 */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    // The second field is the command's name in parentheses and may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads, startTicks] = [fields[0], Number(fields[17]), fields[19]];
    const dead = state === "X" || (state === "Z" && threads <= 1);
    return startTicks === undefined || dead ? undefined : { pid, startTicks };
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
 * Ends the process an earlier run wrote to `file`, if it still runs and `marker` stands in its command line (O1),
 * and waits until it is gone. Returns the pid it ended; `undefined` if there was none, or it was ending already.
 */
export async function endLeftover(file: string, marker: string): Promise<number | undefined> {
  const identity = readIdentity(file);
  if (!identity) return undefined;
  const ours = isAlive(identity) && commandLine(identity.pid).includes(marker);
  if (ours) process.kill(identity.pid, "SIGKILL");
  // A process that is ending has no command line any more, and is waited for; another's has one.
  while (isAlive(identity) && (ours || commandLine(identity.pid) === "")) await sleep(GONE_POLL_MS);
  rmSync(file, { force: true });
  return ours ? identity.pid : undefined;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
