/** What the command and the processes that run jobs for it say to each other. A process has its bug, if any, as its argument. */
import type { Subset } from "../subset.ts";

/** To a process. */
export type Order =
  /** Seeds to run, one after the other. */
  | { readonly kind: "run"; readonly seeds: readonly number[] }
  /** A job to tell: that of a seed, shrunk if it fails; or the part of it that is named. */
  | { readonly kind: "tell"; readonly seed: number; readonly subset: Subset | undefined };

/** From a process. */
export type Report =
  | ({ readonly kind: "ran" } & Ran)
  | { readonly kind: "told"; readonly text: string; readonly fails: boolean };

/** After each job. */
export interface Ran {
  readonly seed: number;
  readonly records: number;
  readonly outputs: number;
  readonly undetermined: boolean;
  /** Whether the job was one that the planner does not take. */
  readonly refused: boolean;
  readonly differences: readonly string[];
  /** Whether it was the last of those it was given. */
  readonly last: boolean;
}
