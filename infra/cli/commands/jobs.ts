/** `pace jobs`, `pace submit`, `pace cancel`: which jobs run. */
import { Command } from "commander";
import type { JobInfo, JobSpec } from "../../../api/control/control.ts";
import { connect } from "../connect.ts";
import { addWhere, parseParallelism, type WhereOptions } from "../options.ts";
import { print, table } from "../output.ts";
import { jobModule } from "../places.ts";

export function jobsCommand(): Command {
  const command = new Command("jobs").description("list the jobs, their states, and what does not go on");
  command.addHelpText(
    "after",
    `
States: starting · running · waiting: its start failed for a reason that may pass, and is tried again · failed: until it is
submitted again · cancelled. CODE tells versions of a job's files apart.`,
  );
  return addWhere(command).action(async (options: WhereOptions) => {
    const { jobs } = await connect(options).call<{ jobs: JobInfo[] }>("GET", "/v1/jobs");
    print(options.json, jobs, () =>
      jobs.length === 0 ? "There are no jobs. Submit one: pace submit jobs/x.ts" : jobTable(jobs),
    );
  });
}

export function submitCommand(): Command {
  const command = new Command("submit")
    .description("have a job run, on every node; submitted again, it goes on from its state")
    .argument("<module>", "the job's file, such as jobs/marathon-leaderboard.ts")
    .option("--parallelism <n>", "slots its work is shared by (default: as many as it has)", parseParallelism)
    .option("--replace", "take the place, and the state, of a job of the same name from another file")
    .option(
      "--drop-state <name>",
      "what it keeps under this name may be given up: a step, STEP.STATE, an exchange, or a topic whose place in the input is lost (repeatable)",
      another,
    )
    .option(
      "--keep-state <step>",
      "the keys of this step are the same as before, though other code computes them: its state still fits (repeatable)",
      another,
    )
    .addHelpText(
      "after",
      `
A job goes on from its state. What would lose some of it, or not fit it any more (a step that is gone or renamed, another size
of a window, a codec that cannot read what was written), is refused before anything that runs is touched, with what would allow it.`,
    );
  return addWhere(command).action(
    async (
      module: string,
      { parallelism, replace, dropState, keepState, ...options }: WhereOptions & Partial<JobSpec>,
    ) => {
      const body: JobSpec = {
        module: jobModule(module),
        ...(parallelism && { parallelism }),
        ...(replace && { replace }),
        ...(dropState && { dropState }),
        ...(keepState && { keepState }),
      };
      const job = await connect(options).call<JobInfo>("POST", "/v1/jobs", body);
      print(options.json, job, () => jobTable([job]));
    },
  );
}

export function cancelCommand(): Command {
  const command = new Command("cancel")
    .description("stop a job on every node; its state and its results stay")
    .argument("<name>", "as `pace jobs` lists it");
  return addWhere(command).action(async (name: string, options: WhereOptions) => {
    await connect(options).call("DELETE", `/v1/jobs/${encodeURIComponent(name)}`);
    print(options.json, { name, state: "cancelled" }, () => `${name} is cancelled`);
  });
}

/** Enough to see whether it is another. */
const CODE_SHOWN = 7;

const another = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function jobTable(jobs: readonly JobInfo[]): string {
  const rows = jobs.map(({ name, state, parallelism, module, code = "", submittedMs, reason }) => [
    name,
    state,
    String(parallelism),
    module,
    code.slice(0, CODE_SHOWN),
    new Date(submittedMs).toISOString().replace(/\.\d+Z$/, "Z"),
    reason,
  ]);
  return table(["NAME", "STATE", "PARALLELISM", "MODULE", "CODE", "SUBMITTED", "PROBLEM"], rows);
}
