/**
 * The newest dead letters that somebody asks for, out of however many there are.
 *
 * Holds at most twice as many as are asked for, and of each value `VALUE_BYTES_MAX`.
 */
import type { DeadLetter } from "../../schemas/index.ts";

export interface Wanted {
  readonly topic?: string;
  readonly step?: string;
  readonly reason?: string;
  readonly key?: string;
}

export interface Letter extends DeadLetter {
  /** By Kafka's clock. */
  readonly setApartMs: number;
  /** How long the value was; null: there was none. */
  readonly valueBytes: number | null;
}

const VALUE_BYTES_MAX = 16 * 1024;

export class Newest {
  readonly #limit: number;
  readonly #wanted: Wanted;
  #letters: Letter[] = [];
  #count = 0;

  constructor(limit: number, wanted: Wanted) {
    this.#limit = limit;
    this.#wanted = wanted;
  }

  add(letter: DeadLetter, setApartMs: number): void {
    if (!this.#isWanted(letter)) return;
    this.#count++;
    const { value } = letter;
    this.#letters.push({
      ...letter,
      // Copies: what was decoded may be a view of everything that was read with it.
      key: letter.key && Buffer.from(letter.key),
      value: value && Buffer.from(value.subarray(0, VALUE_BYTES_MAX)),
      setApartMs,
      valueBytes: value?.length ?? null,
    });
    if (this.#letters.length >= 2 * this.#limit) this.#prune();
  }

  /** Oldest first; and how many there are besides. */
  take(): { letters: readonly Letter[]; left: number } {
    this.#prune();
    return { letters: this.#letters, left: this.#count - this.#letters.length };
  }

  #prune(): void {
    this.#letters = this.#letters
      .sort((a, b) => a.setApartMs - b.setApartMs || a.partition - b.partition || a.offset - b.offset)
      .slice(-this.#limit);
  }

  #isWanted({ topic, step, reason, key }: DeadLetter): boolean {
    const wanted = this.#wanted;
    const holds = (text: string, part: string | undefined) =>
      part === undefined || text.toLowerCase().includes(part.toLowerCase());
    return (
      (wanted.topic === undefined || topic === wanted.topic) &&
      holds(step, wanted.step) &&
      holds(reason, wanted.reason) &&
      (wanted.key === undefined || holds(key?.toString("utf8") ?? "", wanted.key))
    );
  }
}
