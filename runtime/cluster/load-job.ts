/** From the path of a job's module to its plan. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isJobDefinition } from "../dsl/job.ts";
import { JobError } from "../errors.ts";
import { type JobPlan, planJob } from "../graph/plan.ts";

/** Loads a job's module and plans it. @throws JobError in words for its author. */
export async function loadJob(root: string, module: string): Promise<JobPlan> {
  const path = resolve(root, module);
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw new JobError(`${module}: cannot be loaded: ${(error as Error).message}`);
  }
  if (!isJobDefinition(loaded.default))
    throw new JobError(`${module}: its default export is not made by job(name, describe)`);
  return planJob(loaded.default);
}
