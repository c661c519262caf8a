/**
 * Which device uploads what, and when. Pure: the field, the seed and the rates say everything.
 *
 * A device uploads once a period, each at a moment of its own in it, what it has read since the last time. Upload `n` holds
 * the readings of the period that ends with the device's moment in period `n`, and `n` is its id.
 *
 * U1  Every reading of a device is in exactly one upload; an upload may arrive more than once, with the same id.
 * U2  Deliveries are in order of (period, moment), and each can be found without those before it: a cursor of two numbers
 *     says where a run goes on.
 * U3  A reading of an upload that does not wait for the end of an outage arrives less than `disorderMaxMs` after it was
 *     read, so it is less than that older than anything that arrived before it; clocks that are wrong left aside.
 */
import type { Reading, Upload } from "../../schemas/index.ts";
import { ARRIVAL_MAX, type FaultRates, Faults, LATE_MAX, STUCK_HR } from "./faults.ts";
import { type Field, firstWhere, pointsOf, timeOf } from "./field.ts";
import { chance, Purpose } from "./hash.ts";

export interface PlanOptions {
  readonly field: Field;
  readonly seed: number;
  readonly rates: FaultRates;
  /** A device uploads this often. */
  readonly periodMs: number;
}

/** What one device delivers at one moment. The same object each time: take what you need before you ask for the next. */
export interface Delivery {
  /** Unix time of a right clock. */
  timeMs: number;
  device: number;
  period: number;
  /** Where the delivery stands in the order of its period. */
  position: number;
  /** Ids of the uploads; the arrays beside it say which points `[from, to)` of the track they hold. */
  readonly ids: number[];
  readonly from: number[];
  readonly to: number[];
  /** In all of them. */
  readings: number;
}

/** Where a plan goes on (U2). */
export interface Cursor {
  readonly period: number;
  readonly position: number;
}

const HR_MIN = 30;
const HR_MAX = 220;

export class UploadPlan {
  readonly #field: Field;
  readonly #periodMs: number;
  readonly #faults: Faults;
  /** Unix time of period 0. */
  readonly #zeroMs: number;
  /** When in a period each device uploads. */
  readonly #momentMs: Float64Array;
  /** Devices by their moment. */
  readonly #order: Uint32Array;
  readonly #firstPoint: Uint32Array;
  readonly #endPoint: Uint32Array;
  readonly #firstPeriod: Int32Array;
  readonly #lastPeriod: Int32Array;
  readonly #periods: number;

