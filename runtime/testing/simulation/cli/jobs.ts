/** The jobs that can be simulated: every `NAME.simulation.ts` beside a job or among the fixtures, by the name of its job. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { SimulatedJob } from "../run.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const FOLDERS = ["runtime/testing/fixtures", "jobs"] as const;
const SUFFIX = ".simulation.ts";

export async function simulatedJobs(): Promise<Map<string, SimulatedJob>> {
  const jobs = new Map<string, SimulatedJob>();
  for (const folder of FOLDERS) {
    for (const file of readdirSync(join(ROOT, folder)).sort()) {
      if (!file.endsWith(SUFFIX)) continue;
      const loaded = (await import(pathToFileURL(join(ROOT, folder, file)).href)) as {
        simulation: SimulatedJob;
      };
      jobs.set(loaded.simulation.job.name, loaded.simulation);
    }
  }
  return jobs;
}
