/** An athlete's health alerts as lists, each in words: those that are open, and the last of those that are over. */
import type { AthleteAlert } from "./athlete-api.ts";
import { h } from "./dom.ts";
import {
  clockTime,
  KIND_WORDS,
  lasted,
  measuredOf,
  STATE_WORDS,
  URGENCY_WORDS,
  whereOf,
} from "./medic-words.ts";

const OVER_SHOWN = 6;

export const isOpen = ({ state }: AthleteAlert): boolean => state !== "cleared";

/** The last of those that are over, newest first. */
export function overOf(alerts: readonly AthleteAlert[]): AthleteAlert[] {
  const over = alerts.filter((alert) => !isOpen(alert));
  return over.sort((a, b) => b.atMs - a.atMs).slice(0, OVER_SHOWN);
}

export function drawAlerts(
  list: HTMLElement,
  alerts: readonly AthleteAlert[],
  timezone: string | undefined,
): void {
  list.replaceChildren(...alerts.map((alert) => itemOf(alert, timezone)));
}

/** One sentence, for a screen reader. */
export const sentenceOf = (alert: AthleteAlert): string =>
  `${URGENCY_WORDS[alert.urgency]} alert: ${KIND_WORDS[alert.kind]}. ${STATE_WORDS[alert.state]}.`;

function itemOf(alert: AthleteAlert, timezone: string | undefined): HTMLElement {
  const { kind, state, urgency, sinceMs, atMs } = alert;
  const since = clockTime(sinceMs, timezone).slice(0, 5);
  const when = isOpen(alert) ? `since ${since}` : `at ${since}, for ${lasted(atMs - sinceMs)}`;
  return h(
    "li",
    { class: "alert", attrs: { "data-urgency": urgency, "data-state": state } },
    h("p", "alert-what", h("strong", null, KIND_WORDS[kind]), " ", h("span", "chip", STATE_WORDS[state])),
    h("p", "meta", [measuredOf(alert), when, whereOf(alert)].filter(Boolean).join(" · ")),
  );
}
