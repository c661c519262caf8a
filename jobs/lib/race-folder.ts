/**
 * A race as a folder of files: `race.json`, `startlist.csv`, `passings.csv` and perhaps `results.csv`, each CSV plain or
 * gzipped (`.csv.gz`), as spreadsheets write it (csv.ts, text-lines.ts), columns in any order under their names in capitals or
 * not. Columns and fields that it does not know are told once, by name.
 *
 * Owns the format and its checks. What the data mean is for the rest of this folder: an unknown bib or mat is no problem here.
 *
 * F1  What makes the race impossible to run (no mats, no gun, no column) is thrown, naming file, place and remedy.
 * F2  A line that cannot be read is set apart: reported, counted, and the file goes on.
 * F3  The id of a read is its line in the file, so reading the same file again gives the same ids.
 * F4  Seconds in files become integer milliseconds here and nowhere else. They may have a decimal comma, or be times of day: one
 *     from long before the gun is of the day after.
 * F5  Every file is bounded, in bytes, in lines, and in the length of a line: one that never ends is refused where it is too long.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { PacestreamError } from "../../runtime/errors.ts";
import type { Entrant, Race, TimingMessage } from "../../schemas/index.ts";
import { type CsvLine, csvLines } from "./csv.ts";
import { parseRace } from "./race-file.ts";
import { checkFile, LIMITS, readText } from "./text-lines.ts";

/** A race folder that cannot be used. The message names the file, the place in it and what to do. */
export class RaceFolderError extends PacestreamError {
  constructor(message: string, options?: ErrorOptions) {
    super("RACE_FOLDER", message, "never", options);
  }
}

/** A line that was set apart (F2), or what there is in a file that is not known. */
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
  /** Of what `messages` gives, for people who wait: about how many, and when the last arrives, where that can be told. */
  outlook(): Promise<{ readonly reads: number; readonly lastReceivedMs: number | undefined }>;
  /** The files that are read, `race.json` first; without results. */
  readonly files: readonly string[];
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
  const told = new Set<string>();
  const once: OnProblem = (problem) => {
    if (told.has(problem.file)) return;
    told.add(problem.file);
    onProblem(problem);
  };
  const race = await readRace(path, once);
  const startlist = fileOf(path, "startlist");
  const passings = fileOf(path, "passings");
  if (startlist === undefined)
    throw new RaceFolderError(
      `${path}: no startlist.csv (or .csv.gz), with columns bib,gender,division,country`,
    );
  if (passings === undefined)
    throw new RaceFolderError(`${path}: no passings.csv (or .csv.gz), with columns bib,mat,timeS,receivedS`);
  const results = fileOf(path, "results");
  for (const file of [startlist, passings, results]) if (file !== undefined) await checkTable(file);
  const reports: Reports = { onProblem, onUnknown: once };
  return {
    path,
    race,
    hasResults: results !== undefined,
    entrants: () => entrants(startlist, race.id, reports),
    messages: () => messages(passings, race, reports),
    results() {
      if (results === undefined) throw new RaceFolderError(`${path}: no results.csv (or .csv.gz)`);
      return officialResults(results, reports);
    },
    outlook: () => outlookOf(passings, race.gunMs),
    files: [join(path, "race.json"), startlist, passings],
  };
}

/** A race of a thousand mats has a hundred kilobytes. */
const RACE_BYTES_MAX = 1 << 20;
/** Each bib is held against those before it. */
const ENTRANTS_MAX = 1_000_000;

async function checkTable(file: string): Promise<void> {
  try {
    await checkFile(file, LIMITS.bytes);
  } catch (cause) {
    throw new RaceFolderError(`${file}: ${(cause as Error).message}`, { cause });
  }
}

