/**
 * How to take back what the current record did to state and timers. Emptied when the record is through.
 *
 * U1  Undone in reverse order, so that two changes of one entry end at the older value.
 * U2  Costs no allocation a change: what is needed to undo one is kept in slots that are used again. A slot that is not in
 *     use holds on to what it held last, which is one record's worth.
 */

/** What keeps entries that can be undone; `entry` and `before` are its own. */
export interface Undoable<E = never, B = never> {
  undo(entry: E, before: B): void;
}

export class UndoLog {
  readonly #targets: Undoable<unknown, unknown>[] = [];
  readonly #entries: unknown[] = [];
  readonly #befores: unknown[] = [];
  #size = 0;

  /** `target.undo(entry, before)` will take the change back that is about to be made. */
  push<E, B>(target: Undoable<E, B>, entry: E, before: B): void {
    const at = this.#size++;
    this.#targets[at] = target as Undoable<unknown, unknown>;
    this.#entries[at] = entry;
    this.#befores[at] = before;
  }

  rollback(): void {
    while (this.#size > 0) {
      const at = --this.#size;
      this.#targets[at]!.undo(this.#entries[at], this.#befores[at]);
    }
  }

  clear(): void {
    this.#size = 0;
  }
}
