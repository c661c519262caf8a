/**
 * What devices do that they should not, each with a rate. Times are in periods: a device sends once a period.
 *
 * D1  Everything follows from the seed, the device and the number of the period: see `hash.ts`.
 * D2  Outages lie within blocks of periods, far enough from a block's end that what is late because of one arrives in the
 *     same block: one block is all that has to be looked at.
 */
import { chance, Purpose } from "./hash.ts";

/** Shares from 0 to 1. */
export interface FaultRates {
  /** Of the quarters of an hour (at a period of 10 s) in which a device is offline for a while; it sends all when it is back. */
  readonly offline: number;
  /** Of uploads that arrive one or two periods late, after younger ones. */
  readonly late: number;
  /** Of uploads that are sent again, with the same id, one or two periods later. */
  readonly repeated: number;
  /** Of devices whose clock is wrong, by a minute to a day, either way. */
  readonly wrongClock: number;
  /** Of devices whose sensor shows 225 for a while. */
  readonly stuck: number;
  /** Of devices that miss half the heart rates. */
  readonly sparse: number;
}

export const NO_FAULTS: FaultRates = {
  offline: 0,
  late: 0,
  repeated: 0,
  wrongClock: 0,
  stuck: 0,
  sparse: 0,
};
/** What a field of many devices may look like. */
export const USUAL_FAULTS: FaultRates = {
  offline: 0.02,
  late: 0.01,
  repeated: 0.01,
  wrongClock: 0.002,
  stuck: 0.002,
  sparse: 0.01,
};

export const STUCK_HR = 225;

/** Periods an upload may be late, online. */
export const LATE_MAX = 2;
const REPEAT_MAX = 2;
/** Periods in a block (D2). */
export const BLOCK = 90;
const OUTAGE_MIN = 6;
const OUTAGE_MAX = 60;
/** Longest after its own period that an upload, or its repetition, arrives. */
export const ARRIVAL_MAX = OUTAGE_MAX + LATE_MAX + REPEAT_MAX + BLOCK;

const CLOCK_MIN_MS = 60_000;
const CLOCK_MAX_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** From `from` to before `to`, in periods. */
interface Outage {
  readonly from: number;
  readonly to: number;
}

export class Faults {
  readonly #seed: number;
  readonly #rates: FaultRates;

  constructor(seed: number, rates: FaultRates) {
    this.#seed = seed;
    this.#rates = rates;
  }

  /** The numbers of the uploads that arrive in period `tick`, in order of arrival, into `out`; it is emptied first. */
  arrivals(device: number, tick: number, out: number[]): void {
    out.length = 0;
    const { late, repeated, offline } = this.#rates;
    if (late === 0 && repeated === 0 && offline === 0) {
      out.push(tick);
      return;
    }
    const outage = this.#outage(device, tick);
    if (outage && tick >= outage.from && tick < outage.to) return;
    const isJustBack = outage && tick >= outage.to && tick <= outage.to + REPEAT_MAX;
    const first = (isJustBack ? outage.from : tick) - LATE_MAX - REPEAT_MAX;
    // In time, or gathered while offline: oldest first. Then what was held up, then what is sent again.
    for (let n = first; n <= tick; n++) {
      if (this.#lateBy(device, n) === 0 && this.arrival(device, n) === tick) out.push(n);
    }
    for (let n = first; n <= tick; n++) {
      if (this.#lateBy(device, n) > 0 && this.arrival(device, n) === tick) out.push(n);
    }
    if (repeated === 0) return;
    for (let n = first; n <= tick; n++) if (this.#repetition(device, n) === tick) out.push(n);
  }

  /** The period in which upload `n` arrives first. */
  arrival(device: number, n: number): number {
    return this.#onlineFrom(device, n + this.#lateBy(device, n));
  }

  /** Whether upload `n` waits for the end of an outage: then no bound of disorder holds for it. */
  waitsOffline(device: number, n: number): boolean {
    return this.arrival(device, n) > n + this.#lateBy(device, n);
  }

  /** What the device's clock is ahead by. */
  clockMs(device: number): number {
    if (!this.#hits("clock", device, this.#rates.wrongClock)) return 0;
    const place = this.#chance("clockBy", device) * 2 - 1;
    // By orders of magnitude: a clock off by a minute is as likely as one off by hours.
    const ms = CLOCK_MIN_MS * (CLOCK_MAX_MS / CLOCK_MIN_MS) ** Math.abs(place);
    return Math.round(place < 0 ? -ms : ms);
  }

  /** When the sensor is stuck, in milliseconds of the device's recording; `undefined`: never. */
  stuck(device: number, lengthMs: number): { fromMs: number; toMs: number } | undefined {
    if (!this.#hits("stuck", device, this.#rates.stuck)) return undefined;
    const fromMs = this.#chance("stuckFrom", device) * lengthMs;
    return { fromMs, toMs: fromMs + (10 + 50 * this.#chance("stuckLength", device)) * MINUTE_MS };
  }

  isSparse(device: number): boolean {
    return this.#hits("sparse", device, this.#rates.sparse);
  }

  /** Whether a sparse device misses the heart rate of this point. */
  isMissing(device: number, point: number): boolean {
    return chance(this.#seed, Purpose.missing, device, point) < 0.5;
  }

  #lateBy(device: number, n: number): number {
    if (!this.#hits("late", device, this.#rates.late, n)) return 0;
    const outage = this.#outage(device, n);
    if (outage && n >= outage.from && n < outage.to) return 0;
    return 1 + Math.floor(this.#chance("lateBy", device, n) * LATE_MAX);
  }

  /** The period in which upload `n` arrives again; -1: it does not. */
  #repetition(device: number, n: number): number {
    if (!this.#hits("repeat", device, this.#rates.repeated, n)) return -1;
    const after = 1 + Math.floor(this.#chance("repeatAfter", device, n) * REPEAT_MAX);
    return this.#onlineFrom(device, this.arrival(device, n) + after);
  }

  #onlineFrom(device: number, tick: number): number {
    const outage = this.#outage(device, tick);
    return outage && tick >= outage.from && tick < outage.to ? outage.to : tick;
  }

  #outage(device: number, tick: number): Outage | undefined {
    const block = Math.floor(tick / BLOCK);
    if (!this.#hits("outage", device, this.#rates.offline, block)) return undefined;
    const length =
      OUTAGE_MIN + Math.floor(this.#chance("outageLength", device, block) * (OUTAGE_MAX - OUTAGE_MIN + 1));
    const places = BLOCK - REPEAT_MAX - length; // D2
    const from = block * BLOCK + Math.floor(this.#chance("outageStart", device, block) * places);
    return { from, to: from + length };
  }

  #hits(purpose: keyof typeof Purpose, device: number, rate: number, index = 0): boolean {
    return rate > 0 && this.#chance(purpose, device, index) < rate;
  }

  #chance(purpose: keyof typeof Purpose, device: number, index = 0): number {
    return chance(this.#seed, Purpose[purpose], device, index);
  }
}
