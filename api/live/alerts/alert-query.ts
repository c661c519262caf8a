/** What may be asked of the alerts, and the answer: filters, pages, counts, one alert in full. Pure. */
import type { AlertKind, AlertState } from "../../../schemas/index.ts";
import { Problem, quoted } from "../../problem.ts";
import type { LiveModel } from "../model.ts";
import type { AlertBook, KnownAlert, Place } from "./alert-book.ts";
import { ALERT_STATES, type AlertCounts, type AlertDetail, type AlertSummary } from "./schemas.ts";
import { ALERT_KINDS, URGENCIES, type Urgency } from "./urgency.ts";

export interface AlertQuery {
  readonly race: string | undefined;
  readonly participant: string | undefined;
  readonly states: ReadonlySet<AlertState>;
  readonly urgencies: ReadonlySet<Urgency>;
  readonly kinds: ReadonlySet<AlertKind>;
}

const OPEN: readonly AlertState[] = ["raised", "escalated", "acknowledged"];

/** @throws Problem BAD_REQUEST, naming what may be asked */
export function alertQueryOf(asked: {
  race?: string;
  participant?: string;
  state?: string;
  urgency?: string;
  kind?: string;
}): AlertQuery {
  return {
    race: asked.race,
    participant: asked.participant,
    states: some("state", asked.state, ALERT_STATES, OPEN),
    urgencies: some("urgency", asked.urgency, URGENCIES),
    kinds: some("kind", asked.kind, ALERT_KINDS),
  };
}

function some<T extends string>(
  name: string,
  list: string | undefined,
  known: readonly T[],
  otherwise = known,
): ReadonlySet<T> {
  if (list === undefined) return new Set(otherwise);
  return new Set(
    list.split(",").map((given) => {
      const found = known.find((one) => one === given.trim());
      if (!found)
        throw new Problem("BAD_REQUEST", `${name}: ${quoted(given)} is none of ${known.join(", ")}`);
      return found;
    }),
  );
}

export interface AlertsFound {
  readonly found: readonly KnownAlert[];
  /** Whether there are more. */
  readonly more: boolean;
  readonly total: number;
  /** Of the race and participant, whatever else was asked. */
  readonly counts: AlertCounts;
}

/** The first `limit` in order, or those after a place. */
export function findAlerts(book: AlertBook, query: AlertQuery, limit: number, after?: Place): AlertsFound {
  const counts = noCounts();
  let total = 0;
  for (const known of book.from()) {
    const { alert, urgency } = known;
    if (!isOf(known, query)) continue;
    counts[urgency][alert.state]++;
    if (matches(known, query)) total++;
  }
  const found: KnownAlert[] = [];
  for (const known of book.from(after)) {
    if (!isOf(known, query) || !matches(known, query)) continue;
    if (found.length === limit) return { found, more: true, total, counts };
    found.push(known);
  }
  return { found, more: false, total, counts };
}

const isOf = ({ alert }: KnownAlert, { race, participant }: AlertQuery) =>
  (race === undefined || alert.event === race) &&
  (participant === undefined || alert.participant === participant);

const matches = ({ alert, urgency }: KnownAlert, { states, urgencies, kinds }: AlertQuery) =>
  states.has(alert.state) && urgencies.has(urgency) && kinds.has(alert.kind);

const noCounts = () =>
  Object.fromEntries(
    URGENCIES.map((urgency) => [urgency, Object.fromEntries(ALERT_STATES.map((state) => [state, 0]))]),
  ) as AlertCounts;

/** @param races where the mats are that a place lies between */
export function summaryOf({ alert, ...known }: KnownAlert, races: LiveModel): AlertSummary {
  const { event, participant, distanceM } = alert;
  const mats = event === null ? [] : (races.races.get(event)?.race.mats ?? []);
  const passed = distanceM === null ? [] : mats.filter((mat) => mat.distanceM <= distanceM);
  const next = distanceM === null ? undefined : mats.find((mat) => mat.distanceM > distanceM);
  return {
    id: alert.id,
    participant,
    race: event,
    bib: event !== null && participant.startsWith(`${event}/`) ? participant.slice(event.length + 1) : null,
    device: alert.device,
    kind: alert.kind,
    state: alert.state,
    urgency: known.urgency,
    sinceMs: alert.sinceMs,
    raisedMs: known.raisedMs,
    escalatedMs: known.escalatedMs,
    atMs: alert.atMs,
    value: alert.value,
    limit: alert.limit,
    reason: known.reason,
    rules: alert.rules,
    lat: alert.lat,
    lon: alert.lon,
    distanceM,
    afterMat: passed.at(-1)?.id ?? null,
    beforeMat: next?.id ?? null,
    acknowledgedBy: alert.acknowledgedBy,
    acknowledgedMs: alert.acknowledgedMs,
    acknowledgedNote: alert.acknowledgedNote,
    readings: alert.readings,
  };
}

export function detailOf(known: KnownAlert, races: LiveModel): AlertDetail {
  return { ...summaryOf(known, races), evidence: known.alert.evidence, history: [...known.steps] };
}

/** Names the alert that a page ended with. It holds what it was ordered by: the page goes on there, even if the alert has moved. */
export function cursorOf({ urgency, raisedMs, id }: Place): string {
  return Buffer.from(JSON.stringify([urgency, raisedMs, id])).toString("base64url");
}

/** @throws Problem BAD_REQUEST */
export function placeOf(cursor: string): Place {
  try {
    const [urgency, raisedMs, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (URGENCIES.includes(urgency as Urgency) && Number.isSafeInteger(raisedMs) && typeof id === "string")
      return { urgency: urgency as Urgency, raisedMs: raisedMs as number, id };
  } catch {
    // Told below.
  }
  throw new Problem("BAD_REQUEST", `cursor: ${quoted(cursor)} is none that was given out as next`);
}
