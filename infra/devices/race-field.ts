/**
 * A race's field with trackers: each runner plays a recording, stretched so that it passes each mat when the runner was read
 * there, and covers the course.
 *
 * T1  A runner's readings run from the own start read to the last one: the finish, or where the race ended for them.
 * T2  Where reads contradict each other (a mat passed before the one before it) the later one is left out.
 * T3  Runners read at fewer than two mats have no tracker: nobody knows how they ran.
 * T4  Where not all have one, half of those who do are the fastest, whom everybody watches; the others are of the whole field.
 */
import { raceZeroMs } from "../../jobs/lib/race-time.ts";
import type { Race, TimingMessage } from "../../schemas/index.ts";
import { runnerKey } from "../replay/topics.ts";
import { type Field, ownHeartRate } from "./field.ts";
import { chance, Purpose } from "./hash.ts";
import { RecordingError } from "./recording-error.ts";
import type { Track } from "./track.ts";

export interface RaceReads {
  readonly race: Race;
  passings(): AsyncIterable<TimingMessage> | Iterable<TimingMessage>;
}

/**
 * @param wearers how many have a tracker, at most; `undefined`: all.
 * @throws RecordingError when no recording covers any distance.
 */
export async function raceField(
  reads: RaceReads,
  recordings: readonly Track[],
  seed: number,
  wearers?: number,
): Promise<Field> {
  const { race } = reads;
  const tracks = recordings.filter((track) => lengthM(track) > 0);
  if (tracks.length === 0)
    throw new RecordingError(
      recordings.map(({ file }) => file).join(", "),
      "",
      "covers no distance: a race needs recordings of people who moved",
    );
  const dayMs = raceZeroMs(race);
  const distanceScale = Float64Array.from(tracks, (track) => race.distanceM / lengthM(track));
  const matsAtMs = tracks.map((track, i) =>
    race.mats.map(({ distanceM }) => reachedAtMs(track, distanceM / distanceScale[i]!)),
  );
  const bibs: string[] = [];
  const track: number[] = [];
  const knotsFrom: number[] = [0];
  const knotAtMs: number[] = [];
  const knotTimeMs: number[] = [];
  for (const [bib, times] of wearing(await firstReads(reads), seed, wearers)) {
    const device = bibs.length;
    const chosen = Math.floor(chance(seed, Purpose.track, device) * tracks.length);
    const from = knotAtMs.length;
    for (let mat = 0; mat < race.mats.length; mat++) {
      const atMs = matsAtMs[chosen]![mat]!;
      const timeMs = dayMs + times[mat]!;
      const isNext = knotAtMs.length === from || (atMs > knotAtMs.at(-1)! && timeMs > knotTimeMs.at(-1)!);
      if (Number.isNaN(timeMs) || !isNext) continue; // T2
      knotAtMs.push(atMs);
      knotTimeMs.push(timeMs);
    }
    if (knotAtMs.length < from + 2) {
      knotAtMs.length = knotTimeMs.length = from; // T3
      continue;
    }
    bibs.push(bib);
    track.push(chosen);
    knotsFrom.push(knotAtMs.length);
  }
  const own = bibs.map((_, device) => ownHeartRate(seed, device));
  return {
    event: race.id,
    size: bibs.length,
    tracks,
    clockZeroMs: dayMs,
    participant: (device) => runnerKey(race.id, bibs[device]!),
    track: Uint16Array.from(track),
    hrScale: Float32Array.from(own, ({ scale }) => scale),
    hrOffset: Float32Array.from(own, ({ offset }) => offset),
    distanceScale,
    knotsFrom: Uint32Array.from(knotsFrom),
    knotAtMs: Float64Array.from(knotAtMs),
    knotTimeMs: Float64Array.from(knotTimeMs),
  };
}

/** T4. In the order of the field, so that the same seed gives the same. */
function wearing(
  field: ReadonlyMap<string, Float64Array>,
  seed: number,
  wearers = Number.POSITIVE_INFINITY,
): Iterable<[string, Float64Array]> {
  if (field.size <= wearers) return field;
  const runners = [...field].map(([bib, times], number) => ({
    bib,
    times,
    netMs: times.at(-1)! - times[0]!,
    drawn: chance(seed, Purpose.wearer, number),
  }));
  // NaN: not at the finish.
  const rank = (ms: number) => (Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms);
  const byTime = runners.toSorted((a, b) => rank(a.netMs) - rank(b.netMs) || a.drawn - b.drawn);
  const fastest = byTime.slice(0, Math.ceil(wearers / 2));
  const others = byTime.slice(fastest.length).sort((a, b) => a.drawn - b.drawn);
  const chosen = new Set([...fastest, ...others.slice(0, wearers - fastest.length)]);
  return runners.filter((runner) => chosen.has(runner)).map(({ bib, times }) => [bib, times]);
}

/** By bib: when each mat read it first, milliseconds of the race's day; NaN: never. */
async function firstReads({ race, passings }: RaceReads): Promise<Map<string, Float64Array>> {
  const matOf = new Map(race.mats.map(({ id }, index) => [id, index]));
  const byBib = new Map<string, Float64Array>();
  for await (const { read } of passings()) {
    const mat = read && matOf.get(read.mat);
    if (!read || mat === undefined || mat === null) continue;
    let times = byBib.get(read.bib);
    if (times === undefined) {
      times = new Float64Array(race.mats.length).fill(Number.NaN);
      byBib.set(read.bib, times);
    }
    if (!(times[mat]! <= read.timeMs)) times[mat] = read.timeMs;
  }
  return byBib;
}

function lengthM({ distanceM }: Track): number {
  return distanceM.reduce((most, m) => (Number.isNaN(m) ? most : Math.max(most, m)), 0);
}

/** When the recording has come this far: between two points in proportion; at its last new metre at the latest. */
function reachedAtMs({ distanceM, atMs }: Track, targetM: number): number {
  let beforeM = 0;
  let beforeMs = 0;
  for (let i = 0; i < atMs.length; i++) {
    const m = distanceM[i]!;
    // A hair's breadth: the last mat is where the recording ends, but for rounding.
    if (m >= targetM - 1e-6) {
      const share = m > beforeM ? (targetM - beforeM) / (m - beforeM) : 1;
      return beforeMs + Math.min(1, Math.max(0, share)) * (atMs[i]! - beforeMs);
    }
    if (m >= beforeM) {
      beforeM = m;
      beforeMs = atMs[i]!;
    }
  }
  return beforeMs;
}

/** Where the times of a race by day are 0 whose gun is not known: jobs/lib/race-time.ts. */
export const localMidnightMs = (date: string, timezone: string): number =>
  raceZeroMs({ date, timezone, gunMs: NOON_MS });

const NOON_MS = 12 * 3_600_000;
