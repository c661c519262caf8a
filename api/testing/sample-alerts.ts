/** Health alerts for tests, as the job writes them, step by step. */
import type { Alert, AlertKind } from "../../schemas/index.ts";
import { SAMPLE } from "./sample-race.ts";

/** When the samples begin. */
export const ALERT_MS = Date.parse("2026-05-03T09:00:00Z");

/** Raised `minute` minutes after the start: of a heart too fast, unless told otherwise. */
export function raisedAlert(
  bib: string,
  minute: number,
  kind: AlertKind = "high_heart_rate",
  other: Partial<Alert> = {},
): Alert {
  const participant = `${other.event ?? SAMPLE.id}/${bib}`;
  const sinceMs = Math.round(ALERT_MS + minute * 60_000 - 120_000);
  return {
    id: `${participant}/${kind}/${sinceMs}`,
    participant,
    event: SAMPLE.id,
    device: `watch-${bib}`,
    kind,
    state: "raised",
    sinceMs,
    atMs: sinceMs + 120_000,
    value: 186,
    limit: 170,
    reason: "heart rate above 170, up to 186",
    rules: 3,
    lat: 52.5,
    lon: 13.4,
    distanceM: 12_400,
    acknowledgedBy: null,
    acknowledgedMs: null,
    acknowledgedNote: null,
    readings: 121,
    evidence: Array.from({ length: 11 }, (_, i) => ({
      tsMs: sinceMs + i * 12_000,
      hr: 168 + ((i * 7) % 19),
      cadence: 172,
      distanceM: 12_000 + i * 40,
      lat: 52.5,
      lon: 13.4,
    })),
    ...other,
  };
}

export const escalatedAlert = (alert: Alert): Alert => ({
  ...alert,
  state: "escalated",
  atMs: alert.atMs + 180_000,
});

export const acknowledgedAlert = (alert: Alert, by: string, note: string | null = null): Alert => ({
  ...alert,
  state: "acknowledged",
  atMs: alert.atMs + 60_000,
  acknowledgedBy: by,
  acknowledgedMs: alert.atMs + 60_000,
  acknowledgedNote: note,
});

export const clearedAlert = (alert: Alert, reason = "over"): Alert => ({
  ...alert,
  state: "cleared",
  atMs: alert.atMs + 240_000,
  reason,
});
