/**
 * What the pages ask the server, and the shapes of its answers, as far as the pages use them. The server's own
 * description is at `/docs`. Times are seconds, times of day seconds since local midnight, distances metres.
 */

export type Status = "registered" | "running" | "overdue" | "finished" | "dnf" | "dsq";
export type By = "overall" | "gender" | "division";

export interface MatCount {
  id: string;
  distanceM: number;
  /** How many have a place here. */
  passed: number;
}

/** How many runners are in each state. */
export interface Counts {
  runners: number;
  started: number;
  registered: number;
  running: number;
  overdue: number;
  finished: number;
  dnf: number;
  dsq: number;
}

export interface RaceListing extends Counts {
  id: string;
  name: string;
  date: string;
  timezone: string;
  /** Time of day of the gun. */
  gunS: number;
  /** Race clock; null before the first read. */
  asOf: number | null;
}

export interface RaceDetail extends RaceListing {
  rankBy: "net" | "gun";
  distanceM: number;
  mats: MatCount[];
  genders: string[];
  /** `M 40-44`. */
  divisions: string[];
}

export interface Row {
  place: number | null;
  bib: string;
  gender: string;
  division: string;
  country: string;
  netS: number | null;
  gunS: number | null;
  gapS: number | null;
  paceSPerKm: number | null;
  status: Status;
  /** The mat that the times are of: on the live board the last one passed. */
  mat: string;
  distanceM: number;
  /** null once finished. */
  projectedS: number | null;
}

export interface Leaderboard {
  race: string;
  at: string;
  by: By;
  of: string | null;
  passed: number;
  asOf: number | null;
  /** Of the whole race; only in what a stream sends. */
  counts?: Counts;
  rows: Row[];
}

export interface Split {
  mat: string;
  distanceM: number;
  timeOfDayS: number | null;
  netS: number | null;
  gunS: number | null;
  legPaceSPerKm: number | null;
  place: number | null;
  passed: number;
  placeGender: number | null;
  passedGender: number;
  placeDivision: number | null;
  passedDivision: number;
}

export interface Runner {
  race: string;
  /** Who wears the runner's device, if there is one. */
  athlete: string;
  bib: string;
  gender: string;
  division: string;
  country: string;
  status: Status;
  asOf: number | null;
  splits: Split[];
  projectedS: number | null;
  projectedPlace: number | null;
}

export interface Found {
  bib: string;
  gender: string;
  division: string;
  country: string;
  status: Status;
}

export interface View {
  at: string;
  by: By;
  /** Empty for `overall`. */
  of: string;
  offset: number;
}

/** A refusal or a failure, in words a spectator can read. `status` 0: the server was not reached. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const path = (...parts: string[]): string => `/v1/races/${parts.map(encodeURIComponent).join("/")}`;

export async function listRaces(): Promise<RaceListing[]> {
  return (await get<{ races: RaceListing[] }>("/v1/races")).races;
}

export function getRace(race: string, signal?: AbortSignal): Promise<RaceDetail> {
  return get(path(race), signal);
}

export function leaderboardStream(race: string, view: View, limit: number): string {
  return `${path(race, "leaderboard", "stream")}?${viewQuery(view, limit)}`;
}

export function getRunner(race: string, bib: string, signal?: AbortSignal): Promise<Runner> {
  return get(path(race, "runners", bib), signal);
}

export function runnerStream(race: string, bib: string): string {
  return path(race, "runners", bib, "stream");
}

export async function findRunners(race: string, prefix: string, signal?: AbortSignal): Promise<Found[]> {
  const query = new URLSearchParams({ q: prefix });
  return (await get<{ runners: Found[] }>(`${path(race, "runners")}?${query}`, signal)).runners;
}

export function runnerPage(race: string, bib: string): string {
  return `/runner.html?${new URLSearchParams({ race, bib })}`;
}

function viewQuery(view: View, limit: number): URLSearchParams {
  const query = new URLSearchParams({ at: view.at, by: view.by });
  if (view.by !== "overall") query.set("of", view.of);
  query.set("limit", String(limit));
  if (view.offset > 0) query.set("offset", String(view.offset));
  return query;
}

function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(url, { ...(signal && { signal }) });
}

/** @throws ApiError for whatever is no success. */
export async function ask<T>(
  url: string,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: { accept: "application/json", ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    const message = isRecord(body) && typeof body.message === "string" ? body.message : "";
    throw new ApiError(response.status, message || `The server answered ${response.status}.`);
  }
  return (await response.json()) as T;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
