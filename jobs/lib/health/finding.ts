/**
 * What a rule is: a fold over the readings of one device, in their order. Each rule has a file of its own; what becomes of what
 * it finds is in alert-life.ts.
 *
 * F1  A rule finds the same thing (`sinceMs`) at every reading from the one that shows it until it is over. Once found it lasts
 *     until the rule's own end: rules that change meanwhile do not make it come and go.
 * F2  `sinceMs` is the time of a reading, and of no earlier finding of the same rule.
 */
import type { AlertKind, HealthRules, Reading } from "../../../schemas/index.ts";
import type { Evidence } from "./evidence.ts";

export interface Finding {
  readonly kind: AlertKind;
  readonly sinceMs: number;
  readonly value: number;
  readonly limit: number | null;
  readonly reason: string;
  readonly evidence: Evidence;
}

/** What a rule goes by. */
export interface Measure extends HealthRules {
  /** Whether the person is on a course: in an event, and not at its end. */
  readonly onCourse: boolean;
}

export interface Judged<S> {
  /** `undefined`: nothing to remember. */
  readonly state: S | undefined;
  readonly finding?: Finding;
}

export type Rule<S> = (state: S | undefined, reading: Reading, measure: Measure) => Judged<S>;

/** After a hole of so long nobody knows what was in it: what was only suspected begins anew. */
export const GAP_MAX_MS = 30_000;
