/**
 * How to take back what the current record did to state and timers. Emptied when the record is through.
 *
 * U1  Undone in reverse order, so that two changes of one entry end at the older value.
 * U2  Noting a change allocates nothing: what is needed to take one back is kept in slots that are used again. A slot that
 *     is not in use holds on to what it held last.
 */

/** What keeps entries whose changes can be taken back; `entry` and `before` are its own. */
export interface Undoable<E = never, B = never> {
  /** `entry` was as `before` says. */
  takeBack(entry: E, before: B): void;
}

/** Slots kept between records; what one large record needed beyond is given back. */
const SLOTS_KEPT = 4096;

export class UndoLog {
  /** Owner, entry, before; again and again. Slots from `#used` on are left over from earlier records. */
  readonly #slots: unknown[] = [];
  #used = 0;
  /** Changes with each record: whoever has saved an entry under it need not do so again. */
  serial = 0;

  /** `owner.takeBack(entry, before)` will undo the change that is about to be made. */
  note<E, B>(owner: Undoable<E, B>, entry: E, before: B): void {
    const slots = this.#slots;
    const at = this.#used;
    slots[at] = owner;
    slots[at + 1] = entry;
    slots[at + 2] = before;
    this.#used = at + 3;
  }

  rollback(): void {
    const slots = this.#slots;
    for (let at = this.#used - 3; at >= 0; at -= 3)
      (slots[at] as Undoable<unknown, unknown>).takeBack(slots[at + 1], slots[at + 2]);
    this.clear();
  }

  clear(): void {
    this.#used = 0;
    this.serial++;
    // Not for each record: setting the length gives the array's memory back, to be asked for again at once.
    if (this.#slots.length > SLOTS_KEPT) this.#slots.length = 0;
  }
}
