/**
 * Commands that a benchmark starts: each leads a process group of its own, so that it and all it started end together,
 * and none outlives the benchmark.
 *
 * T1  A signal goes to the group of a command that was started here, never to a name.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const STOP_MAX_MS = 20_000;
const GONE_POLL_MS = 50;

export interface RunningCommand {
  readonly pid: number;
  /** All of standard output once it has ended. @throws with the end of its standard error when it failed. */
  readonly ended: Promise<string>;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

const groups = new Set<number>();

export function startCommand(command: readonly string[], options: CommandOptions): RunningCommand {
  const [file, ...args] = command as [string, ...string[]];
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let out = "";
  let errors = "";
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) options.onLine?.(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  const pid = child.pid ?? -1;
  if (pid > 0) groups.add(pid);
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    // Not `exit`: what was written last may not be read by then.
    child.once("close", (code, signal) => {
      if (!groupLives(pid)) groups.delete(pid);
      if (code === 0) resolve(out);
      else
        reject(
          new Error(`${command.join(" ")} ended with ${signal ?? code}:\n${errors.trim() || out.trim()}`),
        );
    });
  });
  ended.catch(() => {}); // reported to whoever awaits it
  return { pid, ended };
}

/** Ends every group that was started here and still lives: asked first, then killed. */
export async function stopCommands(): Promise<void> {
  const deadlineMs = performance.now() + STOP_MAX_MS;
  for (const pid of groups) signalGroup(pid, "SIGTERM");
  while ([...groups].some(groupLives) && performance.now() < deadlineMs) await sleep(GONE_POLL_MS);
  for (const pid of groups) signalGroup(pid, "SIGKILL");
  groups.clear();
}

function groupLives(pid: number): boolean {
  return signalGroup(pid, 0);
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
