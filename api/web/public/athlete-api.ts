/** What the athlete's page asks the server. The shapes of the answers are the server's own: api/live/athletes/schemas.ts. */
import type {
  AthleteAlert,
  AthleteAnswer,
  AthleteChange,
  AthleteSegment,
  AthleteState,
  AthleteWindow,
  SegmentsAnswer,
  WindowsAnswer,
} from "../../live/athletes/schemas.ts";
import { ask } from "./api.ts";
import { type FeedHandlers, watch } from "./feed.ts";
import type { Subscription } from "./sse.ts";

export type { AthleteAlert, AthleteAnswer, AthleteSegment, AthleteState, AthleteWindow };
export type Size = AthleteWindow["size"];

/** Kept where the medic's page keeps it: one sign-in for both. */
const TOKEN_KEY = "pacestream.token";

const pathOf = (athlete: string): string => `/v1/athletes/${encodeURIComponent(athlete)}`;

function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY) ?? "";
  return token === "" ? {} : { authorization: `Bearer ${token}` };
}

export const athletePage = (athlete: string): string =>
  `/athlete.html?${new URLSearchParams({ id: athlete })}`;

/** Whether a device of this athlete has sent anything, as far as this visitor may know. @throws ApiError, as all of these */
export async function isTracked(athlete: string): Promise<boolean> {
  const query = new URLSearchParams({ id: athlete });
  const { athletes } = await ask<{ athletes: object[] }>(`/v1/athletes?${query}`, {
    headers: headers(),
  });
  return athletes.length > 0;
}

export function getAthlete(athlete: string): Promise<AthleteAnswer> {
  return ask(pathOf(athlete), { headers: headers() });
}

/** The last `limit` windows, by time. */
export async function getWindows(athlete: string, size: Size, limit: number): Promise<AthleteWindow[]> {
  const query = new URLSearchParams({ size, limit: String(limit) });
  return (await ask<WindowsAnswer>(`${pathOf(athlete)}/windows?${query}`, { headers: headers() })).windows;
}

export async function getSegments(athlete: string): Promise<AthleteSegment[]> {
  return (await ask<SegmentsAnswer>(`${pathOf(athlete)}/segments`, { headers: headers() })).segments;
}

export function watchAthlete(athlete: string, handlers: FeedHandlers<AthleteState>): Subscription {
  return watch<AthleteState, AthleteChange>(`${pathOf(athlete)}/stream`, changedAthlete, handlers, {
    headers: headers(),
  });
}

/** What came last is enough: AthleteHistory keeps what was before. May be applied twice. */
export function changedAthlete(before: AthleteState, change: AthleteChange): AthleteState {
  return { ...before, windows: change.windows ?? [], alerts: change.alerts ?? before.alerts };
}
