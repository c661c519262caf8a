/**
 * `race.json`: how an organiser describes a race. Times in it are seconds, in a `Race` milliseconds.
 *
 * Needed: `id`, `gunTimeS`, `mats` (each `id`, `distanceM`; by distance, the first the start at 0, the last the finish).
 * May be left out: `name` (the id), `date`, `timezone` (UTC), `rankBy` (net), `distanceM` (the finish mat's), `overdueAfterS`,
 * `dnfAfterS`, `startOpensS` and `startClosesS` (before and after the gun: when reads at the start count), and of each mat `counts`
 * (first, last or best of several reads; the last at the start, else the first).
 */
import { checkZone } from "../../runtime/zoned-time.ts";
import type { Mat, MatRead, Race } from "../../schemas/index.ts";
import { START_CLOSES_MS, START_OPENS_MS } from "./course.ts";
import { PERSON, RACE_AT_MS, within } from "./plausible.ts";

/**
 * A runner is overdue half an hour after the projected time at the next mat: in Chicago 2023, Boston 2014 and New York 2003
 * one read in 400 comes later than that, mostly of runners the next mat missed.
 */
const OVERDUE_AFTER_S = 1800;
/** Three hours after the projected time at the next mat: of those races' 114 661 finishers, 77 came in after that. */
const DNF_AFTER_S = 10_800;

const NAME_MAX = 200;
const ID_MAX = 100;
const MATS_MAX = 1_000;
/** A race goes on past midnight, not for weeks. */
const SECONDS_MAX = 14 * 86_400;
const FIELDS = [
  "id",
  "name",
  "date",
  "timezone",
  "gunTimeS",
  "rankBy",
  "distanceM",
  "mats",
  "overdueAfterS",
  "dnfAfterS",
  "startOpensS",
  "startClosesS",
];
const MAT_FIELDS = ["id", "distanceM", "counts"];
const COUNTS: readonly MatRead[] = ["first", "last", "best"];

/** A race, and the names of fields that are no part of one. */
export interface ParsedRace {
  readonly race: Race;
  readonly unknown: readonly string[];
}

/** Reads the text of a `race.json`. @throws Error naming the field, and what should stand there. */
export function parseRace(text: string): ParsedRace {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error("must hold one JSON object");
  const fields = json as Readonly<Record<string, unknown>>;
  const id = textOf(fields, "id");
  // It becomes part of keys, addresses and file names.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(id))
    throw new Error(`id: "${id}" must be letters, digits, ".", "_" or "-", such as chicago-2023`);
  const mats = matsOf(fields.mats);
  const rankBy = textOf(fields, "rankBy", "net");
  if (rankBy !== "net" && rankBy !== "gun") throw new Error(`rankBy: "${rankBy}" must be "net" or "gun"`);
  const overdueAfterMs = secondsOf(fields, "overdueAfterS", OVERDUE_AFTER_S);
  const dnfAfterMs = secondsOf(fields, "dnfAfterS", Math.max(DNF_AFTER_S, overdueAfterMs / 1000));
  if (overdueAfterMs <= 0) throw new Error("overdueAfterS: must be more than 0");
  if (dnfAfterMs < overdueAfterMs)
    throw new Error("dnfAfterS: must not be less than overdueAfterS, both count from the projected time");
  const race: Race = {
    id,
    name: textOf(fields, "name", id),
    date: dateOf(fields),
    timezone: timezoneOf(fields),
    gunMs: secondsOf(fields, "gunTimeS"),
    rankBy,
    distanceM: distanceOf(fields, mats.at(-1)!.distanceM),
    mats,
    overdueAfterMs,
    dnfAfterMs,
    startOpensMs: secondsOf(fields, "startOpensS", START_OPENS_MS / 1000),
    startClosesMs: secondsOf(fields, "startClosesS", START_CLOSES_MS / 1000),
  };
  return { race, unknown: unknownOf(fields) };
}

function unknownOf(fields: Readonly<Record<string, unknown>>): string[] {
  const mats = (fields.mats as readonly object[]).flatMap((mat, index) =>
    Object.keys(mat).flatMap((name) => (MAT_FIELDS.includes(name) ? [] : [`mats[${index}].${name}`])),
  );
  return [...Object.keys(fields).filter((name) => !FIELDS.includes(name)), ...mats];
}

