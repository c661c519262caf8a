/**
 * A recording in memory: one column a quantity, some 40 bytes a point, so that hundreds of long ones fit beside each other.
 *
 * K1  Points are in order of time, each millisecond once: points of the same time become one, one that goes back in time is
 *     left out and reported.
 * K2  Values are as the file has them, with two exceptions, each only where the file has none at all: distance is measured
 *     along the positions, and steps are counted from the cadence of who was on foot.
 */
import { RecordingError } from "./recording-error.ts";

/** One moment as a file has it; `undefined`: not measured. */
export interface Point {
  /** Unix milliseconds. */
  timeMs: number;
  hr?: number | undefined;
  lat?: number | undefined;
  lon?: number | undefined;
  distanceM?: number | undefined;
  /** Steps a minute, all feet; in other sports strokes or turns. */
  cadence?: number | undefined;
  altitudeM?: number | undefined;
}

/** NaN in a column: not measured. */
export interface Track {
  /** The file it came from, for people. */
  readonly file: string;
  /** Unix milliseconds of the first point. */
  readonly startMs: number;
  readonly length: number;
  /** Milliseconds since `startMs`; grows from point to point (K1). */
  readonly atMs: Float64Array;
  readonly hr: Float32Array;
  readonly lat: Float64Array;
  readonly lon: Float64Array;
  /** Since the first point; may stand still, and in some recordings falls. */
  readonly distanceM: Float64Array;
  readonly steps: Float64Array;
  readonly cadence: Float32Array;
  readonly altitudeM: Float32Array;
}

const EARTH_RADIUS_M = 6_371_009;
/** Between points further apart than this nobody knows what the feet did. */
const STEPS_GAP_MAX_MS = 10_000;

export class TrackBuilder {
  readonly #file: string;
  readonly #points: Point[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Takes one more point; returns why it was left out, or `undefined`. */
  add(point: Point): string | undefined {
    const last = this.#points.at(-1);
    if (last !== undefined && point.timeMs < last.timeMs)
      return `the time ${new Date(point.timeMs).toISOString()} is before that of the point before it`;
    if (last !== undefined && point.timeMs === last.timeMs) {
      for (const name of ["hr", "lat", "lon", "distanceM", "cadence", "altitudeM"] as const)
        last[name] ??= point[name];
      return undefined;
    }
    this.#points.push(point);
    return undefined;
  }

  /** @throws RecordingError when there are fewer than two points: nothing happens in such a recording. */
  finish({ onFoot }: { onFoot: boolean }): Track {
    const points = this.#points;
    const first = points[0];
    if (first === undefined || points.length < 2)
      throw new RecordingError(this.#file, "", `holds ${points.length} points with a time, two are needed`);
    const column = (of: (point: Point) => number | undefined) =>
      Float64Array.from(points, (point) => of(point) ?? Number.NaN);
    const atMs = column(({ timeMs }) => timeMs - first.timeMs);
    const lat = column((point) => point.lat);
    const lon = column((point) => point.lon);
    const cadence = column((point) => point.cadence);
    const measured = column((point) => point.distanceM);
    return {
      file: this.#file,
      startMs: first.timeMs,
      length: points.length,
      atMs,
      hr: Float32Array.from(points, ({ hr }) => hr ?? Number.NaN),
      lat,
      lon,
      distanceM: measured.some((m) => m > 0) ? measured : along(lat, lon, measured),
      steps: onFoot ? stepsFrom(atMs, cadence) : new Float64Array(points.length).fill(Number.NaN),
      cadence: Float32Array.from(cadence),
      altitudeM: Float32Array.from(points, ({ altitudeM }) => altitudeM ?? Number.NaN),
    };
  }
}

/** The distance along the positions; `otherwise` where there are none. */
function along(lat: Float64Array, lon: Float64Array, otherwise: Float64Array): Float64Array {
  if (lat.every(Number.isNaN)) return otherwise;
  let sumM = 0;
  let last = -1;
  return lat.map((value, i) => {
    if (Number.isNaN(value)) return Number.NaN;
    if (last >= 0) sumM += metresBetween(lat[last]!, lon[last]!, value, lon[i]!);
    last = i;
    return sumM;
  });
}

/** On a sphere: within half a percent of the ellipsoid. */
function metresBetween(latA: number, lonA: number, latB: number, lonB: number): number {
  const rad = Math.PI / 180;
  const dLat = Math.sin(((latB - latA) * rad) / 2);
  const dLon = Math.sin(((lonB - lonA) * rad) / 2);
  const h = dLat * dLat + Math.cos(latA * rad) * Math.cos(latB * rad) * dLon * dLon;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

function stepsFrom(atMs: Float64Array, cadence: Float64Array): Float64Array {
  let steps = 0;
  return cadence.map((perMinute, i) => {
    if (Number.isNaN(perMinute)) return Number.NaN;
    const sinceMs = i === 0 ? 0 : atMs[i]! - atMs[i - 1]!;
    if (sinceMs <= STEPS_GAP_MAX_MS) steps += (perMinute * sinceMs) / 60_000;
    return Math.floor(steps);
  });
}
