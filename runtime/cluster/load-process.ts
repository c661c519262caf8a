/**
 * A process that loads one job's module and plans it, for load-job.ts, and is ended: whatever the module does while it is loaded, it
 * does to this process. Says `ready` when it has loaded the runtime, takes one `LoadRequest`, answers with one `LoadAnswer`.
 */
import { realpathSync } from "node:fs";
import { registerHooks } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isJobDefinition } from "../dsl/job.ts";
import { JobError } from "../errors.ts";
import { describePlan } from "../graph/describe.ts";
import { planJob } from "../graph/plan.ts";
import { isNodesOwn, type JobFile, jobCode } from "../worker/job-code.ts";
import type { LoadAnswer, LoadRequest } from "./load-job.ts";

const files = new Map<string, JobFile>();

/** Notes each file of the project as it is loaded: what is submitted is what was planned. */
function note(root: string, entry: string): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.startsWith("file:")) return loaded;
      const absolute = fileURLToPath(url);
      const path = relative(root, absolute);
      if (path.startsWith("..") || (isNodesOwn(absolute) && absolute !== entry)) return loaded;
      const { format, source } = loaded;
      if (typeof format !== "string" || source == null || format === "commonjs")
        throw new JobError(
          `${path}: is no ES module: name it .ts or .mjs, or say "type": "module" in package.json`,
        );
      const text = typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString("utf8");
      files.set(path, { path: path.split(sep).join("/"), format, source: text });
      return loaded;
    },
  });
}

async function load({ root, module, placements }: LoadRequest): Promise<LoadAnswer> {
  const entry = realpathSync(join(root, module));
  note(root, entry);
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(entry).href)) as { default?: unknown };
  } catch (error) {
    throw new JobError(`${module}: cannot be loaded: ${wordsOf(error)}`);
  }
  if (!isJobDefinition(loaded.default))
    throw new JobError(`${module}: its default export is not made by job(name, describe)`);
  const plan = describePlan(planJob(loaded.default, placements[loaded.default.name]));
  return { kind: "loaded", plan, code: jobCode(module, [...files.values()]) };
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Who asked ends this process when it has the answer: one that ended by itself could be seen to end before what it said is read. */
function answer(said: LoadAnswer): void {
  process.send!(said);
}

process.once("disconnect", () => process.exit(0));

process.on("uncaughtException", (error) =>
  answer({ kind: "refused", reason: `throws while it is loaded: ${wordsOf(error)}` }),
);
process.once("message", (request: LoadRequest) => {
  load(request).then(answer, (error: unknown) => answer({ kind: "refused", reason: wordsOf(error) }));
});
process.send!({ kind: "ready" } satisfies LoadAnswer);
