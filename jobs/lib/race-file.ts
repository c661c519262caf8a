/**
 * `race.json`: how an organiser describes a race. Times in it are seconds, in a `Race` milliseconds.
 *
 * Needed: `id`, `gunTimeS`, `mats` (each `id`, `distanceM`; by distance, the first the start at 0, the last the finish).
 * May be left out: `name` (the id), `date`, `timezone` (UTC), `rankBy` (net), `distanceM` (the finish mat's),
 * `overdueAfterS`, `dnfAfterS`.
 */
import type { Mat, Race } from "../../schemas/index.ts";

/**
 * A runner is overdue half an hour after the projected time at the next mat: in Chicago 2023, Boston 2014 and New York 2003
 * one read in 400 comes later than that, mostly of runners the next mat missed.
 */
const OVERDUE_AFTER_S = 1800;
/** Three hours after the projected time at the next mat: of those races' 114 661 finishers, 77 came in after that. */
const DNF_AFTER_S = 10_800;

/** Reads the text of a `race.json`. @throws Error naming the field, and what should stand there. */
export function parseRace(text: string): Race {
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
  const overdueAfterMs = toMs(numberOf(fields, "overdueAfterS", OVERDUE_AFTER_S));
  const dnfAfterMs = toMs(numberOf(fields, "dnfAfterS", Math.max(DNF_AFTER_S, overdueAfterMs / 1000)));
  if (overdueAfterMs <= 0) throw new Error("overdueAfterS: must be more than 0");
  if (dnfAfterMs < overdueAfterMs)
    throw new Error("dnfAfterS: must not be less than overdueAfterS, both count from the projected time");
  return {
    id,
    name: textOf(fields, "name", id),
    date: dateOf(fields),
    timezone: timezoneOf(fields),
    gunMs: toMs(numberOf(fields, "gunTimeS")),
    rankBy,
    distanceM: numberOf(fields, "distanceM", mats.at(-1)!.distanceM),
    mats,
    overdueAfterMs,
    dnfAfterMs,
  };
}

const toMs = (s: number) => Math.round(s * 1000);

function matsOf(value: unknown): Mat[] {
  if (!Array.isArray(value) || value.length < 2)
    throw new Error("mats: must be a list of two or more, the start first, the finish last");
  const mats = value.map((item: unknown, index): Mat => {
    const at = `mats[${index}]`;
    if (typeof item !== "object" || item === null)
      throw new Error(`${at}: must be an object with id and distanceM`);
    const fields = item as Readonly<Record<string, unknown>>;
    return {
      id: textOf(fields, "id", undefined, at),
      distanceM: numberOf(fields, "distanceM", undefined, at),
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

function dateOf(fields: Readonly<Record<string, unknown>>): string {
  const date = textOf(fields, "date", "1970-01-01");
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date)
    throw new Error(`date: "${date}" is no day; give it as 2023-10-08`);
  return date;
}

function timezoneOf(fields: Readonly<Record<string, unknown>>): string {
  const timezone = textOf(fields, "timezone", "UTC");
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
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
): string {
  const value = fields[name] ?? fallback;
  if (typeof value !== "string" || value.trim() === "")
    throw new Error(`${at === undefined ? name : `${at}.${name}`}: must be text, and not empty`);
  return value.trim();
}

function numberOf(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  fallback?: number,
  at?: string,
): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value))
    throw new Error(`${at === undefined ? name : `${at}.${name}`}: must be a number`);
  return value;
}
