/**
 * Nothing is received of a person for `lostAfterMs`, by the node's clock: the one rule about what does not come. A timer asks it.
 *
 * LS1  When it began and when it was due are told by the last reading and the rules; the clock only decides whether.
 * LS2  A timer that fires much later than it was set for says that this program slept, not the device: what has come meanwhile
 *      is read first.
 * LS3  Nobody waits for whom there is no event, or who has finished it: by the timing, or by a distance that no watch says before
 *      the end.
 */
import {
  codecOf,
  EvidenceReading,
  type HealthRules,
  type Reading,
  type Upload,
} from "../../../schemas/index.ts";
import { withReading } from "./evidence.ts";

/** LS2: how late a timer may be, and how long what came meanwhile may take to be read. */
export const SLEPT_MS = 2_000;
export const CATCH_UP_MS = 5_000;

export interface Place {
  lat: number | null;
  lon: number | null;
  distanceM: number | null;
}

export const NOWHERE: Place = { lat: null, lon: null, distanceM: null };

/** The last that was heard of a person. */
export interface Presence extends Place {
  device: string;
  event: string | null;
  last: EvidenceReading;
  /** By the node's clock. */
  heardMs: number;
  /** When the timer fires; `null`: none is set. */
  dueMs: number | null;
}

const orNull = (type: string) => ["null", type];
export const Presence = codecOf<Presence>("presence", {
  type: "record",
  name: "Presence",
  fields: [
    { name: "device", type: "string" },
    { name: "event", type: orNull("string") },
    { name: "last", type: JSON.parse(EvidenceReading.schema) },
    { name: "heardMs", type: "double" },
    { name: "dueMs", type: orNull("double") },
    { name: "lat", type: orNull("double") },
    { name: "lon", type: orNull("double") },
    { name: "distanceM", type: orNull("double") },
  ],
});

/** After an upload was judged. One timer at a time: when it fires it looks how long ago that was, and waits for the rest. */
export function heard(
  before: Presence | undefined,
  { device, event }: Upload,
  reading: Reading,
  place: Place,
  nowMs: number,
  rules: HealthRules,
  hasFinished: boolean,
): Presence {
  const newest = !before || reading.tsMs > before.last.tsMs;
  const awaited = event !== null && !hasFinished && !hasCovered(place, rules);
  return {
    ...place,
    device: newest ? device : before.device,
    event,
    last: newest ? withReading(undefined, reading).last : before.last,
    heardMs: nowMs,
    dueMs: before?.dueMs ?? (awaited ? nowMs + rules.lostAfterMs : null),
  };
}

export type Listened = { readonly waitUntilMs: number } | "lost" | "nobody-waits";

/** When the timer of `presence` has fired. */
export function listen(
  presence: Presence,
  nowMs: number,
  rules: HealthRules,
  hasFinished: boolean,
): Listened {
  if (presence.event === null || hasFinished || hasCovered(presence, rules)) return "nobody-waits"; // LS3
  if (nowMs - presence.dueMs! > SLEPT_MS) return { waitUntilMs: nowMs + CATCH_UP_MS }; // LS2
  // Never a difference added to `nowMs`: rounded, it could be `nowMs` itself, and the timer would fire for ever.
  const waitUntilMs = presence.heardMs + rules.lostAfterMs;
  // A clock that was set back would have us wait for longer than the patience.
  return waitUntilMs > nowMs && waitUntilMs - nowMs <= rules.lostAfterMs ? { waitUntilMs } : "lost";
}

/** LS1. */
export const lostAtMs = ({ last }: Presence, { lostAfterMs }: HealthRules): number => last.tsMs + lostAfterMs;

/** The last known place. */
export function placeAfter(before: Place, { lat, lon, distanceM }: Reading): Place {
  return {
    lat: lat ?? before.lat,
    lon: lon ?? before.lon,
    distanceM: distanceM ?? before.distanceM,
  };
}

/** Watches measure a marathon up to some four hundredths too long, between high buildings above all: none of them is at its end yet. */
const WATCH_LONG_MAX = 1.05;

export const hasCovered = ({ distanceM }: Place, { courseM }: HealthRules): boolean =>
  courseM !== null && distanceM !== null && distanceM >= WATCH_LONG_MAX * courseM;
