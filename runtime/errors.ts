/**
 * Errors a person or another part acts on: each has a stable code and says whether trying again can help.
 * A bug is an `AssertionError` from `assert`, never one of these.
 */

export type RetryHint =
  /** The same call may succeed later. */
  | "retry"
  /** Nothing changes until a person changes something. */
  | "never";

export class PacestreamError extends Error {
  readonly code: string;
  readonly retry: RetryHint;

  constructor(code: string, message: string, retry: RetryHint = "never", options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.retry = retry;
  }
}

/** An option, a flag or a variable of the environment is wrong. The message names it and what it should be. */
export class ConfigError extends PacestreamError {
  constructor(message: string) {
    super("CONFIG", message);
  }
}

/** The author of a job made a mistake that is found before anything runs. The message says where, and what to do. */
export class JobError extends PacestreamError {
  constructor(message: string) {
    super("JOB", message);
  }
}

/**
 * A bug: an invariant of the program does not hold. Where it is checked for every record, the message is a function: text
 * that is put together only to be thrown away costs more than the check.
 */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (condition) return;
  throw new Error(`assertion failed: ${typeof message === "string" ? message : message()}`);
}
