/**
 * A race as a folder of files: `race.json`, `startlist.csv`, `passings.csv` and perhaps `results.csv`, each CSV plain or
 * gzipped (`.csv.gz`), columns in any order under their names, more columns than needed allowed.
 *
 * Owns the format and its checks. What the data mean is for the rest of this folder: an unknown bib or mat is no problem here.
 *
 * F1  What makes the race impossible to run (no mats, no gun, no column) is thrown, naming file, place and remedy.
 * F2  A line that cannot be read is set apart: reported, counted, and the file goes on.
 * F3  The id of a read is its line in the file, so reading the same file again gives the same ids.
 * F4  Seconds in files become integer milliseconds here and nowhere else.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { PacestreamError } from "../../runtime/errors.ts";
import type { Entrant, Race, TimingMessage } from "../../schemas/index.ts";
import { type CsvLine, csvLines } from "./csv.ts";
import { parseRace } from "./race-file.ts";

/** A race folder that cannot be used. The message names the file, the place in it and what to do. */
export class RaceFolderError extends PacestreamError {
  constructor(message: string, options?: ErrorOptions) {
    super("RACE_FOLDER", message, "never", options);
  }
}

/** A line that was set apart (F2). */
export interface LineProblem {
  readonly file: string;
  readonly line: number;
  /** The column at fault; empty: the whole line. */
  readonly column: string;
  /** What is wrong, and what should stand there. */
  readonly problem: string;
  /** The line, cut to 200 characters. */
  readonly text: string;
}

/** A line of `results.csv`: what officials found. Absent values are null. */
export interface OfficialResult {
  readonly bib: string;
  readonly netMs: number | null;
  readonly gunMs: number | null;
  readonly place: number | null;
  readonly placeGender: number | null;
  readonly placeDivision: number | null;
}

export interface RaceFolder {
  readonly path: string;
  readonly race: Race;
  readonly hasResults: boolean;
  /** The start list. A bib given twice keeps its first line. */
  entrants(): AsyncGenerator<Entrant>;
  /** Every read in file order, which is the order of arrival; a read without `receivedS` arrived when it was taken. */
  messages(): AsyncGenerator<TimingMessage>;
  /** @throws RaceFolderError when the folder has none: see `hasResults`. */
  results(): AsyncGenerator<OfficialResult>;
}

/**
 * Opens a race folder: reads `race.json` and checks that the other files are there. They are read when asked for.
 * @param onProblem told of every line set apart, in file order.
 * @throws RaceFolderError (F1); `entrants`, `messages` and `results` throw it too, for a header or a file that cannot be read.
 */
export async function openRaceFolder(
  path: string,
  onProblem: (problem: LineProblem) => void,
): Promise<RaceFolder> {
  if (!existsSync(path))
    throw new RaceFolderError(
      `${path}: no such folder; give one that holds race.json, startlist.csv, passings.csv`,
    );
  const race = await readRace(path);
  const startlist = fileOf(path, "startlist");
  const passings = fileOf(path, "passings");
  if (startlist === undefined)
    throw new RaceFolderError(
      `${path}: no startlist.csv (or .csv.gz), with columns bib,gender,division,country`,
    );
  if (passings === undefined)
    throw new RaceFolderError(`${path}: no passings.csv (or .csv.gz), with columns bib,mat,timeS,receivedS`);
  const results = fileOf(path, "results");
  return {
    path,
    race,
    hasResults: results !== undefined,
    entrants: () => entrants(startlist, race.id, onProblem),
    messages: () => messages(passings, race.id, onProblem),
    results() {
      if (results === undefined) throw new RaceFolderError(`${path}: no results.csv (or .csv.gz)`);
      return officialResults(results, onProblem);
    },
  };
}

