/**
 * Recordings as files: `x.fit`, `x.tcx`, `x.gpx`, each also gzipped (`x.fit.gz`), by their names or by a folder's.
 *
 * R1  Each file ends as read whole, or read in part, and what was left out of it is told; or refused with what is wrong and where, or
 *     with what it is. A damaged one is never played in part.
 */
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { readFitTrack } from "./fit.ts";
import { GPX } from "./gpx.ts";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { TCX } from "./tcx.ts";
import type { Track } from "./track.ts";
import { xmlTexts } from "./xml-text.ts";
import { readXmlTrack } from "./xml-track.ts";

const NAMES = /\.(fit|tcx|gpx)(\.gz)?$/i;
/** Unpacked; a recording of weeks has less than this, and what never ends is found out. */
const BYTES_MAX = 256 * 1024 * 1024;

/** The recordings among `paths`, each a file or a folder of them, in order of name. @throws RecordingError when one is none. */
export function findRecordings(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!existsSync(path)) throw new RecordingError(path, "", "no such file or folder");
    const stats = statSync(path);
    if (!stats.isDirectory()) {
      if (!stats.isFile()) throw new RecordingError(path, "", "is no file: a pipe, a socket or a device");
      if (!NAMES.test(path))
        throw new RecordingError(path, "", "must end in .fit, .tcx or .gpx, perhaps with .gz");
      return [path];
    }
    const found = readdirSync(path).filter((name) => NAMES.test(name));
    if (found.length === 0)
      throw new RecordingError(path, "", "this folder holds no .fit, .tcx or .gpx file");
    return found.sort().map((name) => join(path, name));
  });
}

/** @throws RecordingError (R1). Points and values that cannot be used are reported and left out. */
export async function readRecording(
  file: string,
  onProblem: OnPointProblem,
  { bytesMax = BYTES_MAX }: { readonly bytesMax?: number } = {},
): Promise<Track> {
  const kind = NAMES.exec(file)?.[1]?.toLowerCase();
  const bytes = bytesOf(file, bytesMax);
  switch (kind) {
    case "fit":
      return readFitTrack(file, await whole(bytes), onProblem);
    case "tcx":
      return readXmlTrack(file, xmlTexts(file, bytes), TCX, onProblem);
    case "gpx":
      return readXmlTrack(file, xmlTexts(file, bytes), GPX, onProblem);
    default:
      throw new RecordingError(file, "", "must end in .fit, .tcx or .gpx, perhaps with .gz");
  }
}

/** The file's bytes, unpacked. */
async function* bytesOf(file: string, bytesMax: number): AsyncGenerator<Buffer> {
  let read = 0;
  try {
    const raw = createReadStream(file);
    const unpacked = /\.gz$/i.test(file) ? raw.pipe(createGunzip()) : raw;
    // An error of the file itself does not pass through the pipe.
    raw.on("error", (error) => unpacked.destroy(error));
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      read += chunk.length;
      if (read > bytesMax)
        throw new RecordingError(file, `byte ${bytesMax}`, "is larger than any recording is");
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof RecordingError) throw cause;
    throw new RecordingError(file, `after ${read} bytes`, `cannot be read on: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function whole(bytes: AsyncIterable<Buffer>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
