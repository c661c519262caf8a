/**
 * A DDSketch in its smallest form: counts of neighbouring bins, as they lie in a checkpoint. Which bin a value belongs to, and
 * what a quantile is, says Datadog's `sketches-js` (Masson, Rim, Lee: DDSketch, VLDB 2019).
 *
 * DD1  The same values give the same bins in whatever order they come, and however they were merged: bins are never collapsed.
 */
import { DDSketch } from "@datadog/sketches-js";

/** Of what a quantile is, either way. */
export const RELATIVE_ACCURACY = 0.01;

/** `counts[i]` values are in bin `low + i`; neither end is 0. Empty: no values. */
export interface Sketch {
  low: number;
  counts: number[];
}

const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });

/** Changes `sketch`. @param value more than 0. */
export function addToSketch(sketch: Sketch, value: number): void {
  addToBin(sketch, mapping.key(value), 1);
}

/** Changes `into`. */
export function mergeSketch(into: Sketch, from: Sketch): void {
  for (const [i, count] of from.counts.entries()) if (count > 0) addToBin(into, from.low + i, count);
}

/** The values at these quantiles, each from 0 to 1. The sketch is not empty. */
export function quantiles({ low, counts }: Sketch, of: readonly number[]): number[] {
  const sketch = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
  for (const [i, count] of counts.entries()) if (count > 0) sketch.accept(mapping.value(low + i), count);
  return of.map((quantile) => sketch.getValueAtQuantile(quantile));
}

function addToBin(sketch: Sketch, bin: number, count: number): void {
  const { counts } = sketch;
  if (counts.length === 0) sketch.low = bin;
  while (bin < sketch.low) {
    counts.unshift(0);
    sketch.low--;
  }
  while (bin >= sketch.low + counts.length) counts.push(0);
  counts[bin - sketch.low]! += count;
}