async function readRace(path: string): Promise<Race> {
  const file = join(path, "race.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new RaceFolderError(
      `${file}: cannot be read (${(cause as Error).message}); a race folder needs one`,
      { cause },
    );
  }
  try {
    return parseRace(text);
  } catch (cause) {
    throw new RaceFolderError(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function fileOf(path: string, name: string): string | undefined {
  return [join(path, `${name}.csv`), join(path, `${name}.csv.gz`)].find((file) => existsSync(file));
}

async function* entrants(
  file: string,
  race: string,
  onProblem: (problem: LineProblem) => void,
): AsyncGenerator<Entrant> {
  const seen = new Set<string>();
  for await (const { rows, report } of table(file, ["bib"], ["gender", "division", "country"], onProblem)) {
    for (const row of rows) {
      const [bib = "", gender = "", division = "", country = ""] = row.values;
      if (bib === "") report(row.line, "bib", "is empty: every entrant needs one");
      else if (seen.has(bib)) report(row.line, "bib", `${bib} was on the list already: its first line stays`);
      else {
        seen.add(bib);
        yield { race, bib, gender: gender.toUpperCase(), division, country };
      }
    }
  }
}

async function* messages(
  file: string,
  race: string,
  onProblem: (problem: LineProblem) => void,
): AsyncGenerator<TimingMessage> {
  for await (const { rows, report } of table(file, ["bib", "mat", "timeS"], ["receivedS"], onProblem)) {
    for (const row of rows) {
      const [bib = "", mat = "", time = "", received = ""] = row.values;
      const timeMs = milliseconds(time);
      const receivedMs = received === "" ? timeMs : milliseconds(received);
      if (bib === "") report(row.line, "bib", "is empty: whose read is it?");
      else if (mat === "") report(row.line, "mat", "is empty: where was it read?");
      else if (timeMs === null) report(row.line, "timeS", NOT_A_TIME);
      else if (receivedMs === null) report(row.line, "receivedS", NOT_A_TIME);
      else yield { race, receivedMs, read: { id: String(row.line.line), bib, mat, timeMs } };
    }
  }
}

async function* officialResults(
  file: string,
  onProblem: (problem: LineProblem) => void,
): AsyncGenerator<OfficialResult> {
  const columns = ["netS", "gunS", "place", "placeGender", "placeDivision"] as const;
  for await (const { rows, report } of table(file, ["bib"], columns, onProblem)) {
    for (const row of rows) {
      const [bib = "", net = "", gun = "", ...places] = row.values;
      const bad = columns.find((_, i) => row.values[i + 1] && milliseconds(row.values[i + 1]!) === null);
      if (bib === "") report(row.line, "bib", "is empty");
      else if (bad !== undefined) report(row.line, bad, "is not a number");
      else {
        const [place, placeGender, placeDivision] = places.map((text) => (text === "" ? null : Number(text)));
        yield {
          bib,
          netMs: milliseconds(net),
          gunMs: milliseconds(gun),
          place: place ?? null,
          placeGender: placeGender ?? null,
          placeDivision: placeDivision ?? null,
        };
      }
    }
  }
}

const NOT_A_TIME = "is not a time: give seconds since local midnight, such as 27001 or 27001.25";

/** A week either way is no time of any race: such a number comes from a broken clock or another unit. */
const TIME_MAX_MS = 7 * 86_400_000;

/** Seconds as text to integer milliseconds; null when it is none. */
function milliseconds(text: string): number | null {
  // Number("") is 0 and Number("0x10") 16: neither is a time somebody meant.
  if (!/^\s*-?\d+(\.\d*)?\s*$/.test(text)) return null;
  const ms = Math.round(Number(text) * 1000);
  return Math.abs(ms) <= TIME_MAX_MS ? ms : null;
}

interface Row {
  readonly line: CsvLine;
  /** Trimmed, in the order asked for; empty where an optional column is absent. */
  readonly values: readonly string[];
}

interface Rows {
  readonly rows: readonly Row[];
  report(line: CsvLine, column: string, problem: string): void;
}

/** The rows of a file by column name, a batch at a time; lines without the required columns are set apart. */
async function* table(
  path: string,
  required: readonly string[],
  optional: readonly string[],
  onProblem: (problem: LineProblem) => void,
): AsyncGenerator<Rows> {
  const file = basename(path);
  const names = [...required, ...optional];
  const report = ({ line, text }: CsvLine, column: string, problem: string) =>
    onProblem({ file, line, column, problem, text: text.length > 200 ? `${text.slice(0, 200)}…` : text });
  let positions: readonly number[] | undefined;
  let needed = 0;
  try {
    for await (const lines of csvLines(path)) {
      const rows: Row[] = [];
      for (const line of lines) {
        if (positions === undefined) {
          positions = columnPositions(path, line, required, names);
          needed = 1 + Math.max(...positions.slice(0, required.length));
        } else if (line.problem !== "") report(line, "", line.problem);
        else if (line.fields.length < needed) {
          report(
            line,
            "",
            `has ${line.fields.length} columns, ${needed} are needed (${required.join(", ")})`,
          );
        } else rows.push({ line, values: positions.map((at) => line.fields[at]?.trim() ?? "") });
      }
      yield { rows, report };
    }
  } catch (cause) {
    if (cause instanceof RaceFolderError) throw cause;
    throw new RaceFolderError(`${path}: cannot be read to its end: ${(cause as Error).message}`, { cause });
  }
  if (positions === undefined)
    throw new RaceFolderError(`${path}: is empty; its first line must name the columns ${names.join(",")}`);
}

/** Where each of `names` stands; -1 for an optional column that is absent. */
function columnPositions(
  path: string,
  header: CsvLine,
  required: readonly string[],
  names: readonly string[],
): number[] {
  const columns = header.fields.map((name) => name.replace(/^\uFEFF/, "").trim());
  const missing = required.filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    throw new RaceFolderError(
      `${path}: line ${header.line} has no column ${missing.join(", ")}; it must name ${names.join(",")}, separated by commas, but reads: ${header.text.slice(0, 200)}`,
    );
  }
  return names.map((name) => columns.indexOf(name));
}
