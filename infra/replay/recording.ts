/** A race folder as something to replay, and how long that will be. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
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
    fingerprint: fingerprintOf(path),
    outlook: await outlookOf(fileOf(path, "passings")),
  };
}

function fileOf(path: string, name: string): string {
  const plain = join(path, `${name}.csv`);
  return existsSync(plain) ? plain : `${plain}.gz`;
}

function fingerprintOf(path: string): string {
  const hash = createHash("sha256");
  for (const file of [join(path, "race.json"), fileOf(path, "startlist"), fileOf(path, "passings")]) {
    hash.update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

const NEWLINE = 10;
const TAIL_BYTES = 4096;

/** Counts lines without taking them apart: a tenth of a second for half a million. */
async function outlookOf(file: string): Promise<Outlook> {
  let lines = 0;
  let head = "";
  let tail = Buffer.alloc(0);
  try {
    const raw = createReadStream(file);
    const bytes = file.endsWith(".gz") ? raw.pipe(createGunzip({ chunkSize: 1 << 18 })) : raw;
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      head ||= chunk.toString("utf8", 0, TAIL_BYTES);
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES);
    }
  } catch {
    // Whoever reads the lines reports what is wrong with the file.
  }
  return { reads: Math.max(0, lines - 1), lastReceivedMs: lastReceivedMs(head, tail.toString("utf8")) };
}

function lastReceivedMs(head: string, tail: string): number | undefined {
  const columns = head
    .replace(/^\uFEFF/, "")
    .split("\n", 1)[0]!
    .split(",")
    .map((name) => name.trim());
  const last = tail.trimEnd().split("\n").at(-1)!.split(",");
  const seconds = last[columns.indexOf("receivedS")] || last[columns.indexOf("timeS")];
  return seconds && Number.isFinite(Number(seconds)) ? Number(seconds) * 1000 : undefined;
}
