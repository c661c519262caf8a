/** What can be wrong with a recording. */
import { PacestreamError } from "../../runtime/errors.ts";

/** A recording that cannot be used. The message names the file, the place in it and what is wrong there. */
export class RecordingError extends PacestreamError {
  constructor(file: string, place: string, problem: string, options?: ErrorOptions) {
    super("RECORDING", `${file}${place && `: ${place}`}: ${problem}`, "never", options);
  }
}

/** A point, or a value of one, that was left out; the recording goes on. */
export interface PointProblem {
  readonly file: string;
  /** Such as `line 120` or `record 7`. */
  readonly place: string;
  readonly problem: string;
}

export type OnPointProblem = (problem: PointProblem) => void;
