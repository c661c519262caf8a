/** Windows of an athlete for tests, as the job writes them. */
import type { ReadingWindow } from "../../schemas/index.ts";
import { SAMPLE } from "./sample-race.ts";

export const WINDOWS_MS = Date.parse("2026-05-03T09:00:00Z");

/** The `n`th window of ten seconds, three metres a second. */
export function sampleWindow(bib: string, n: number, other: Partial<ReadingWindow> = {}): ReadingWindow {
  const startMs = WINDOWS_MS + n * 10_000;
  return {
    participant: `${SAMPLE.id}/${bib}`,
    event: SAMPLE.id,
    size: "10s",
    startMs,
    endMs: startMs + 10_000,
    pane: "on_time",
    revision: 0,
    readings: 5,
    hrCount: 5,
    hrMin: 140 + n,
    hrMax: 150 + n,
    hrMean: 145 + n,
    hrP05: 140 + n,
    hrP25: 142 + n,
    hrP50: 145 + n,
    hrP75: 148 + n,
    hrP95: 150 + n,
    cadenceMean: 176,
    distanceM: 30,
    steps: 29,
    activeS: 10,
    restS: 0,
    ...other,
  };
}
