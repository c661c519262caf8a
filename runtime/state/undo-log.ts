/**
 * How to take back what the current record did to state and timers. Emptied when the record is through.
 *
 * U1  Undone in reverse order, so that two changes of one entry end at the older value.
 */
export class UndoLog {
  readonly #undo: (() => void)[] = [];

  push(undo: () => void): void {
    this.#undo.push(undo);
  }

  rollback(): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) this.#undo[i]!();
    this.#undo.length = 0;
  }

  clear(): void {
    this.#undo.length = 0;
  }
}
