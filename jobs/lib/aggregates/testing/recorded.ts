/** The shipped recordings as uploads, as if all had begun at the same moment: for tests of jobs that read uploads. */
import { join } from "node:path";
import { findRecordings, readRecording } from "../../../../infra/devices/recording-file.ts";
import type { Track } from "../../../../infra/devices/track.ts";
import type { Random } from "../../../../runtime/testing/index.ts";
import type { Reading, Upload } from "../../../../schemas/index.ts";

const FOLDER = join(import.meta.dirname, "../../../../infra/recordings");

export async function shippedTracks(): Promise<Track[]> {
  return await Promise.all(findRecordings([FOLDER]).map((file) => readRecording(file, () => {})));
}

export interface UploadsOptions {
  readonly participant: string;
  readonly event: string | null;
  readonly startMs: number;
  /** An upload holds readings of so long a time. */
  readonly everyMs: number;
}

export function uploadsOf(track: Track, { participant, event, startMs, everyMs }: UploadsOptions): Upload[] {
  const readings = Array.from({ length: track.length }, (_, i) => readingAt(track, i, startMs));
  const batches = Map.groupBy(readings, ({ tsMs }) => Math.floor((tsMs - startMs) / everyMs));
  return [...batches.values()].map((batch, id) => ({
    participant,
    event,
    device: `watch-${participant}`,
    id,
    sentMs: batch.at(-1)!.tsMs,
    receivedMs: batch.at(-1)!.tsMs,
    readings: batch,
  }));
}

function readingAt(track: Track, i: number, startMs: number): Reading {
  const value = (column: ArrayLike<number>) => (Number.isNaN(column[i]!) ? null : column[i]!);
  const whole = (column: ArrayLike<number>) => {
    const found = value(column);
    return found === null ? null : Math.round(found);
  };
  const single = (column: ArrayLike<number>) => {
    const found = value(column);
    return found === null ? null : Math.fround(found);
  };
  const [lat, lon] = [value(track.lat), value(track.lon)];
  return {
    tsMs: startMs + track.atMs[i]!,
    hr: whole(track.hr),
    lat: lon === null ? null : lat,
    lon: lat === null ? null : lon,
    distanceM: single(track.distanceM),
    steps: whole(track.steps),
    cadence: whole(track.cadence),
    altitudeM: single(track.altitudeM),
  };
}

/** In the order they come in when each is up to `delayMaxMs` under way; some come twice. */
export function underWay(uploads: readonly Upload[], delayMaxMs: number, random: Random): Upload[] {
  return uploads
    .flatMap((upload) => (random.chance(0.05) ? [upload, upload] : [upload]))
    .map((upload) => ({ upload, atMs: upload.sentMs + random.between(0, delayMaxMs) }))
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ upload, atMs }) => ({ ...upload, receivedMs: atMs }));
}
