/** What the control routes need of those who run jobs and take corrections. Both may live in another process or thread. */
import type { Correction } from "../../schemas/index.ts";

export interface JobInfo {
  readonly name: string;
  /** Path of the job's module, as it was submitted. */
  readonly module: string;
  readonly parallelism: number;
  /** One of the job states of the cluster. */
  readonly state: string;
  readonly submittedMs: number;
  /** What tells the code that runs from others: the same for the same files. */
  readonly code?: string;
  /** Why it is in this state, where that needs saying; empty otherwise. */
  readonly reason: string;
}

export interface JobSpec {
  readonly module: string;
  /** Absent: as many as it has. */
  readonly parallelism?: number;
  /** May take the place of a job of its name from another file. */
  readonly replace?: boolean;
  /** State that may be given up, and steps whose keys are the same though their code is not: `pace submit --help`. */
  readonly dropState?: readonly string[];
  readonly keepState?: readonly string[];
}

export interface JobControl {
  list(): Promise<readonly JobInfo[]>;
  /** @throws PacestreamError with the codes of `SUBMIT_CODES` (api/problem.ts), which are told to the caller in full. */
  submit(spec: JobSpec): Promise<JobInfo>;
  /** Resolves when the job is told to stop. The routes call it for listed names only. */
  cancel(name: string): Promise<void>;
}

export interface CorrectionDesk {
  /** Resolves once the correction is in the log. Sending one again, with the same id, must be harmless. */
  send(correction: Correction): Promise<void>;
}
