/** What counts as activity: ground covered, steps made, or a cadence, each at least so fast. */
import type { Sample } from "./sample.ts";

export interface Pace {
  readonly metresPerS: number;
  readonly stepsPerMin: number;
  /** Of the reading: steps, strokes or turns a minute. */
  readonly cadence: number;
}

export function isMoving({ metresPerS, stepsPerMin, cadence }: Pace): (sample: Sample) => boolean {
  return (sample) => {
    const { span } = sample;
    if (!span) return false;
    return (
      span.cm * 10 >= metresPerS * span.ms ||
      span.steps * 60_000 >= stepsPerMin * span.ms ||
      (sample.cadence ?? 0) >= cadence
    );
  };
}
