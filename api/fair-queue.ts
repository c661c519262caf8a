/**
 * What waits for its turn, by whom it is for.
 *
 * FQ1  Whoever waits has a turn after one of each of the others, however much any of them wants; of one client the first come goes
 *      first.
 */
export class FairQueue<T> {
  /** In the order of turns. */
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many wait on behalf of this client. */
  of(client: string): number {
    return this.#waiting.get(client)?.length ?? 0;
  }

  push(client: string, item: T): void {
    const waiting = this.#waiting.get(client);
    if (waiting) waiting.push(item);
    else this.#waiting.set(client, [item]);
    this.#size++;
  }

  /** FQ1 */
  take(): T | undefined {
    for (const [client, waiting] of this.#waiting) {
      const item = waiting.shift()!;
      this.#size--;
      this.#waiting.delete(client);
      if (waiting.length > 0) this.#waiting.set(client, waiting);
      return item;
    }
    return undefined;
  }
}
