/** What the command and the processes that run seeds for it say to each other. */
import type { BugName } from "../bugs.ts";
import type { Mark } from "../marks.ts";

/** To a process: seeds to run, one after the other. */
export interface Work {
  readonly job: string;
  readonly seeds: readonly number[];
  readonly bug: BugName | undefined;
}

/** From a process: what came of them. */
export interface Done {
  readonly job: string;
  readonly seeds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly marks: readonly (readonly [Mark, number])[];
  readonly failures: readonly { readonly seed: number; readonly violations: readonly string[] }[];
}
