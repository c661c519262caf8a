/** For tests: readings a second apart, of the making or of a recording, as a device would send them. */
import type { Track } from "../../../infra/devices/track.ts";
import type { Reading, Upload } from "../../../schemas/index.ts";
import { DEFAULT_RULES } from "./default-rules.ts";
import type { Finding, Measure } from "./finding.ts";
import { judgeReading, type Vitals } from "./vitals.ts";

/** When examples begin. */
export const T0 = 1_700_000_000_000;
export const MEASURE: Measure = { ...DEFAULT_RULES, onCourse: true };

/** Somebody who runs evenly, `second` seconds from the start, but for `fields`. */
export function reading(second: number, fields: Partial<Reading> = {}): Reading {
  return {
    tsMs: T0 + second * 1000,
    // Never long the same, never leaping.
    hr: 150 + (second % 7),
    lat: null,
    lon: null,
    distanceM: second * 3,
    steps: null,
    cadence: 176,
    altitudeM: null,
    ...fields,
  };
}

/** Readings of the seconds [from, until). */
export const readings = (
  from: number,
  until: number,
  fields: (second: number) => Partial<Reading> = () => ({}),
): Reading[] => Array.from({ length: until - from }, (_, i) => reading(from + i, fields(from + i)));

export function readingsOfTrack(track: Track): Reading[] {
  const value = (of: number | undefined) => (of === undefined || Number.isNaN(of) ? null : of);
  return Array.from({ length: track.length }, (_, i) => ({
    tsMs: track.startMs + track.atMs[i]!,
    hr: value(track.hr[i]),
    lat: value(track.lat[i]),
    lon: value(track.lon[i]),
    distanceM: value(track.distanceM[i]),
    steps: value(track.steps[i]),
    cadence: value(track.cadence[i]),
    altitudeM: value(track.altitudeM[i]),
  }));
}

/** In uploads of `each` readings, received as they were made. */
export function uploads(
  all: readonly Reading[],
  each = 10,
  { participant = "example/1", device = "d1", event = "example" as string | null } = {},
): Upload[] {
  return Array.from({ length: Math.ceil(all.length / each) }, (_, id) => {
    const part = all.slice(id * each, (id + 1) * each);
    const sentMs = part.at(-1)!.tsMs;
    return { participant, event, device, id, sentMs, receivedMs: sentMs, readings: part };
  });
}

/** What is found, each once: as it was when it was found, and when it was over. */
export function found(
  all: readonly Reading[],
  measure: (reading: Reading) => Measure = () => MEASURE,
): { first: Finding; atMs: number; overMs: number | undefined }[] {
  const seen = new Map<string, { first: Finding; atMs: number; overMs: number | undefined }>();
  let vitals: Vitals | undefined;
  for (const one of all) {
    const judged = judgeReading(vitals, one, measure(one));
    vitals = judged.vitals;
    const now = new Set(judged.findings.map(({ kind, sinceMs }) => `${kind}/${sinceMs}`));
    for (const first of judged.findings) {
      const id = `${first.kind}/${first.sinceMs}`;
      if (!seen.has(id)) seen.set(id, { first, atMs: one.tsMs, overMs: undefined });
    }
    for (const [id, entry] of seen) if (!now.has(id)) entry.overMs ??= one.tsMs;
  }
  return [...seen.values()];
}
