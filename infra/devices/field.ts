/**
 * Who wears a device, which recording each plays, and how: moved in time, stretched, the heart rate made one's own.
 *
 * F1  Each point of a recording between a device's first and last one is a reading of it, once, in the same order.
 * F2  Columns, not objects: fifty thousand devices take some megabytes.
 */
import { chance, Purpose } from "./hash.ts";
import type { Track } from "./track.ts";

export interface Field {
  /** What all participants belong to: a race; `null`: nothing. */
  readonly event: string | null;
  readonly size: number;
  readonly tracks: readonly Track[];
  /** Unix time at which the play's clock shows 0. */
  readonly clockZeroMs: number;
  participant(device: number): string;
  /** Index into `tracks`. */
  readonly track: Uint16Array;
  /** What a recorded heart rate is multiplied by, and what is added then. */
  readonly hrScale: Float32Array;
  readonly hrOffset: Float32Array;
  /** By track: what recorded distance is multiplied by. */
  readonly distanceScale: Float64Array;
  /** Device d's knots are `[knotsFrom[d], knotsFrom[d + 1])` of the two below: recorded time, and the Unix time it becomes. */
  readonly knotsFrom: Uint32Array;
  readonly knotAtMs: Float64Array;
  readonly knotTimeMs: Float64Array;
}

const HR_SCALE_SPREAD = 0.1;
const HR_OFFSET_SPREAD = 8;

/** Heart rates of a device's own. */
export function ownHeartRate(seed: number, device: number): { scale: number; offset: number } {
  return {
    scale: 1 + HR_SCALE_SPREAD * (2 * chance(seed, Purpose.hrScale, device) - 1),
    offset: HR_OFFSET_SPREAD * (2 * chance(seed, Purpose.hrOffset, device) - 1),
  };
}

export interface CopiesOptions {
  readonly seed: number;
  /** Of each recording. */
  readonly copies: number;
  /** Participants are named after it. */
  readonly name: string;
  /** Unix time when the first begin. */
  readonly startMs: number;
  /** The others begin within this time after. */
  readonly spreadMs: number;
}

/** Many copies of each recording. The first of each is as it was recorded, but for the day. */
export function copiesOf(tracks: readonly Track[], options: CopiesOptions): Field {
  const { seed, copies, name, startMs, spreadMs } = options;
  const size = tracks.length * copies;
  const digits = String(size).length;
  const field = {
    event: null,
    size,
    tracks,
    clockZeroMs: startMs,
    participant: (device: number) => `${name}-${String(device + 1).padStart(digits, "0")}`,
    track: new Uint16Array(size),
    hrScale: new Float32Array(size).fill(1),
    hrOffset: new Float32Array(size),
    distanceScale: new Float64Array(tracks.length).fill(1),
    knotsFrom: Uint32Array.from({ length: size + 1 }, (_, device) => 2 * device),
    knotAtMs: new Float64Array(2 * size),
    knotTimeMs: new Float64Array(2 * size),
  };
  for (let device = 0; device < size; device++) {
    const isFirst = device < tracks.length;
    const track = device % tracks.length;
    const lengthMs = tracks[track]!.atMs.at(-1)!;
    const beginsMs = startMs + (isFirst ? 0 : Math.floor(spreadMs * chance(seed, Purpose.start, device)));
    field.track[device] = track;
    field.knotAtMs[2 * device + 1] = lengthMs;
    field.knotTimeMs[2 * device] = beginsMs;
    field.knotTimeMs[2 * device + 1] = beginsMs + lengthMs;
    if (isFirst) continue;
    const { scale, offset } = ownHeartRate(seed, device);
    field.hrScale[device] = scale;
    field.hrOffset[device] = offset;
  }
  return field;
}

/** When the device's `point` is read: Unix milliseconds of a right clock. */
export function timeOf(field: Field, device: number, point: number): number {
  const { knotsFrom, knotAtMs, knotTimeMs } = field;
  const atMs = field.tracks[field.track[device]!]!.atMs[point]!;
  let knot = knotsFrom[device]! + 1;
  const last = knotsFrom[device + 1]! - 1;
  while (knot < last && atMs > knotAtMs[knot]!) knot++;
  const fromMs = knotAtMs[knot - 1]!;
  const share = (atMs - fromMs) / (knotAtMs[knot]! - fromMs);
  return Math.round(knotTimeMs[knot - 1]! + share * (knotTimeMs[knot]! - knotTimeMs[knot - 1]!));
}

/** The device's points are `[from, to)` of its track (F1). */
export function pointsOf(field: Field, device: number): { from: number; to: number } {
  const { atMs } = field.tracks[field.track[device]!]!;
  const firstMs = field.knotAtMs[field.knotsFrom[device]!]!;
  const lastMs = field.knotAtMs[field.knotsFrom[device + 1]! - 1]!;
  return {
    from: firstWhere(0, atMs.length, (i) => atMs[i]! >= firstMs),
    to: firstWhere(0, atMs.length, (i) => atMs[i]! > lastMs),
  };
}

/** The first of `[from, to)` that `holds`, or `to`; once it holds, it holds for all that follow. */
export function firstWhere(from: number, to: number, holds: (index: number) => boolean): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
