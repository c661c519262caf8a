/** What can be wrong with a recording. */
import { PacestreamError } from "../../runtime/errors.ts";

/** A recording that cannot be used. The message names the file, the place in it and what is wrong there. */
export class RecordingError extends PacestreamError {
  constructor(file: string, place: string, problem: string, options?: ErrorOptions) {
    super("RECORDING", `${file}${place && `: ${place}`}: ${problem}`, "never", options);
  }
}

/** Something of a recording that was left out, or taken as the file does not say it; the recording goes on. */
export interface PointProblem {
  readonly file: string;
  /** Such as `line 120` or `record 7`. */
  readonly place: string;
  /** Of what: `points`, `heart rates`, `times without a zone`. What is the same is counted together. */
  readonly what: string;
  /** Why, in words that do for all of this kind. */
  readonly why: string;
  /** The whole of it, for this place. */
  readonly problem: string;
  /** How many; default 1. */
  readonly count?: number;
}

export type OnPointProblem = (problem: PointProblem) => void;
