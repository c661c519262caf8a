/** Tells a case that failed: the job, what came in, what was wrong, and how to run exactly that again. */

import { type Action, type Case, drawCase } from "./draw-case.ts";
import type { BugName } from "./planted.ts";
import { runSeed } from "./run-seed.ts";
import { show } from "./show.ts";
import { shrink } from "./shrink.ts";
import { tellSpec } from "./spec.ts";
import { partOf, type Subset } from "./subset.ts";

/** @param subset absent: the smallest that fails in the same way */
export function tellSeed(
  seed: number,
  subset: Subset | undefined,
  bug: BugName | undefined,
): { readonly text: string; readonly fails: boolean } {
  const one = drawCase(seed);
  const whole = runSeed(seed, subset);
  const [difference] = whole.differences;
  const smallest =
    subset === undefined && difference !== undefined && !one.mistake ? shrink(one, difference) : undefined;
  const shrunk = smallest && runSeed(seed, smallest);
  const text = shrunk?.differences.length
    ? tellStory(one, smallest!, shrunk.differences, bug)
    : tellStory(one, subset ?? {}, whole.differences, bug);
  return { text, fails: whole.differences.length > 0 };
}

export function tellStory(
  one: Case,
  subset: Subset,
  differences: readonly string[],
  bug: BugName | undefined,
): string {
  const again = `again: ${commandFor(one.seed, subset, bug)}`;
  const wrong = differences.map((difference) => `✗ ${difference}`);
  if (one.mistake !== undefined)
    return [`job of seed ${one.seed}: ${one.mistake}`, ...wrong, again].join("\n");
  const { spec, script, cut } = partOf(one, subset);
  const { partitions, parallelism, batchMax, turnsAnEpoch, crashes } = cut;
  const batches = batchMax === 0 ? "all there is" : batchMax === 1 ? "one record" : `${batchMax} records`;
  return [
    `job of seed ${one.seed}: partitions ${partitions}, parallelism ${parallelism}, ${batches} at once, turns an epoch ${turnsAnEpoch}, ${crashes} % of epochs crash`,
    tellSpec(spec),
    "what was done:",
    ...script.map((action) => `  ${tellAction(action)}`),
    ...wrong,
    again,
  ].join("\n");
}

function tellAction(action: Action): string {
  switch (action.do) {
    case "send":
      return `send to ${action.topic}, key ${JSON.stringify(action.key)}: ${show(action.value)}`;
    case "advance":
      return `the clock goes on ${action.ms} ms`;
    case "run":
      return action.turns === undefined ? "run" : `run, ${action.turns} turns of each task at most`;
    case "restart":
      return "restart";
    case "edit":
      return `the next version${action.evolved ? ", whose values have a field more" : ""}:\n${tellSpec(action.spec)}`;
  }
}

export function commandFor(
  seed: number,
  { steps, actions, plain }: Subset,
  bug: BugName | undefined,
): string {
  return [
    `npm run fuzz -- --from ${seed} --jobs 1`,
    steps && `--steps ${steps.join()}`,
    actions && `--actions ${actions.join() || "none"}`,
    plain && "--plain",
    bug && `--bug ${bug}`,
  ]
    .filter(Boolean)
    .join(" ");
}
