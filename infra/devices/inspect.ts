/**
 * What a recording holds, and what would be left out of it, before anything is sent: `pace device inspect`.
 */
import { type PointProblem, RecordingError } from "./recording-error.ts";
import { findRecordings, readRecording } from "./recording-file.ts";
import type { Track } from "./track.ts";

export interface LeftOut {
  /** Such as `points` or `heart rates`. */
  readonly what: string;
  readonly count: number;
  readonly why: string;
}

export interface Inspection {
  readonly file: string;
  /** As the file says it; several where it has several, in their order; `null`: it does not say. */
  readonly sport: string | null;
  readonly readings: number;
  /** ISO 8601, UTC. */
  readonly first: string;
  readonly last: string;
  readonly heartRate: { readonly count: number; readonly min: number | null; readonly max: number | null };
  /** From the first reading to the furthest; `null`: not measured. */
  readonly distanceM: number | null;
  /** Readings that have one. */
  readonly positions: number;
  /** The longest time without a reading, seconds. */
  readonly gapMaxS: number;
  readonly leftOut: readonly LeftOut[];
}

export interface Refusal {
  readonly file: string;
  /** What is wrong, and where. */
  readonly refused: string;
}

/** Of a file, or of each in a folder. */
export async function* inspectRecordings(path: string): AsyncGenerator<Inspection | Refusal, void> {
  let files: string[];
  try {
    files = findRecordings([path]);
  } catch (error) {
    yield refusal(path, error);
    return;
  }
  for (const file of files) yield await inspectRecording(file);
}

async function inspectRecording(file: string): Promise<Inspection | Refusal> {
  const problems = new LeftOutCounts();
  try {
    const track = await readRecording(file, (problem) => problems.add(problem));
    return { file, ...summaryOf(track), leftOut: problems.all() };
  } catch (error) {
    return refusal(file, error);
  }
}

function refusal(file: string, error: unknown): Refusal {
  if (!(error instanceof RecordingError)) throw error;
  return { file, refused: error.message.replace(`${file}: `, "") };
}

function summaryOf(track: Track): Omit<Inspection, "file" | "leftOut"> {
  const { atMs, startMs, length } = track;
  const rates = measured(track.hr);
  const metres = measured(track.distanceM);
  let gapMaxMs = 0;
  for (let i = 1; i < length; i++) gapMaxMs = Math.max(gapMaxMs, atMs[i]! - atMs[i - 1]!);
  return {
    sport: track.sport || null,
    readings: length,
    first: isoTime(startMs),
    last: isoTime(startMs + atMs[length - 1]!),
    heartRate: { count: rates.length, min: extreme(rates, Math.min), max: extreme(rates, Math.max) },
    distanceM: extreme(metres, Math.max),
    positions: measured(track.lat).length,
    gapMaxS: gapMaxMs / 1000,
  };
}

/** What is the same is counted together, so that a bad file costs no memory. */
class LeftOutCounts {
  readonly #counts = new Map<string, { what: string; count: number; why: string }>();

  add({ what, why, count = 1 }: PointProblem): void {
    const known = this.#counts.get(`${what}\0${why}`);
    if (known) known.count += count;
    else this.#counts.set(`${what}\0${why}`, { what, count, why });
  }

  all(): LeftOut[] {
    return [...this.#counts.values()];
  }
}

const measured = (column: ArrayLike<number>): number[] =>
  Array.from(column).filter((value) => !Number.isNaN(value));

const extreme = (values: readonly number[], better: (a: number, b: number) => number): number | null =>
  values.length === 0 ? null : values.reduce((best, value) => better(best, value));

const isoTime = (timeMs: number): string => new Date(timeMs).toISOString().replace(".000Z", "Z");
