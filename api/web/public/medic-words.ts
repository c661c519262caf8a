/** Alerts in words, and their times as people read them. Pure. */

import { localToUtcMs } from "../../../runtime/zoned-time.ts";
import type { AlertSummary } from "../../live/alerts/schemas.ts";

export type AlertKind = AlertSummary["kind"];
export type AlertState = AlertSummary["state"];
export type Urgency = AlertSummary["urgency"];

export const URGENCY_WORDS: Record<Urgency, string> = {
  critical: "Critical",
  high: "High",
  moderate: "Moderate",
  low: "Low",
};

export const KIND_WORDS: Record<AlertKind, string> = {
  high_heart_rate: "Heart rate too high",
  sudden_drop: "Heart rate fell suddenly",
  no_motion: "Does not move",
  lost_signal: "No signal",
  stuck_sensor: "Sensor is stuck",
  spiking_sensor: "Sensor leaps",
  cadence_lock: "Sensor counts steps",
};

export const STATE_WORDS: Record<AlertState, string> = {
  raised: "Raised",
  escalated: "Escalated",
  acknowledged: "Acknowledged",
  cleared: "Over",
};

/** `Bib 123`; a participant of everyday life by its id. */
export const whoOf = ({ bib, participant }: AlertSummary): string =>
  bib === null ? participant : `Bib ${bib}`;

/** `km 12.4, 10k to Half`; empty when nobody knows. */
export function whereOf({ distanceM, afterMat, beforeMat }: AlertSummary): string {
  if (distanceM === null) return "";
  const km = `km ${(distanceM / 1000).toFixed(1)}`;
  if (afterMat === null || beforeMat === null) return km;
  return `${km}, ${mat(afterMat)} to ${mat(beforeMat)}`;
}

const mat = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1);

/** What was measured, and what it is held against. */
export function measuredOf({ kind, value, limit }: AlertSummary): string {
  if (value === null) return "";
  const measured = Math.round(value);
  const against = (word: string): string => (limit === null ? "" : `, ${word} ${Math.round(limit)}`);
  switch (kind) {
    case "high_heart_rate":
      return `${measured} bpm${against("limit")}`;
    case "sudden_drop":
      return `Fell by ${measured} bpm${against("limit")}`;
    case "spiking_sensor":
      return `Leapt by ${measured} bpm${against("limit")}`;
    case "stuck_sensor":
      return `${measured} bpm all the time`;
    case "cadence_lock":
      return `${measured} steps a minute`;
    case "no_motion":
      return `Only ${measured} m covered`;
    case "lost_signal":
      return "";
  }
}

interface ZoneFormats {
  readonly day: Intl.DateTimeFormat;
  readonly time: Intl.DateTimeFormat;
}

/** A format takes a hundred times as long to make as to use, and each card on the page uses two, each time it is drawn. */
const formats = new Map<string, ZoneFormats>();

/** @param timezone such as `America/Chicago`; empty: the browser's. */
function formatsOf(timezone: string): ZoneFormats {
  const known = formats.get(timezone);
  if (known) return known;
  const zone = timezone ? { timeZone: timezone } : {};
  const made = {
    day: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", ...zone }),
    time: new Intl.DateTimeFormat("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      ...zone,
    }),
  };
  formats.set(timezone, made);
  return made;
}

/** `10:31:05` where the race is; with the day when that is another than `nearMs`'s. */
export function clockTime(ms: number, timezone: string | undefined, nearMs = ms): string {
  const { day, time } = formatsOf(timezone ?? "");
  const [dayOf, near] = [day.format(ms), day.format(nearMs)];
  return dayOf === near ? time.format(ms) : `${dayOf}, ${time.format(ms)}`;
}

/** `under a minute`, `4 min`, `2 h 5 min`. */
export function lasted(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "under a minute";
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The last reading known to have decided something: acknowledgements go by the medics' clock, which in a replay is another. */
export const readMs = ({ state, atMs, raisedMs, escalatedMs }: AlertSummary): number =>
  state === "acknowledged" ? (escalatedMs ?? raisedMs) : atMs;

/** A replay's time is not ours: there, now is when the last thing happened that is known of. */
export function nowOf(newestMs: number, clockMs: number): number {
  return Math.abs(clockMs - newestMs) < 30 * 60_000 ? Math.max(newestMs, clockMs) : newestMs;
}

/**
 * When a race's clock says `asOf`, seconds since midnight there.
 * @param gunS when the gun was: from then on the clock goes on, also where the one on the wall is set meanwhile.
 */
export const raceTimeMs = (date: string, timezone: string, asOf: number, gunS = asOf): number =>
  localToUtcMs(date, gunS * 1000, timezone) + (asOf - gunS) * 1000;
