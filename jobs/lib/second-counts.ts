/**
 * How many times lie before a time, by whole seconds: a Fenwick tree over the seconds of a race day. For projections, which
 * are no more exact than that and move at every mat: adding, taking out and counting touch some fifteen numbers.
 */
export class SecondCounts {
  /** tree[i] counts the seconds (i - lowbit(i), i], from 1. */
  #tree = new Int32Array(1 << 15);

  add(timeMs: number): void {
    this.#change(secondOf(timeMs), 1);
  }

  /** Takes out a time that was added. */
  remove(timeMs: number): void {
    this.#change(secondOf(timeMs), -1);
  }

  /** How many lie in an earlier second than `timeMs`. */
  before(timeMs: number): number {
    let sum = 0;
    for (let i = Math.min(secondOf(timeMs), this.#tree.length - 1); i > 0; i -= i & -i) sum += this.#tree[i]!;
    return sum;
  }

  #change(second: number, by: 1 | -1): void {
    while (second + 1 >= this.#tree.length) this.#grow();
    for (let i = second + 1; i < this.#tree.length; i += i & -i) this.#tree[i]! += by;
  }

  /** Twice as long: the one new node that covers what is there already gets its total. */
  #grow(): void {
    const { length } = this.#tree;
    const total = this.before(length * 1000);
    const tree = new Int32Array(length * 2);
    tree.set(this.#tree);
    tree[length] = total + (this.#tree[length] ?? 0);
    this.#tree = tree;
  }
}

/** A time before 0 counts as 0: nobody is projected to finish before the start. */
function secondOf(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs / 1000));
}
