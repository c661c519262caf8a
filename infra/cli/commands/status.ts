/** `pace status`: what runs, where, and how it is. */
import { Command } from "commander";
import type { JobInfo } from "../../../api/control/control.ts";
import { connect } from "../connect.ts";
import { addWhere, type WhereOptions } from "../options.ts";
import { count, print, table } from "../output.ts";
import { readRunFile } from "../run-file.ts";

interface RaceInfo {
  readonly id: string;
  readonly name: string;
  readonly runners?: number;
  readonly finished?: number;
}

const READY_MAX_MS = 10_000;

export function statusCommand(): Command {
  const command = new Command("status").description("say what runs, where, and whether it is well");
  return addWhere(command).action(async (options: WhereOptions) => {
    const api = connect(options);
    const [{ jobs }, { races }, { ready, reasons }] = await Promise.all([
      api.call<{ jobs: JobInfo[] }>("GET", "/v1/jobs"),
      api.call<{ races: RaceInfo[] }>("GET", "/v1/races"),
      readiness(api.base),
    ]);
    const run = readRunFile(options.data);
    const here = run?.api === api.base ? run : undefined;
    const status = {
      api: api.base,
      ready,
      reasons,
      ...(here && { pid: here.pid, kafka: here.kafka, clickHouse: here.clickHouse.url }),
      races,
      jobs,
    };
    print(options.json, status, () => {
      const lines = [
        ["board", `${api.base}/`],
        ["API", `${api.base}/docs`],
        ...(here
          ? [
              ["Kafka", here.kafka.join(",")],
              ["ClickHouse", `${here.clickHouse.url}/play`],
              ["process", String(here.pid)],
            ]
          : []),
      ];
      return [
        ...lines.map(([name, value]) => `${name!.padEnd(12)}${value}`),
        ...(ready ? [] : ["", "not well:", ...reasons.map((reason) => `  ${reason}`)]),
        "",
        races.length === 0
          ? "no races yet"
          : table(["RACE", "NAME", "RUNNERS", "FINISHED"], races.map(raceRow)),
        "",
        jobs.length === 0
          ? "no jobs"
          : table(
              ["JOB", "STATE", "PROBLEM"],
              jobs.map(({ name, state, reason }) => [name, state, reason]),
            ),
      ].join("\n");
    });
  });
}

/** Not being ready is an answer here, no failure. */
async function readiness(base: string): Promise<{ ready: boolean; reasons: readonly string[] }> {
  try {
    const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(READY_MAX_MS) });
    return (await response.json()) as { ready: boolean; reasons: readonly string[] };
  } catch (error) {
    return { ready: false, reasons: [`/readyz does not answer: ${(error as Error).message}`] };
  }
}

function raceRow({ id, name, runners, finished }: RaceInfo): string[] {
  return [id, name, ...[runners, finished].map((value) => (value === undefined ? "" : count(value)))];
}
