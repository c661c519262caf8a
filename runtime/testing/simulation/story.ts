/** A run told in a few dozen lines, for whoever has to find out what went wrong. */
import { describeFault } from "./faults.ts";
import type { RunOptions, RunResult } from "./run.ts";

const LINES_MAX = 60;

export function tellStory(job: string, options: RunOptions, result: RunResult): string {
  const { seed, violations, faults, story, shape, events, virtualMs } = result;
  const struck = faults.filter((_, index) => options.faults?.has(index) ?? true);
  const told = story.filter(({ routine, who }) => !routine && who !== "checker");
  const left = told.length - LINES_MAX;
  const lines = told
    .slice(-LINES_MAX)
    .map(({ atMs, who, what }) => `${seconds(atMs)}  ${who.padEnd(11)} ${what}`);
  return [
    `${job}, seed ${seed}: ${shape}; ${events} events in ${(virtualMs / 1000).toFixed(0)} virtual seconds`,
    ...violations.slice(0, 8).map((violation) => `  ✗ ${violation}`),
    `faults: ${struck.length === 0 ? "none" : ""}`,
    ...struck.map((fault) => `${seconds(fault.atMs)}  ${describeFault(fault)}`),
    "what happened:",
    ...(left > 0 ? [`          … ${left} lines before`] : []),
    ...lines,
    `again: ${commandFor(job, options)}`,
  ].join("\n");
}

/** The command that runs it again, exactly. */
export function commandFor(job: string, { seed, bug, faults, records }: RunOptions): string {
  const list = (name: string, indices: ReadonlySet<number> | undefined) =>
    indices ? ` --${name} ${[...indices].join(",") || "none"}` : "";
  return `npm run simulate -- --job ${job} --from ${seed} --seeds 1${bug ? ` --bug ${bug}` : ""}${list("faults", faults)}${list("records", records)}`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3).padStart(9);
