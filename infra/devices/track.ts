/**
 * A recording in memory: one column a quantity, some 40 bytes a point, so that hundreds of long ones fit beside each other.
 *
 * K1  Points are in order of time, each millisecond once: points of the same time become one. Segments may stand in the file in any
 *     order; within one, as few points as possible are left out for the rest to be in order, and each is told (time-order.ts).
 * K2  Values are as the file has them, with these exceptions: heart rates are whole; distance goes on where a segment begins anew;
 *     on foot, cadence is of both feet. Where the file has none at all, distance is measured along the positions, and steps are
 *     counted from the cadence of who was on foot.
 * K3  A segment spans no pause of more than a week: of what lies further apart the larger part is kept. So do clocks that were set
 *     in the middle, from the year they count from.
 */
import { heartRateOf, isPosition } from "../../jobs/lib/plausible.ts";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { type Sport, UNKNOWN_SPORT } from "./sport.ts";
import { inOrder, isReversed, longestStretch } from "./time-order.ts";

/** One moment as a file has it; `undefined`: not measured. */
export interface Point {
  /** Unix milliseconds. */
  timeMs: number;
  hr?: number | undefined;
  lat?: number | undefined;
  lon?: number | undefined;
  distanceM?: number | undefined;
  /** A minute, as the file counts it: of one foot in most (K2); in other sports strokes or turns. */
  cadence?: number | undefined;
  altitudeM?: number | undefined;
  sport?: Sport;
  /** The device did not measure right before it: what the feet did since the point before is not known. */
  afterPause?: boolean;
}

/** NaN in a column: not measured. */
export interface Track {
  /** The file it came from, for people. */
  readonly file: string;
  /** What it says it is a recording of, such as `running`, or `cycling, running`; empty: it does not say. */
  readonly sport: string;
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
/** Between points further apart than this nobody knows what the feet did, unless the device says that it went on measuring. */
const STEPS_GAP_MAX_MS = 30_000;
const FEET = 2;
/** Nobody puts one foot down so often: who counts more counts both. */
const ONE_FOOT_MAX = 120;
const PAUSE_MAX_MS = 7 * 86_400_000;
/** Clocks of devices count from the last day of 1989 (FIT), or a later one. */
const TIME_MIN_MS = Date.UTC(1989, 11, 31);
const TIME_MAX_MS = Date.UTC(2100, 0, 1);

const QUANTITIES = ["hr", "lat", "lon", "distanceM", "cadence", "altitudeM"] as const;

interface Segment {
  /** Its device says when it paused (`afterPause`): between other points it measured, however far apart they are. */
  readonly saysPauses: boolean;
  points: (Point & { readonly place: number })[];
}

export interface BuilderOptions {
  readonly onProblem?: OnPointProblem;
  /** What places of points are numbers of: `line` or `record`. */
  readonly placeOf?: string;
}

export class TrackBuilder {
  readonly #file: string;
  readonly #options: BuilderOptions;
  readonly #segments: Segment[] = [];

  constructor(file: string, options: BuilderOptions = {}) {
    this.#file = file;
    this.#options = options;
  }

  /** What follows is a part of its own: another lap, session or file of a chain (K1). */
  segment({ saysPauses }: { readonly saysPauses: boolean } = { saysPauses: false }): void {
    this.#segments.push({ saysPauses, points: [] });
  }

