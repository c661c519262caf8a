/**
 * A table as a task knows it: rows by what `keyOf` says of them, from a topic whose records replace each other by their Kafka keys.
 *
 * TB1  A row is what a Kafka key said last; a null value takes it away, whatever `keyOf` called it.
 * TB2  Where several Kafka keys give rows of one name, the one written last stands, and when that goes the one before it is back: what
 *      the table holds follows from the topic as it is, compacted or not.
 */
interface Row {
  readonly name: string;
  readonly value: unknown;
}

export class Table {
  readonly #content = new Map<string, unknown>();
  readonly #byKafkaKey = new Map<string, Row>();
  /** Rows of one name, the one that stands last. */
  readonly #byName = new Map<string, Row[]>();

  /** What steps see. */
  get content(): ReadonlyMap<string, unknown> {
    return this.#content;
  }

  put(kafkaKey: string, name: string, value: unknown): void {
    this.delete(kafkaKey);
    const row = { name, value };
    this.#byKafkaKey.set(kafkaKey, row);
    const rows = this.#byName.get(name);
    if (rows) rows.push(row);
    else this.#byName.set(name, [row]);
    this.#content.set(name, value);
  }

  delete(kafkaKey: string): void {
    const row = this.#byKafkaKey.get(kafkaKey);
    if (!row) return;
    this.#byKafkaKey.delete(kafkaKey);
    const rows = this.#byName.get(row.name)!;
    rows.splice(rows.indexOf(row), 1);
    const standing = rows.at(-1);
    if (standing) this.#content.set(row.name, standing.value);
    else {
      this.#byName.delete(row.name);
      this.#content.delete(row.name);
    }
  }
}