/** As milliseconds. */
function secondsOf(fields: Readonly<Record<string, unknown>>, name: string, fallback?: number): number {
  const s = numberOf(fields, name, fallback);
  if (s < 0 || s > SECONDS_MAX) throw new Error(`${name}: ${s} must be seconds from 0 to ${SECONDS_MAX}`);
  return Math.round(s * 1000);
}

function distanceOf(fields: Readonly<Record<string, unknown>>, fallback?: number, at?: string): number {
  const distanceM = numberOf(fields, "distanceM", fallback, at);
  if (!within(distanceM, PERSON.distanceM))
    throw new Error(
      `${nameAt("distanceM", at)}: ${distanceM} must be metres from 0 to ${PERSON.distanceM.max}`,
    );
  return distanceM;
}

function matsOf(value: unknown): Mat[] {
  if (!Array.isArray(value) || value.length < 2)
    throw new Error("mats: must be a list of two or more, the start first, the finish last");
  if (value.length > MATS_MAX) throw new Error(`mats: has ${value.length}, more than ${MATS_MAX}`);
  const mats = value.map((item: unknown, index): Mat => {
    const at = `mats[${index}]`;
    if (typeof item !== "object" || item === null)
      throw new Error(`${at}: must be an object with id and distanceM`);
    const fields = item as Readonly<Record<string, unknown>>;
    return {
      id: textOf(fields, "id", undefined, at, ID_MAX),
      distanceM: distanceOf(fields, undefined, at),
      ...countsOf(fields, at),
    };
  });
  if (mats[0]!.distanceM !== 0)
    throw new Error("mats[0].distanceM: the first mat is the start and must stand at 0");
  mats.forEach((mat, index) => {
    if (mat.id === "live")
      throw new Error(`mats[${index}].id: "live" means the race as it is now; give the mat another name`);
    if (mats.findIndex((other) => other.id === mat.id) < index)
      throw new Error(`mats[${index}].id: "${mat.id}" is there twice`);
    if (index > 0 && mat.distanceM <= mats[index - 1]!.distanceM) {
      throw new Error(
        `mats[${index}].distanceM: ${mat.distanceM} must be more than the mat before it has; give the mats by distance`,
      );
    }
  });
  return mats;
}

function countsOf(fields: Readonly<Record<string, unknown>>, at: string): Pick<Mat, "counts"> {
  const { counts } = fields;
  if (counts === undefined || counts === null) return {};
  const known = COUNTS.find((one) => one === counts);
  if (known === undefined)
    throw new Error(`${at}.counts: ${JSON.stringify(counts)} must be one of ${COUNTS.join(", ")}`);
  return { counts: known };
}

function dateOf(fields: Readonly<Record<string, unknown>>): string {
  const date = textOf(fields, "date", "1970-01-01");
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date)
    throw new Error(`date: "${date}" is no day; give it as 2023-10-08`);
  if (!within(day.getTime(), RACE_AT_MS))
    throw new Error(`date: "${date}" is no day on which a race can have been`);
  return date;
}

function timezoneOf(fields: Readonly<Record<string, unknown>>): string {
  const timezone = textOf(fields, "timezone", "UTC");
  try {
    checkZone(timezone);
  } catch {
    throw new Error(`timezone: "${timezone}" is not known; give an IANA name such as America/Chicago`);
  }
  return timezone;
}

function textOf(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  fallback?: string,
  at?: string,
  max = NAME_MAX,
): string {
  const value = fields[name] ?? fallback;
  if (typeof value !== "string" || value.trim() === "")
    throw new Error(`${nameAt(name, at)}: must be text, and not empty`);
  if (value.length > max)
    throw new Error(`${nameAt(name, at)}: has ${value.length} characters, more than ${max}`);
  return value.trim();
}

const nameAt = (name: string, at: string | undefined) => (at === undefined ? name : `${at}.${name}`);

function numberOf(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  fallback?: number,
  at?: string,
): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new Error(`${nameAt(name, at)}: must be a number`);
  return value;
}
