/**
 * Answers as they were written last, for who asks the same: written once for all of them.
 *
 * AC1  While nothing has changed the answer is that. While things change it may be given again for four times as long as it took to
 *      make: an answer that cost nothing is never old, and one question, however often it is asked, costs a fifth of the thread.
 * AC2  What is kept is bounded, in bytes; the longest unasked goes first.
 */
export interface Answer {
  /** Of what was read for it. */
  readonly version: number;
  readonly body: Buffer;
}

interface Kept extends Answer {
  readonly freshUntilMs: number;
}

const REUSE = 4;
const BYTES_MAX = 16 * 1024 * 1024;

export class AnswerCache {
  readonly #clock: () => number;
  /** The longest unasked first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** @param key what was asked, in full @param make the answer as text */
  get(key: string, version: number, make: () => string): Answer {
    const kept = this.#kept.get(key);
    const startMs = this.#clock();
    if (kept && (kept.version === version || startMs < kept.freshUntilMs)) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const body = Buffer.from(make());
    const endMs = this.#clock();
    const made = { version, body, freshUntilMs: endMs + REUSE * (endMs - startMs) };
    this.#keep(key, made);
    return made;
  }

  /** AC2 */
  #keep(key: string, made: Kept): void {
    this.#bytes += made.body.length - (this.#kept.get(key)?.body.length ?? 0);
    this.#kept.delete(key);
    this.#kept.set(key, made);
    for (const [oldest, { body }] of this.#kept) {
      if (this.#bytes <= BYTES_MAX) return;
      this.#kept.delete(oldest);
      this.#bytes -= body.length;
    }
  }
}
