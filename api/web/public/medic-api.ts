/** What the medic's page asks the server. The shapes of the answers are the server's own: api/live/alerts/schemas.ts. */
import type { AlertsChange, AlertsState } from "../../live/alerts/alerts-view.ts";
import type { AcknowledgeAnswer, AlertDetail, AlertPage, AlertSummary } from "../../live/alerts/schemas.ts";
import { ask } from "./api.ts";
import { type FeedHandlers, watch } from "./feed.ts";
import { changedAlerts } from "./medic-changes.ts";
import type { AlertState, Urgency } from "./medic-words.ts";
import type { Subscription } from "./sse.ts";

export type { AlertCounts } from "../../live/alerts/schemas.ts";
export type { AlertDetail, AlertSummary, AlertsState };

export interface AlertsQuery {
  /** Empty: of whatever race. */
  readonly race: string;
  readonly states: readonly AlertState[];
  /** Empty: all. */
  readonly urgencies: readonly Urgency[];
  readonly limit: number;
}

const authorized = (token: string): Record<string, string> =>
  token === "" ? {} : { authorization: `Bearer ${token}` };

const pathOf = (id: string): string => `/v1/alerts/${encodeURIComponent(id)}`;

/** Whether alerts are shown to who has this token. @throws ApiError: why not. */
export async function tryAlerts(token: string): Promise<void> {
  await ask<AlertPage>("/v1/alerts?limit=1", { headers: authorized(token) });
}

export function getAlert(id: string, token: string, signal: AbortSignal): Promise<AlertDetail> {
  return ask(pathOf(id), { headers: authorized(token), signal });
}

export function acknowledge(id: string, by: string, note: string, token: string): Promise<AcknowledgeAnswer> {
  return ask(`${pathOf(id)}/acknowledge`, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorized(token) },
    body: JSON.stringify({ by, ...(note !== "" && { note }) }),
  });
}

export function watchAlerts(
  { race, states, urgencies, limit }: AlertsQuery,
  token: string,
  handlers: FeedHandlers<AlertsState>,
): Subscription {
  const query = new URLSearchParams({ state: states.join(","), limit: String(limit) });
  if (race !== "") query.set("race", race);
  if (urgencies.length > 0) query.set("urgency", urgencies.join(","));
  const options = { headers: authorized(token) };
  return watch<AlertsState, AlertsChange>(`/v1/alerts/stream?${query}`, changedAlerts, handlers, options);
}
