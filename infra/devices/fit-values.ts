/**
 * Quantities that FIT packs: into fields of other messages, into bits of three bytes, into fields that developers define.
 * Source: the FIT protocol and profile (accumulated components; field `event_timestamp_12`; `native_field_num`).
 */

const SPEED_BITS = 12;
const DISTANCE_UNITS_A_METRE = 16;
const DISTANCE_ROLLOVER = 1 << 12;

/** `compressed_speed_distance`: twelve bits of speed, twelve of a distance in sixteenths of a metre that counts round. */
export class CompressedDistance {
  #units: number | undefined;

  /** @returns metres since the counter's zero; undefined: the bytes are no value */
  metres(bytes: unknown): number | undefined {
    const [low, middle, high, ...rest] = bytesOf(bytes);
    if (low === undefined || middle === undefined || high === undefined || rest.length > 0) return undefined;
    const packed = low | (middle << 8) | (high << 16);
    if (packed === 0xff_ff_ff) return undefined;
    const counted = packed >>> SPEED_BITS;
    const before = this.#units;
    if (before === undefined) this.#units = counted;
    else {
      const round = before - (before % DISTANCE_ROLLOVER);
      const now = round + counted;
      this.#units = now < before ? now + DISTANCE_ROLLOVER : now;
    }
    return this.#units / DISTANCE_UNITS_A_METRE;
  }
}

/** A heart rate of a strap that kept it, at its moment. */
export interface Beat {
  readonly timeMs: number;
  readonly hr: number;
}

interface HrMessage {
  readonly timestamp?: unknown;
  readonly fractional_timestamp?: unknown;
  readonly event_timestamp?: unknown;
  readonly event_timestamp12?: unknown;
  readonly filtered_bpm?: unknown;
}

const NO_BEAT = 0xff;
const TICKS_A_SECOND = 1024;
const TICK_ROLLOVER = 1 << 12;

/** What the `hr` messages of one FIT file hold: a first one says when it is, the others count on from it by twelve bits. */
export function beatsOf(messages: readonly object[]): Beat[] {
  const beats: Beat[] = [];
  /** When the strap's clock shows 0, Unix milliseconds. */
  let zeroMs: number | undefined;
  let ticks = 0;
  for (const message of messages as readonly HrMessage[]) {
    const rates = bytesOf(message.filtered_bpm);
    const times: number[] = [];
    const eventS = listOf(message.event_timestamp);
    if (eventS.length > 0) {
      const fractionS = typeof message.fractional_timestamp === "number" ? message.fractional_timestamp : 0;
      if (message.timestamp instanceof Date)
        zeroMs = message.timestamp.getTime() + fractionS * 1000 - eventS[0]! * 1000;
      times.push(...eventS.map((seconds) => seconds * TICKS_A_SECOND));
      ticks = times.at(-1)!;
    } else {
      for (const counted of twelveBits(bytesOf(message.event_timestamp12))) {
        const next = ticks - (ticks % TICK_ROLLOVER) + counted;
        ticks = next < ticks ? next + TICK_ROLLOVER : next;
        times.push(ticks);
      }
    }
    if (zeroMs === undefined) continue; // nothing says when it was
    for (let i = 0; i < Math.min(times.length, rates.length); i++)
      beats.push({ timeMs: zeroMs + (times[i]! * 1000) / TICKS_A_SECOND, hr: rates[i]! });
  }
  return beats.filter(({ hr }) => hr > 0 && hr < NO_BEAT);
}

/** Of three bytes two numbers. */
function twelveBits(bytes: readonly number[]): number[] {
  const numbers: number[] = [];
  for (let i = 0; i + 2 < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i]!, bytes[i + 1]!, bytes[i + 2]!];
    numbers.push(a | ((b & 0xf) << 8), (b >> 4) | (c << 4));
  }
  return numbers;
}

function listOf(value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((each): each is number => typeof each === "number");
}

/** The reader of FIT takes a byte of 255 for no value, which within packed bytes it is not. */
const bytesOf = (value: unknown): number[] =>
  (Array.isArray(value) ? value : []).map((byte) => (typeof byte === "number" ? byte : 0xff));

/** How Garmin's own software gives records the heart rates of `hr` messages: a beat holds for so long, counted in such steps. */
const HOLD_MAX_MS = 5_000;
const HOLD_STEP_MS = 250;

/**
 * Gives each moment the mean of the heart rates since the moment before it, each of which holds until the next.
 * @param timesMs in order; of the first the second before it counts @returns NaN where there were none
 */
export function heartRatesAt(timesMs: readonly number[], beats: readonly Beat[]): number[] {
  const held = heldOf(beats.toSorted((a, b) => a.timeMs - b.timeMs));
  let next = 0;
  return timesMs.map((timeMs, at) => {
    const sinceMs = at === 0 ? timeMs - 1000 : timesMs[at - 1]!;
    while (next < held.length && held[next]!.timeMs <= sinceMs) next++;
    let sum = 0;
    let count = 0;
    for (; next < held.length && held[next]!.timeMs <= timeMs; next++, count++) sum += held[next]!.hr;
    return count === 0 ? Number.NaN : Math.round(sum / count);
  });
}

function heldOf(beats: readonly Beat[]): Beat[] {
  return beats.flatMap(({ timeMs, hr }, at) => {
    const untilMs = Math.min(beats[at + 1]?.timeMs ?? timeMs, timeMs + HOLD_MAX_MS);
    const held = [{ timeMs, hr }];
    for (let ms = timeMs + HOLD_STEP_MS; ms < untilMs; ms += HOLD_STEP_MS) held.push({ timeMs: ms, hr });
    return held;
  });
}
