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

type OnProblem = (problem: LineProblem) => void;

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

function entrants(file: string, race: string, onProblem: OnProblem): AsyncGenerator<Entrant> {
  const seen = new Set<string>();
  return table(file, ["bib"], ["gender", "division", "country"], onProblem, (values) => {
    const [bib = "", gender = "", division = "", country = ""] = values;
    if (bib === "") return new Fault("bib", "is empty: every entrant needs one");
    if (seen.has(bib)) return new Fault("bib", `${bib} was on the list already: its first line stays`);
    seen.add(bib);
    return { race, bib, gender: gender.toUpperCase(), division, country };
  });
}

function messages(file: string, race: string, onProblem: OnProblem): AsyncGenerator<TimingMessage> {
  return table(file, ["bib", "mat", "timeS"], ["receivedS"], onProblem, (values, line) => {
    const [bib = "", mat = "", time = "", received = ""] = values;
    if (bib === "") return new Fault("bib", "is empty: whose read is it?");
    if (mat === "") return new Fault("mat", "is empty: where was it read?");
    const timeMs = milliseconds(time);
    if (timeMs === null) return new Fault("timeS", NOT_A_TIME);
    const receivedMs = received === "" ? timeMs : milliseconds(received);
    if (receivedMs === null) return new Fault("receivedS", NOT_A_TIME);
    return { race, receivedMs, read: { id: String(line), bib, mat, timeMs } };
  });
}

function officialResults(file: string, onProblem: OnProblem): AsyncGenerator<OfficialResult> {
  const columns = ["netS", "gunS", "place", "placeGender", "placeDivision"];
  return table(file, ["bib"], columns, onProblem, ([bib = "", net = "", gun = "", ...places]) => {
    if (bib === "") return new Fault("bib", "is empty");
    const bad = [net, gun, ...places].findIndex((text) => text !== "" && milliseconds(text) === null);
    if (bad !== -1) return new Fault(columns[bad]!, "is not a number");
    const [place = null, placeGender = null, placeDivision = null] = places.map((text) =>
      text === "" ? null : Number(text),
    );
    return { bib, netMs: milliseconds(net), gunMs: milliseconds(gun), place, placeGender, placeDivision };
  });
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

/** Why a line cannot be used. */
class Fault {
  readonly column: string;
  readonly problem: string;
  constructor(column: string, problem: string) {
    this.column = column;
    this.problem = problem;
  }
}

/**
 * What `read` makes of each line of a file, in order; faults are reported and left out.
 * @param read gets the values of `required`, then `optional` columns, trimmed, empty where the file has none.
 */
async function* table<T>(
  path: string,
  required: readonly string[],
  optional: readonly string[],
  onProblem: OnProblem,
  read: (values: readonly string[], line: number) => T | Fault,
): AsyncGenerator<T> {
  const file = basename(path);
  const names = [...required, ...optional];
  let positions: readonly number[] | undefined;
  let needed = 0;
  const readLine = ({ line, fields, problem }: CsvLine, at: readonly number[]): T | Fault => {
    if (problem !== "") return new Fault("", problem);
    if (fields.length < needed) {
      return new Fault("", `has ${fields.length} columns, ${needed} are needed (${required.join(", ")})`);
    }
    return read(
      at.map((position) => fields[position]?.trim() ?? ""),
      line,
    );
  };
  try {
    for await (const lines of csvLines(path)) {
      for (const line of lines) {
        if (positions === undefined) {
          positions = columnPositions(path, line, required, names);
          needed = 1 + Math.max(...positions.slice(0, required.length));
          continue;
        }
        const item = readLine(line, positions);
        if (item instanceof Fault)
          onProblem({ file, line: line.line, ...item, text: line.text.slice(0, 200) });
        else yield item;
      }
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
