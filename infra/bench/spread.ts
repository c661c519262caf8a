/** Medians with their spread, of one measure over rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Undefined for no values at all. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** Of `a / b`, round by round: what disturbs a whole round disturbs both. Rounds that lack one are left out. */
export function ratioOf(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Spread | undefined {
  const ratios: number[] = [];
  for (const [round, value] of a) {
    const other = b.get(round);
    if (other !== undefined && other > 0) ratios.push(value / other);
  }
  return spreadOf(ratios);
}

/** `1.23 (1.10-1.40)`; without the spread where there is none. */
export function showSpread(spread: Spread | undefined, digits: number): string {
  if (!spread) return "-";
  const show = (value: number) => value.toFixed(digits);
  const { median, min, max } = spread;
  return min === max ? show(median) : `${show(median)} (${show(min)}-${show(max)})`;
}
