/**
 * Things in the order of a number of theirs, which come at the end and go at the front, most often: either costs the same however many
 * there are. In between they are found by halving.
 *
 * LN1  What went at the front leaves a gap there, which is closed when it is as long as the rest.
 */
const GAP_MIN = 64;

export class Line<T> {
  #things: T[] = [];
  #front = 0;
  readonly #numberOf: (thing: T) => number;

  constructor(numberOf: (thing: T) => number) {
    this.#numberOf = numberOf;
  }

  get length(): number {
    return this.#things.length - this.#front;
  }

  at(index: number): T | undefined {
    return this.#things[this.#front + index];
  }

  /** How many there are, from the front on, of which `isBefore` is true; it must not be true again after it was false. */
  countWhile(isBefore: (thing: T) => boolean): number {
    let from = this.#front;
    for (let to = this.#things.length; from < to; ) {
      const middle = (from + to) >> 1;
      if (isBefore(this.#things[middle]!)) from = middle + 1;
      else to = middle;
    }
    return from - this.#front;
  }

  /** After those of the same number. */
  insert(thing: T): void {
    const things = this.#things;
    const number = this.#numberOf(thing);
    if (this.length === 0 || this.#numberOf(things.at(-1)!) <= number) things.push(thing);
    else things.splice(this.#front + this.countWhile((other) => this.#numberOf(other) <= number), 0, thing);
  }

  remove(thing: T): void {
    const at = this.#things[this.#front] === thing ? this.#front : this.#things.lastIndexOf(thing);
    if (at === this.#front) this.takeFirst(1);
    else if (at > this.#front) this.#things.splice(at, 1);
  }

  takeFirst(count: number): T[] {
    const taken = this.#things.slice(this.#front, this.#front + count);
    this.#front += taken.length;
    if (this.#front >= GAP_MIN && 2 * this.#front >= this.#things.length) {
      this.#things = this.#things.slice(this.#front); // LN1
      this.#front = 0;
    } else this.#things.fill(undefined as T, this.#front - taken.length, this.#front); // no longer held
    return taken;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#front; at < this.#things.length; at++) yield this.#things[at]!;
  }
}