  constructor({ field, seed, rates, periodMs }: PlanOptions) {
    const { size } = field;
    this.#field = field;
    this.#periodMs = periodMs;
    this.#faults = new Faults(seed, rates);
    this.#momentMs = Float64Array.from({ length: size }, (_, device) =>
      Math.floor(periodMs * chance(seed, Purpose.phase, device)),
    );
    this.#order = Uint32Array.from({ length: size }, (_, device) => device).sort(
      (a, b) => this.#momentMs[a]! - this.#momentMs[b]! || a - b,
    );
    this.#firstPoint = new Uint32Array(size);
    this.#endPoint = new Uint32Array(size);
    this.#firstPeriod = new Int32Array(size);
    this.#lastPeriod = new Int32Array(size);
    let zeroMs = Number.POSITIVE_INFINITY;
    for (let device = 0; device < size; device++) {
      const { from, to } = pointsOf(field, device);
      this.#firstPoint[device] = from;
      this.#endPoint[device] = to;
      if (from < to) zeroMs = Math.min(zeroMs, timeOf(field, device, from));
    }
    this.#zeroMs = Number.isFinite(zeroMs) ? Math.floor(zeroMs / periodMs) * periodMs : 0;
    let last = -1;
    for (let device = 0; device < size; device++) {
      const to = this.#endPoint[device]!;
      const holdsAny = this.#firstPoint[device]! < to;
      this.#firstPeriod[device] = holdsAny ? this.#periodOf(device, this.#firstPoint[device]!) : 0;
      this.#lastPeriod[device] = holdsAny ? this.#periodOf(device, to - 1) : -1;
      last = Math.max(last, this.#lastPeriod[device]!);
    }
    this.#periods = last < 0 ? 0 : last + ARRIVAL_MAX + 1;
  }

  /** U3 */
  get disorderMaxMs(): number {
    return (1 + LATE_MAX) * this.#periodMs;
  }

  /** Readings of all devices: each once. */
  get readings(): number {
    return this.#endPoint.reduce((sum, to, device) => sum + to - this.#firstPoint[device]!, 0);
  }

  /** When the last reading is made, Unix milliseconds. */
  get endMs(): number {
    let endMs = this.#zeroMs;
    for (let device = 0; device < this.#field.size; device++)
      if (this.#lastPeriod[device]! >= 0)
        endMs = Math.max(endMs, timeOf(this.#field, device, this.#endPoint[device]! - 1));
    return endMs;
  }

  /** From `cursor` on. */
  *deliveries(cursor: Cursor): Generator<Delivery, void> {
    const delivery: Delivery = {
      timeMs: 0,
      device: 0,
      period: 0,
      position: 0,
      ids: [],
      from: [],
      to: [],
      readings: 0,
    };
    const arrived: number[] = [];
    for (let period = cursor.period; period < this.#periods; period = this.#nextPeriod(period)) {
      const first = period === cursor.period ? cursor.position : 0;
      for (let position = first; position < this.#order.length; position++) {
        const device = this.#order[position]!;
        if (period < this.#firstPeriod[device]! || period > this.#lastPeriod[device]! + ARRIVAL_MAX) continue;
        this.#faults.arrivals(device, period, arrived);
        delivery.ids.length = delivery.from.length = delivery.to.length = delivery.readings = 0;
        for (const id of arrived) {
          const from = this.#pointAt(device, id - 1);
          const to = this.#pointAt(device, id);
          if (from === to) continue;
          delivery.ids.push(id);
          delivery.from.push(from);
          delivery.to.push(to);
          delivery.readings += to - from;
        }
        if (delivery.ids.length === 0) continue;
        delivery.timeMs = this.#momentOf(device, period);
        delivery.device = device;
        delivery.period = period;
        delivery.position = position;
        yield delivery;
      }
    }
  }

  /** The next in which anything may be delivered: nobody plays through the years between two recordings. */
  #nextPeriod(period: number): number {
    const next = period + 1;
    let soonest = Number.POSITIVE_INFINITY;
    for (let device = 0; device < this.#field.size; device++) {
      const to = this.#endPoint[device]!;
      if (next > this.#lastPeriod[device]! + ARRIVAL_MAX) continue;
      // The first point that some delivery of the next period, or a later one, can hold.
      const point = this.#pointAt(device, next - 1 - ARRIVAL_MAX);
      if (point < to) soonest = Math.min(soonest, this.#periodOf(device, point));
      if (soonest <= next) return next;
    }
    return Math.max(next, soonest);
  }

  /** The `index`th upload of a delivery, as the receiver passes it on. */
  upload({ device, ids, from, to, timeMs }: Delivery, index: number): Upload {
    const field = this.#field;
    const participant = field.participant(device);
    const clockMs = this.#faults.clockMs(device);
    const id = ids[index]!;
    return {
      participant,
      event: field.event,
      device: `${participant}#1`,
      id,
      sentMs: this.#momentOf(device, id) + clockMs,
      receivedMs: timeMs,
      readings: this.#readings(device, from[index]!, to[index]!, clockMs),
    };
  }

  /** Whether the disorder of this upload is bounded (U3). */
  isBounded(device: number, id: number): boolean {
    return !this.#faults.waitsOffline(device, id);
  }

  #readings(device: number, from: number, to: number, clockMs: number): Reading[] {
    const field = this.#field;
    const faults = this.#faults;
    const index = field.track[device]!;
    const track = field.tracks[index]!;
    const stuck = faults.stuck(device, track.atMs.at(-1)!);
    const isSparse = faults.isSparse(device);
    const readings: Reading[] = [];
    for (let point = from; point < to; point++) {
      const atMs = track.atMs[point]!;
      let hr = this.#heartRate(device, track.hr[point]!);
      if (stuck && atMs >= stuck.fromMs && atMs < stuck.toMs) hr = STUCK_HR;
      if (isSparse && faults.isMissing(device, point)) hr = null;
      readings.push({
        tsMs: timeOf(field, device, point) + clockMs,
        hr,
        lat: measured(track.lat[point]!),
        lon: measured(track.lon[point]!),
        distanceM: measured(track.distanceM[point]! * field.distanceScale[index]!),
        steps: measured(track.steps[point]!),
        cadence: measured(Math.round(track.cadence[point]!)),
        altitudeM: measured(track.altitudeM[point]!),
      });
    }
    return readings;
  }

  #heartRate(device: number, recorded: number): number | null {
    if (Number.isNaN(recorded)) return null;
    const scale = this.#field.hrScale[device]!;
    if (scale === 1) return recorded;
    const own = Math.round(recorded * scale + this.#field.hrOffset[device]!);
    return Math.min(HR_MAX, Math.max(HR_MIN, own));
  }

  #momentOf(device: number, period: number): number {
    return this.#zeroMs + period * this.#periodMs + this.#momentMs[device]!;
  }

  /** The period at whose end the device uploads this point. */
  #periodOf(device: number, point: number): number {
    const sinceMs = timeOf(this.#field, device, point) - this.#zeroMs - this.#momentMs[device]!;
    return Math.floor(sinceMs / this.#periodMs) + 1;
  }

  /** The first point that is read at or after the device's moment in this period (U1). */
  #pointAt(device: number, period: number): number {
    const momentMs = this.#momentOf(device, period);
    return firstWhere(
      this.#firstPoint[device]!,
      this.#endPoint[device]!,
      (point) => timeOf(this.#field, device, point) >= momentMs,
    );
  }
}

function measured(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
