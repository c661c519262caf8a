/**
 * What a task is at, in memory that the main thread sees too, also when the task's thread does not answer any more, or has
 * died. The task writes a few numbers for each record; the main thread looks now and then.
 *
 * PU1  Whoever waits (for records, for a commit) says so: `waiting`. A thread that works and whose beat stands still hangs.
 * PU2  Texts (names of topics and steps) are written once each, into a table of fixed size; what finds no place is "?".
 */

import type { StepCell } from "../operators/record-context.ts";

/** What the task's thread does. */
export const PHASES = ["waiting", "working", "record", "timer", "epoch"] as const;
export type Phase = (typeof PHASES)[number];
const [WAITING, WORKING, RECORD, TIMER, EPOCH] = [0, 1, 2, 3, 4];

/** The record, or what time set off, that a task was at. */
export type Place =
  | {
      readonly kind: "record";
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
      readonly step: string;
    }
  | {
      readonly kind: "timer";
      /** Absent where keys are not noted (`notesKeys`). */
      readonly key: string | undefined;
      readonly timestamp: number | undefined;
      readonly step: string;
    };

export interface PulseReading {
  /** Changes as long as something is done. */
  readonly beat: number;
  readonly phase: Phase;
  readonly place: Place | undefined;
  /** The last record since the last epoch ended, if there was one. */
  readonly lastRecord: Extract<Place, { kind: "record" }> | undefined;
}

const TEXTS_MAX = 128;
const TEXT_BYTES = 256;
const KEY_BYTES = 4_096;
/** Numbers that are whole: beat, phase, topic, partition, step, whether a record came since the last epoch, bytes of the key. */
const [BEAT, PHASE, TOPIC, PARTITION, STEP, RECORDED, KEY_LENGTH] = [0, 1, 2, 3, 4, 5, 6];
const [OFFSET, TIMESTAMP] = [0, 1];
const INTS = 8;
const FLOATS_AT = INTS * 4;
const KEY_AT = FLOATS_AT + 2 * 8;
const TEXTS_AT = KEY_AT + KEY_BYTES;
const BYTES = TEXTS_AT + TEXTS_MAX * TEXT_BYTES;
const UNKNOWN = 0;
const NO_KEY = -1;

export class Pulse implements StepCell {
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Buffer;
  readonly #ids = new Map<string, number>([["?", UNKNOWN]]);
  /** Whether the key of what time sets off is noted: it costs more than the rest, so only once something was wrong. */
  notesKeys = false;

  constructor(buffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer, 0, INTS);
    this.#floats = new Float64Array(buffer, FLOATS_AT, 2);
    this.#bytes = Buffer.from(buffer);
  }

  // --- by the task -----------------------------------------------------------------------------------------------------

  waiting(): void {
    this.#ints[PHASE] = WAITING!;
  }

  /** Something else than what the others say. */
  working(): void {
    this.#ints[PHASE] = WORKING!;
    this.#ints[BEAT]!++;
  }

  /** @param topic as `id` gave it. */
  record(topic: number, partition: number, offset: number): void {
    const ints = this.#ints;
    ints[PHASE] = RECORD!;
    ints[BEAT]!++;
    ints[TOPIC] = topic;
    ints[PARTITION] = partition;
    ints[RECORDED] = 1;
    this.#floats[OFFSET] = offset;
  }

  timer(key: string, timestamp: number | undefined): void {
    this.#ints[PHASE] = TIMER!;
    this.#ints[BEAT]!++;
    if (!this.notesKeys) {
      this.#ints[KEY_LENGTH] = NO_KEY;
      return;
    }
    const length = Buffer.byteLength(key);
    this.#ints[KEY_LENGTH] = length <= KEY_BYTES ? this.#bytes.write(key, KEY_AT) : NO_KEY;
    this.#floats[TIMESTAMP] = timestamp ?? Number.NaN;
  }

  epochEnds(): void {
    this.#ints[PHASE] = EPOCH!;
    this.#ints[BEAT]!++;
  }

  epochEnded(): void {
    this.#ints[RECORDED] = 0;
    this.#ints[PHASE] = WAITING!;
  }

  /** The step whose code runs, as `id` gave it. */
  get at(): number {
    return this.#ints[STEP]!;
  }

  set at(step: number) {
    this.#ints[STEP] = step;
  }

  /** For a text that will come again. */
  id(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const fresh = this.#ids.size < TEXTS_MAX ? this.#ids.size : UNKNOWN;
    this.#ids.set(text, fresh);
    if (fresh !== UNKNOWN) {
      const at = TEXTS_AT + fresh * TEXT_BYTES;
      this.#bytes[at] = this.#bytes.write(text, at + 1, TEXT_BYTES - 1); // PU2
    }
    return fresh;
  }

  // --- by the main thread ----------------------------------------------------------------------------------------------

  read(): PulseReading {
    const ints = this.#ints;
    const phase = PHASES[ints[PHASE]!] ?? "working";
    const step = this.text(ints[STEP]!);
    const record = {
      kind: "record" as const,
      topic: this.text(ints[TOPIC]!),
      partition: ints[PARTITION]!,
      offset: this.#floats[OFFSET]!,
      step,
    };
    const [timestamp, length] = [this.#floats[TIMESTAMP]!, ints[KEY_LENGTH]!];
    const timer = {
      kind: "timer" as const,
      key: length < 0 ? undefined : this.#bytes.toString("utf8", KEY_AT, KEY_AT + length),
      timestamp: Number.isNaN(timestamp) ? undefined : timestamp,
      step,
    };
    return {
      beat: ints[BEAT]!,
      phase,
      place: phase === "record" ? record : phase === "timer" ? timer : undefined,
      lastRecord: ints[RECORDED] === 1 ? record : undefined,
    };
  }

  text(id: number): string {
    const at = TEXTS_AT + id * TEXT_BYTES;
    return id === UNKNOWN ? "?" : this.#bytes.toString("utf8", at + 1, at + 1 + this.#bytes[at]!);
  }
}

/** For people. */
export function placeText(place: Place): string {
  if (place.kind === "record") return `${place.topic}/${place.partition} offset ${place.offset}`;
  const when = place.timestamp === undefined ? "" : ` of ${place.timestamp}`;
  return place.key === undefined
    ? "a timer"
    : `the timer${when} of key ${JSON.stringify(place.key.slice(0, 100))}`;
}
