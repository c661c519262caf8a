/** How fast a count grows, over the last seconds. */

const OVER_MS = 5_000;

export class Rate {
  readonly #marks: { atMs: number; amount: number }[] = [];

  /** Takes what the count is now; returns how much it grows a second. */
  at(amount: number, nowMs: number): number {
    const marks = this.#marks;
    marks.push({ atMs: nowMs, amount });
    while (marks.length > 2 && nowMs - marks[0]!.atMs > OVER_MS) marks.shift();
    const first = marks[0]!;
    return nowMs > first.atMs ? ((amount - first.amount) * 1000) / (nowMs - first.atMs) : 0;
  }
}
