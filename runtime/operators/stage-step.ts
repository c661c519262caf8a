/**
 * What a task drives of a step that has state: the keyed step, windows. Time comes to the steps of a stage from upstream
 * down, each having emitted what was due before the next one hears of it: so a window over the results of a window finds
 * them in time.
 */
import type { ChangelogWriter } from "../state/state-store.ts";
import type { TimerService } from "./timer-service.ts";

export interface StageStep {
  readonly name: string;
  /** Timers of the step's own in the changelog, by time domain; an operator may do without. */
  readonly timers?: { readonly event: TimerService; readonly processing: TimerService };
  /** After the state is restored, before the first record. */
  seal(watermark: number): void;
  /** Event time has come to `watermark`. */
  advance(watermark: number): void;
  /** The node's clock has come to `nowMs`. */
  tick(nowMs: number): void;
  /** When `tick` has something to do next, or +Infinity. */
  nextTickMs(): number;
  /** Whether `flush` would write anything, besides what the state store writes. */
  readonly isDirty: boolean;
  flush(writer: ChangelogWriter): void;
}
