/**
 * One embedded service as a child process: started, watched, started again when it dies, stopped.
 *
 * Owns: the process and its pid file. What the service is, and when it is ready, is its neighbour's
 * (`kafka.ts`, `clickhouse.ts`); which ones run, and in which order they stop, is `services.ts`'s.
 *
 * S1  A child that dies by itself is started again on the same ports, after pauses that grow.
 * S2  No child outlives this program: the kernel kills it when the thread that started it ends
 *     (`setpriv --pdeathsig`), and a pid file lets the next start find one that slipped through.
 * S3  The terminal's Ctrl-C does not reach a child (own session): the program stops them in order.
 * S4  A child knows what it is told, and no secret of this program's environment.
 * S5  A child that is only starting when the program is asked to stop is ended then; nobody waits until it is ready.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { PacestreamError } from "../../runtime/errors.ts";
import { writeIdentity } from "./os-process.ts";

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** A child that ran this long before it died starts the row of pauses anew. */
const STEADY_MS = 30_000;
const READY_MAX_MS = 120_000;
const READY_POLL_MS = 25;
const LOG_TAIL_LINES = 15;
const GIVEN_UP_MAX_MS = 2_000;
const PLAIN_VARIABLES = ["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL"];

export interface ChildSpec {
  /** As people read it: "Kafka". */
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  /** Takes what it prints, and is quoted when it fails to start. */
  readonly outputFile: string;
  readonly pidFile: string;
  readonly stopMaxMs: number;
  /** Asked again and again after each start, until true. */
  readonly isReady: () => boolean | Promise<boolean>;
  readonly log: (line: string) => void;
}

type LaunchSpec = Pick<ChildSpec, "name" | "command" | "cwd" | "outputFile" | "pidFile" | "log">;

export interface Child {
  readonly pid: () => number | undefined;
  /** SIGTERM, then SIGKILL when it takes longer than `stopMaxMs`. It is not started again. */
  stop(): Promise<void>;
}

interface Run {
  readonly process: ChildProcess;
  /** What ended it, in words. */
  readonly ended: Promise<string>;
}

/**
 * Starts the child and resolves when it is ready. Throws `EMBEDDED_START` with the end of its output if it is not.
 *
 * @param signal gives up starting (S5); throws its reason.
 */
export async function startChild(spec: ChildSpec, signal?: AbortSignal): Promise<Child> {
  signal?.throwIfAborted();
  const stopping = new AbortController();
  let run = launch(spec);
  try {
    await untilReady(spec, run, signal ?? stopping.signal);
    signal?.throwIfAborted();
  } catch (error) {
    await end(run, signal?.aborted ? GIVEN_UP_MAX_MS : 0);
    rmSync(spec.pidFile, { force: true });
    throw error;
  }
  const supervision = supervise();

  async function supervise(): Promise<void> {
    let startedAt = Date.now();
    let pauseMs = PAUSE_FIRST_MS;
    while (true) {
      const reason = await run.ended;
      if (stopping.signal.aborted) return;
      if (Date.now() - startedAt > STEADY_MS) pauseMs = PAUSE_FIRST_MS;
      spec.log(`${spec.name} ${reason}; starting it again in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
      startedAt = Date.now();
      try {
        run = launch(spec); // S1
        await untilReady(spec, run, stopping.signal);
        spec.log(`${spec.name} is back after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
      } catch (error) {
        if (stopping.signal.aborted) return;
        spec.log((error as Error).message);
        await end(run, 0);
      }
    }
  }

  return {
    pid: () =>
      run.process.exitCode === null && run.process.signalCode === null ? run.process.pid : undefined,
    stop: async () => {
      stopping.abort();
      await end(run, spec.stopMaxMs);
      await supervision;
      rmSync(spec.pidFile, { force: true });
    },
  };
}

/** Runs a tool to its end, as a child is run. @throws PacestreamError `EMBEDDED_START` with the end of what it said; `signal`'s reason */
export async function runTool(spec: LaunchSpec, maxMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const run = launch(spec);
  const given = new AbortController();
  const late = sleep(maxMs, `took longer than ${maxMs / 1000} s`, { signal: given.signal });
  const asked = signal && once(signal, "abort", { signal: given.signal }).then(() => "was given up");
  const reason = await Promise.race([run.ended, late, ...(asked ? [asked] : [])]);
  given.abort();
  for (const other of [late, asked]) other?.catch(() => {});
  await end(run, 0);
  rmSync(spec.pidFile, { force: true });
  signal?.throwIfAborted();
  if (run.process.exitCode !== 0) throw startError(spec, reason);
}

function launch(spec: LaunchSpec): Run {
  const output = openSync(spec.outputFile, "w");
  const [file, ...args] = [...dieWithParent(), ...spec.command];
  const child = spawn(file!, args, {
    cwd: spec.cwd,
    env: plainEnvironment(),
    detached: true, // S3
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started (${error.message})`));
    child.once("exit", (code, signal) =>
      resolve(signal ? `was ended by ${signal}` : `exited with code ${code}`),
    );
  });
  try {
    if (child.pid) writeIdentity(spec.pidFile, child.pid); // S2
  } catch (error) {
    spec.log(`${spec.name}: its pid is not noted: ${(error as Error).message}`); // a full disk, most often
  }
  return { process: child, ended };
}

/** S4 */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(PLAIN_VARIABLES.map((name) => [name, process.env[name]]));
}

/** S2: `setpriv` becomes the command it is given, so the pid stays that of the service. */
function dieWithParent(): string[] {
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  return setpriv ? [setpriv, "--pdeathsig", "KILL", "--"] : [];
}

async function untilReady(spec: ChildSpec, run: Run, stopping: AbortSignal): Promise<void> {
  let reason: string | undefined;
  void run.ended.then((why) => {
    reason = why;
  });
  const deadline = Date.now() + READY_MAX_MS;
  while (!stopping.aborted) {
    if (reason) throw startError(spec, reason);
    if (await spec.isReady()) return;
    if (Date.now() > deadline) throw startError(spec, `was not ready within ${READY_MAX_MS / 1000} s`);
    await sleep(READY_POLL_MS);
  }
}

function startError(spec: LaunchSpec, reason: string): PacestreamError {
  const tail = readFileSync(spec.outputFile, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
  return new PacestreamError(
    "EMBEDDED_START",
    `${spec.name} ${reason}; its output (${spec.outputFile}):\n${tail}`,
    "retry",
  );
}

async function end(run: Run, withinMs: number): Promise<void> {
  if (run.process.pid === undefined) return;
  if (withinMs > 0) run.process.kill("SIGTERM");
  const timer = setTimeout(() => run.process.kill("SIGKILL"), withinMs);
  await run.ended;
  clearTimeout(timer);
}
