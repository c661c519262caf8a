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

export function statusCommand(): Command {
  const command = new Command("status").description("say what runs, where, and whether it is well");
  return addWhere(command).action(async (options: WhereOptions) => {
    const api = connect(options);
    const [{ jobs }, { races }, ready] = await Promise.all([
      api.call<{ jobs: JobInfo[] }>("GET", "/v1/jobs"),
      api.call<{ races: RaceInfo[] }>("GET", "/v1/races"),
      api.call("GET", "/readyz").then(
        () => true,
        () => false,
      ),
    ]);
    const run = readRunFile(options.data);
    const here = run?.api === api.base ? run : undefined;
    const status = {
      api: api.base,
      ready,
      ...(here && { pid: here.pid, kafka: here.kafka, clickHouse: here.clickHouse.url }),
      races,
      jobs,
    };
    print(options.json, status, () => {
      const lines = [
        ["board", `${api.base}/`],
        ["API", `${api.base}/docs${ready ? "" : " (not ready: see /readyz)"}`],
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

function raceRow({ id, name, runners, finished }: RaceInfo): string[] {
  return [id, name, ...[runners, finished].map((value) => (value === undefined ? "" : count(value)))];
}