async function readRace(path: string, onUnknown: OnProblem): Promise<Race> {
  const file = join(path, "race.json");
  let text: string;
  try {
    text = await readText(file, RACE_BYTES_MAX);
  } catch (cause) {
    throw new RaceFolderError(
      `${file}: cannot be read (${(cause as Error).message}); a race folder needs one`,
      { cause },
    );
  }
  try {
    const { race, unknown } = parseRace(text);
    if (unknown.length > 0)
      onUnknown({
        file: "race.json",
        line: 1,
        column: unknown.join(", "),
        problem: "is not known here, and nothing is made of it",
        text: "",
      });
    return race;
  } catch (cause) {
    throw new RaceFolderError(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function fileOf(path: string, name: string): string | undefined {
  return [join(path, `${name}.csv`), join(path, `${name}.csv.gz`)].find((file) => existsSync(file));
}

interface Reports {
  readonly onProblem: OnProblem;
  /** Columns that are not known. */
  readonly onUnknown: OnProblem;
}

function entrants(file: string, race: string, reports: Reports): AsyncGenerator<Entrant> {
  const seen = new Set<string>();
  return table(file, ["bib"], ["gender", "division", "country"], reports, (values, line) => {
    if (seen.size >= ENTRANTS_MAX)
      throw new RaceFolderError(
        `${file}: line ${line}: more than ${ENTRANTS_MAX} entrants: no race has so many`,
      );
    const [bib = "", gender = "", division = "", country = ""] = values;
    if (bib === "") return new Fault("bib", "is empty: every entrant needs one");
    if (seen.has(bib)) return new Fault("bib", `${bib} was on the list already: its first line stays`);
    seen.add(bib);
    return { race, bib, gender: gender.toUpperCase(), division, country };
  });
}

function messages(file: string, { id: race, gunMs }: Race, reports: Reports): AsyncGenerator<TimingMessage> {
  return table(file, ["bib", "mat", "timeS"], ["receivedS"], reports, (values, line) => {
    const [bib = "", mat = "", time = "", received = ""] = values;
    if (bib === "") return new Fault("bib", "is empty: whose read is it?");
    if (mat === "") return new Fault("mat", "is empty: where was it read?");
    const timeMs = timeOf(time, gunMs);
    if (timeMs === null) return new Fault("timeS", NOT_A_TIME);
    const receivedMs = received === "" ? timeMs : timeOf(received, gunMs);
    if (receivedMs === null) return new Fault("receivedS", NOT_A_TIME);
    return { race, receivedMs, read: { id: String(line), bib, mat, timeMs } };
  });
}

function officialResults(file: string, reports: Reports): AsyncGenerator<OfficialResult> {
  const columns = ["netS", "gunS", "place", "placeGender", "placeDivision"];
  return table(file, ["bib"], columns, reports, ([bib = "", net = "", gun = "", ...places]) => {
    if (bib === "") return new Fault("bib", "is empty");
    const bad = [net, gun, ...places].findIndex((text) => text !== "" && milliseconds(text) === null);
    if (bad !== -1) return new Fault(columns[bad]!, "is not a number");
    const [place = null, placeGender = null, placeDivision = null] = places.map((text) =>
      text === "" ? null : Number(text),
    );
    return { bib, netMs: milliseconds(net), gunMs: milliseconds(gun), place, placeGender, placeDivision };
  });
}

/** Whoever reads the lines reports what is wrong with them. */
async function outlookOf(
  file: string,
  gunMs: number,
): Promise<{ readonly reads: number; readonly lastReceivedMs: number | undefined }> {
  let lines = 0;
  let header: CsvLine | undefined;
  let last: CsvLine | undefined;
  try {
    for await (const batch of csvLines(file)) {
      header ??= batch[0];
      last = batch.at(-1);
      lines += batch.length;
    }
  } catch {
    // Of what could be read.
  }
  const columns = header?.fields.map(columnName) ?? [];
  const lastOf = (name: string) => last?.fields[columns.indexOf(columnName(name))]?.trim() ?? "";
  const lastReceivedMs = timeOf(lastOf("receivedS") || lastOf("timeS"), gunMs) ?? undefined;
  return { reads: Math.max(0, lines - 1), lastReceivedMs };
}

const NOT_A_TIME =
  "is not a time: give seconds since local midnight, such as 27001 or 27001.25, or the time of day, such as 07:30:01";

/** A week either way is no time of any race: such a number comes from a broken clock or another unit. */
const TIME_MAX_MS = 7 * 86_400_000;

const HALF_DAY_MS = 43_200_000;

/** F4. Null when it is none. */
function timeOf(text: string, gunMs: number): number | null {
  if (!text.includes(":")) return milliseconds(text);
  const clock = /^(\d{1,3}):([0-5]\d):([0-5]\d(?:[.,]\d*)?)$/.exec(text);
  if (clock === null) return null;
  const [, hours, minutes, seconds] = clock;
  const ofDayMs = (Number(hours) * 60 + Number(minutes)) * 60_000 + milliseconds(seconds!)!;
  return ofDayMs < gunMs - HALF_DAY_MS ? ofDayMs + 2 * HALF_DAY_MS : ofDayMs;
}

/** Seconds as text to integer milliseconds; null when it is none. */
function milliseconds(text: string): number | null {
  // Number("") is 0 and Number("0x10") 16: neither is a time somebody meant.
  if (!/^\s*-?\d+([.,]\d*)?\s*$/.test(text)) return null;
  const ms = Math.round(Number(text.includes(",") ? text.replace(",", ".") : text) * 1000);
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
  { onProblem, onUnknown }: Reports,
  read: (values: readonly string[], line: number) => T | Fault,
): AsyncGenerator<T> {
  const file = basename(path);
  const names = [...required, ...optional];
  let positions: readonly number[] | undefined;
  let needed = 0;
  let named = 0;
  const readLine = ({ line, fields, problem }: CsvLine, at: readonly number[]): T | Fault => {
    if (problem !== "") return new Fault("", problem);
    if (fields.length > named && fields.slice(named).some((field) => field.trim() !== ""))
      return new Fault(
        "",
        `has ${fields.length} columns, the first line names ${named}: put what holds the separator in quotes`,
      );
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
          named = line.fields.length;
          tellUnknown(file, line, names, onUnknown);
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
  const columns = header.fields.map(columnName);
  const missing = required.filter((name) => !columns.includes(columnName(name)));
  if (missing.length > 0) {
    throw new RaceFolderError(
      `${path}: line ${header.line} has no column ${missing.join(", ")}; it must name ${names.join(",")}, but reads: ${header.text.slice(0, 200)}`,
    );
  }
  return names.map((name) => columns.indexOf(columnName(name)));
}

/** Capitals, blanks and underscores are as whoever made the file likes them. */
const columnName = (name: string): string => name.trim().toLowerCase().replaceAll(/[\s_]/g, "");

function tellUnknown(
  file: string,
  { line, text, fields }: CsvLine,
  names: readonly string[],
  onUnknown: OnProblem,
): void {
  const known = new Set(names.map(columnName));
  const unknown = fields.filter((name) => name.trim() !== "" && !known.has(columnName(name)));
  if (unknown.length === 0) return;
  const column = unknown.map((name) => name.trim()).join(", ");
  const problem = "is not known here, and nothing is made of it";
  onUnknown({ file, line, column, problem, text: text.slice(0, 200) });
}
