/** One of the processes of `npm run simulate`: runs the seeds it is told, until its parent is gone. */
import { runSeed } from "../run.ts";
import { simulatedJobs } from "./jobs.ts";
import type { Done, Work } from "./messages.ts";

const jobs = await simulatedJobs();

process.on("message", async ({ job, seeds, bug }: Work) => {
  const simulated = jobs.get(job)!;
  const marks = new Map<Done["marks"][number][0], number>();
  const failures: { seed: number; violations: readonly string[] }[] = [];
  let events = 0;
  let virtualMs = 0;
  for (const seed of seeds) {
    const result = await runSeed(simulated, { seed, ...(bug && { bug }) });
    events += result.events;
    virtualMs += result.virtualMs;
    for (const [mark, times] of result.marks) marks.set(mark, (marks.get(mark) ?? 0) + times);
    if (result.violations.length > 0) failures.push({ seed, violations: result.violations });
  }
  process.send!({ job, seeds: seeds.length, events, virtualMs, marks: [...marks], failures } satisfies Done);
});
process.on("disconnect", () => process.exit());
