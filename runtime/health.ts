/**
 * What is stuck, in one form for every part that can be: a job, the sink, a read model. `/readyz`, `pace jobs`, the metric
 * `pacestream_problem` and the pages' status all show these and nothing else.
 *
 * P1  Healthy means it makes progress: a part that has input and has not moved for `STUCK_AFTER_MS` has a problem, whatever it
 *     believes of itself.
 * P2  A problem goes when what it tells of has gone; nobody has to acknowledge it.
 */

/** Input waits and nothing has come of it for so long: stuck. */
export const STUCK_AFTER_MS = 30_000;

export interface Problem {
  /** Who is stuck: `job windowed-aggregates`, `sink`, `read model of standings`. */
  readonly part: string;
  /** Stable, for alert rules: lower-case words and dashes, such as `no-progress`, `restarting`, `start-failed`. */
  readonly code: string;
  /** For a person: what does not go on, since when it matters, why, and what to do. */
  readonly message: string;
  /** Since when, Unix milliseconds. */
  readonly sinceMs: number;
}
