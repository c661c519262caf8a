/** A race folder as something to replay, and how long that will be. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type LineProblem, openRaceFolder } from "../../jobs/lib/race-folder.ts";
import type { Recording } from "./script.ts";

export interface RecordedRace extends Recording {
  /** SHA-256 over the files that are sent: the same counts mean the same reads. */
  readonly fingerprint: string;
  /** An estimate for people who wait, from the lines of the file; its fields are `undefined` where they cannot be told. */
  readonly outlook: Outlook;
}

export interface Outlook {
  readonly reads: number;
  /** When the last read arrived, milliseconds of the race's day. */
  readonly lastReceivedMs: number | undefined;
}

/**
 * Opens the folder; its lines are read, and those that cannot be read reported, as they are asked for.
 * @throws RaceFolderError when it cannot be replayed.
 */
export async function openRecording(
  path: string,
  onProblem: (problem: LineProblem) => void,
): Promise<RecordedRace> {
  const folder = await openRaceFolder(path, onProblem);
  return {
    race: folder.race,
    entrants: () => folder.entrants(),
    passings: () => folder.messages(),
    fingerprint: await fingerprintOf(folder.files),
    outlook: await folder.outlook(),
  };
}

async function fingerprintOf(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    hash.update("\0");
  }
  return hash.digest("hex");
}
