/**
 * From the path of a job's module to its plan, without its code being loaded here: a process of its own loads and plans it
 * (load-process.ts). A module that ends its process, never comes back, fills the memory or throws later does so there.
 *
 * It keeps the author's accidents from the node; it is no prison: who may submit jobs may run code.
 *
 * M1  Only a regular file inside of the project's folder is loaded, symbolic links followed.
 * M2  It has `deadlineMs` to be loaded, and bounded memory.
 * M3  What belongs to the node alone, such as passwords in its environment, is not handed on.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { JobError, PacestreamError } from "../errors.ts";
import type { PlanDescription } from "../graph/describe.ts";
import type { Placement } from "../graph/placement.ts";
import type { JobCode } from "../worker/job-code.ts";

/** A job's plan, and the code that it came from. */
export interface LoadedJob extends PlanDescription {
  readonly code: JobCode;
}

export interface LoadOptions {
  /** How the versions before were placed, by name of the job: `planJob`. */
  readonly placements?: Readonly<Record<string, Placement>>;
  /** For the module, after the process has started. */
  readonly deadlineMs?: number;
}

export interface LoadRequest {
  /** Without symbolic links. */
  readonly root: string;
  readonly module: string;
  readonly placements: Readonly<Record<string, Placement>>;
}

export type LoadAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "loaded"; readonly plan: PlanDescription; readonly code: JobCode }
  | { readonly kind: "refused"; readonly reason: string };

const DEADLINE_MS = 10_000;
/** For the process itself to come up, on a machine that is very busy. */
const START_MAX_MS = 60_000;
const HEAP_MAX_MB = 512;
const MEMORY_MAX_MB = 1_024;
const LOOK_EVERY_MS = 250;
const REASON_MAX = 2_000;
/** M3, and what is meant for the main program alone. */
const NOT_HANDED_ON = /PASSWORD|SECRET|TOKEN|^NODE_OPTIONS$|^CHAOS_/i;

/**
 * @param module path from `root`.
 * @throws JobError in words for its author. @throws PacestreamError `MODULE_PATH`: there is no such file to be loaded.
 */
export async function loadJob(root: string, module: string, options: LoadOptions = {}): Promise<LoadedJob> {
  const { placements = {}, deadlineMs = DEADLINE_MS } = options;
  const realRoot = realpathSync(root);
  const path = moduleInside(realRoot, module);
  const child = fork(fileURLToPath(new URL("./load-process.ts", import.meta.url)), [], {
    execArgv: [`--max-old-space-size=${HEAP_MAX_MB}`, "--disable-warning=ExperimentalWarning"],
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_HANDED_ON.test(name))),
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  try {
    const answer = await answerOf(child, { root: realRoot, module: path, placements }, deadlineMs);
    return { ...answer.plan, code: answer.code };
  } catch (error) {
    const { message } = error as Error;
    throw new JobError(message.startsWith(path) ? message : `${path}: ${message}`);
  } finally {
    child.kill("SIGKILL");
  }
}

/** M1. @returns the path from `root`, as it is written in a job's record. */
export function moduleInside(root: string, module: string): string {
  const refuse = (why: string): never => {
    throw new PacestreamError("MODULE_PATH", `${JSON.stringify(module)}: ${why}`);
  };
  if (isAbsolute(module) || module.includes("\0")) refuse("give the path from the project's folder");
  const path = join(root, module);
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return refuse("there is no such file in the project's folder");
  }
  const inside = relative(root, real);
  if (inside.startsWith("..") || isAbsolute(inside) || relative(root, path).startsWith(".."))
    refuse("a job's file has to lie in the project's folder");
  if (!/\.(ts|mts|js|mjs)$/.test(real)) refuse("a job's file is a .ts or .js file");
  if (!statSync(real).isFile()) refuse("is no file");
  return inside;
}

function answerOf(
  child: ChildProcess,
  request: LoadRequest,
  deadlineMs: number,
): Promise<Extract<LoadAnswer, { kind: "loaded" }>> {
  return new Promise((resolve, reject) => {
    const give = (why: string) => {
      clearTimeout(deadline);
      clearInterval(watch);
      reject(new Error(why));
    };
    let deadline = setTimeout(
      give,
      START_MAX_MS,
      "the process to load it in did not start in a minute: try again",
    );
    // What lies outside of the heap, such as large buffers, has no limit of its own.
    const watch = setInterval(() => {
      if (residentMb(child.pid!) > MEMORY_MAX_MB)
        give(`takes more than ${MEMORY_MAX_MB} MB while it is loaded: do not hold data at its top level`);
    }, LOOK_EVERY_MS);
    child.on("message", (said: LoadAnswer) => {
      switch (said.kind) {
        case "ready":
          clearTimeout(deadline);
          deadline = setTimeout(
            give,
            deadlineMs,
            `is not loaded after ${deadlineMs / 1000} s: a loop without end, or something is waited for at its top level`,
          );
          child.send(request);
          return;
        case "loaded":
          clearTimeout(deadline);
          clearInterval(watch);
          resolve(said);
          return;
        case "refused":
          give(said.reason.slice(0, REASON_MAX));
      }
    });
    child.on("error", (error) => give(`cannot be loaded: ${error.message}`));
    child.on("exit", (code, signal) => give(endOf(code, signal)));
  });
}

function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGABRT" || code === 134)
    return `takes more than ${HEAP_MAX_MB} MB of memory while it is loaded: do not hold data at its top level`;
  const how = signal ? `by ${signal}` : `with code ${code}`;
  return `ends the process that loads it, ${how}: a job's module must not end its process`;
}

function residentMb(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return (pages * 4_096) / (1 << 20);
  } catch {
    return 0; // another system, or it has ended: the limit of the heap holds
  }
}
