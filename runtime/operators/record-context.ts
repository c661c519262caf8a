/**
 * What is known about the record that passes: one object a task, changed in place, so that a record costs no allocation.
 * Operators set what they find out (event time, key) and the ones below read it.
 *
 * RC1  Whoever sets `timestamp` or `key` for those below puts back what was there once they are through: the branch beside it, and
 *      the code above that goes on after `emit`, see what they saw before. A throw needs no putting back: it ends the record (T2).
 * RC2  Whoever calls the author's code sets `at` before, also where it is called again after something was pushed.
 * RC3  What throws below an `emit` of the author's ends the record, also if the code that called it catches it: half of the record
 *      would stand.
 * RC4  Outside of a call of the author's there is no key: whoever kept a context, or goes on after an `await`, is told so.
 */
export class RecordContext {
  readonly #steps: StepCell;
  /** Where the record came from. */
  topic = "";
  partition = 0;
  offset = 0;
  /** Kafka timestamp of the source record, Unix milliseconds; outputs carry it on, so latency can be seen at the end. */
  ingestMs = 0;
  /** Event time, if the record has one. */
  timestamp: number | undefined = undefined;
  #key = "";
  /** Whether a record is on its way: set by the task. */
  live = false;
  /**
   * Whether what passes takes a former result back instead of being one: steps without state make of it what they made of that
   * result, outputs delete the row, and steps with state do not hear of it.
   */
  retracts = false;
  /** What was thrown below an `emit`: the task takes the record back (RC3). */
  failure: { readonly error: unknown; readonly at: number } | undefined = undefined;
  /** The node's clock as of this poll, Unix milliseconds. */
  nowMs = 0;
  /** Event time the task has come to. */
  watermark = Number.NEGATIVE_INFINITY;

  constructor(steps: StepCell) {
    this.#steps = steps;
  }

  get key(): string {
    this.inCall();
    return this.#key;
  }

  set key(key: string) {
    this.#key = key;
  }

  /** RC4. */
  inCall(): void {
    if (!this.live)
      throw new Error(
        "a step's context was used after its call was over: it must not be kept, nor used after an await",
      );
  }

  /** The step whose code runs, as `stepId` gave it: named in a dead letter, and when the code does not come back. */
  get at(): number {
    return this.#steps.at;
  }

  set at(id: number) {
    this.#steps.at = id;
  }

  stepId(name: string): number {
    return this.#steps.id(name);
  }

  get step(): string {
    return this.#steps.text(this.#steps.at);
  }
}

/** Holds the number of the step at work, where others can see it. */
export interface StepCell {
  at: number;
  id(name: string): number;
  text(id: number): string;
}

/** Takes a value further. */
export type Push = (value: unknown) => void;

/** Pushes what the code of the step `at` emits, from within that code. */
export function emitFor(record: RecordContext, at: number, push: Push, value: unknown): void {
  record.inCall();
  try {
    push(value);
  } catch (error) {
    record.failure ??= { error, at: record.at }; // RC3
    throw error;
  }
  record.at = at; // RC2
}