  /** Takes one more point of the segment. @param place its line or record, for what is told of it */
  add(point: Point, place = 0): void {
    if (this.#segments.length === 0) this.segment();
    if (!(point.timeMs >= TIME_MIN_MS && point.timeMs < TIME_MAX_MS)) {
      this.#leaveOut(place, "the clock was not set", `its time is ${isoTime(point.timeMs)}`);
      return;
    }
    if (point.hr !== undefined) point.hr = heartRateOf(Math.round(point.hr)) ?? undefined;
    const { lat, lon } = point;
    if (lat === undefined || lon === undefined || !isPosition(lat, lon)) point.lat = point.lon = undefined;
    this.#segments.at(-1)!.points.push({ ...point, place });
  }

  /** @throws RecordingError when there are fewer than two points: nothing happens in such a recording. */
  finish(): Track {
    const points = this.#joined();
    const first = points[0];
    if (first === undefined || points.length < 2)
      throw new RecordingError(this.#file, "", `holds ${points.length} points with a time, two are needed`);
    const column = (of: (point: Point) => number | undefined) =>
      Float64Array.from(points, (point) => of(point) ?? Number.NaN);
    const atMs = column(({ timeMs }) => timeMs - first.timeMs);
    const lat = column((point) => point.lat);
    const lon = column((point) => point.lon);
    const measured = column((point) => point.distanceM);
    return {
      file: this.#file,
      sport: [...new Set(points.flatMap(({ sport }) => sport?.name || []))].join(", "),
      startMs: first.timeMs,
      length: points.length,
      atMs,
      hr: Float32Array.from(points, ({ hr }) => hr ?? Number.NaN),
      lat,
      lon,
      distanceM: measured.some((m) => m > 0) ? measured : along(lat, lon, measured),
      steps: stepsOf(points),
      cadence: Float32Array.from(points, ({ cadence }) => cadence ?? Number.NaN),
      altitudeM: Float32Array.from(points, ({ altitudeM }) => altitudeM ?? Number.NaN),
    };
  }

  /** All segments in one order of time, each time once (K1). */
  #joined(): Point[] {
    const segments = this.#segments.map((segment) => this.#ordered(segment)).filter((it) => it.length > 0);
    segments.sort((a, b) => a[0]!.timeMs - b[0]!.timeMs);
    const joined: Point[] = [];
    for (const points of segments) {
      goOn(points, joined);
      joined.push(...points);
    }
    joined.sort((a, b) => a.timeMs - b.timeMs); // where segments overlap; stable
    const merged: Point[] = [];
    for (const point of joined) {
      const last = merged.at(-1);
      if (last?.timeMs !== point.timeMs) merged.push(point);
      else for (const name of QUANTITIES) last[name] ??= point[name];
    }
    return merged;
  }

  #ordered({ points, saysPauses }: Segment): Point[] {
    if (isReversed(points.map(({ timeMs }) => timeMs))) points.reverse();
    const order = inOrder(points.map(({ timeMs }) => timeMs));
    const inTime: typeof points = [];
    let next = 0;
    points.forEach((point, at) => {
      if (order[next] === at) {
        inTime.push(point);
        next++;
        return;
      }
      this.#leaveOut(
        point.place,
        "their time is out of order: the clock was set, or they were written late",
        `the time ${isoTime(point.timeMs)} is before that of the point before it, or the clock was wrong until then`,
      );
    });
    const { from, to } = longestStretch(
      inTime.map(({ timeMs }) => timeMs),
      PAUSE_MAX_MS,
    );
    for (const { place, timeMs } of [...inTime.slice(0, from), ...inTime.slice(to)])
      this.#leaveOut(
        place,
        "they are more than a week from the rest of their part: the clock was set meanwhile",
        `the time ${isoTime(timeMs)} is more than a week from those of the other points`,
      );
    const kept = inTime.slice(from, to);
    withBothFeet(kept);
    kept.forEach((point, at) => {
      if (at === 0 || (!saysPauses && point.timeMs - kept[at - 1]!.timeMs > STEPS_GAP_MAX_MS))
        point.afterPause = true;
    });
    return kept;
  }

  #leaveOut(place: number, why: string, problem: string): void {
    const { onProblem, placeOf = "point" } = this.#options;
    onProblem?.({ file: this.#file, place: `${placeOf} ${place}`, what: "points", why, problem });
  }
}

const isoTime = (timeMs: number): string =>
  Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);

/** K2: distance of a segment that counts from nothing again goes on from the last one's. */
function goOn(points: Point[], before: readonly Point[]): void {
  const last = before.findLast(({ distanceM }) => distanceM !== undefined)?.distanceM;
  const first = points.find(({ distanceM }) => distanceM !== undefined)?.distanceM;
  if (last === undefined || first === undefined || first >= last) return;
  if (points[0]!.timeMs < before.at(-1)!.timeMs) return; // beside it, not after it
  for (const point of points) if (point.distanceM !== undefined) point.distanceM += last;
}

/** K2. */
function withBothFeet(points: readonly Point[]): void {
  const steppers = points.filter(({ cadence, sport = UNKNOWN_SPORT }) => cadence && sport.onFoot);
  const sorted = steppers.map(({ cadence }) => cadence!).sort((a, b) => a - b);
  const middle = sorted[sorted.length >> 1] ?? 0;
  if (middle <= ONE_FOOT_MAX) for (const point of steppers) point.cadence! *= FEET;
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

function stepsOf(points: readonly Point[]): Float64Array {
  let steps = 0;
  return Float64Array.from(points, ({ cadence, timeMs, sport = UNKNOWN_SPORT, afterPause }, at) => {
    if (cadence === undefined || !sport.onFoot) return Number.NaN;
    if (at > 0 && !afterPause) steps += (cadence * (timeMs - points[at - 1]!.timeMs)) / 60_000;
    return Math.floor(steps);
  });
}
