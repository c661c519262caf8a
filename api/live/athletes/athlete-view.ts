/**
 * An athlete as something to watch.
 *
 * The data of the events: `snapshot` { athlete, windows, alerts } · `change` { windows?, alerts? }: `windows` are those that are new or
 * differ, whole; `alerts` all of the athlete's, when one differs.
 */
import { type AlertBook, EVERYWHERE } from "../alerts/alert-book.ts";
import { summaryOf } from "../alerts/alert-query.ts";
import type { Changes } from "../follower.ts";
import type { LiveView } from "../live-view.ts";
import type { LiveModel } from "../model.ts";
import { sameFields } from "../views.ts";
import { type AthleteBook, changesOf } from "./athlete-book.ts";
import type { AthleteAlert, AthleteChange, AthleteState } from "./schemas.ts";

const ALERTS_MAX = 50;

export interface AthleteNow {
  readonly windows: () => AthleteBook;
  /** `undefined`: no alerts are followed here. */
  readonly alerts: () => AlertBook | undefined;
  readonly races: () => LiveModel;
}

export function athleteView(athlete: string, { windows, alerts, races }: AthleteNow): LiveView<AthleteState> {
  const alertsNow = (): AthleteAlert[] =>
    (alerts()?.of(athlete) ?? []).slice(0, ALERTS_MAX).map((known) => summaryOf(known, races()));
  return {
    key: JSON.stringify(["athlete", athlete]),
    race: athlete,
    bib: athlete,
    read: () => ({ athlete, windows: windows().recent(athlete), alerts: alertsNow() }),
    changeBetween(before, after) {
      const known = new Map(before.windows.map((window) => [`${window.size} ${window.startMs}`, window]));
      const changed = after.windows.filter(
        (window) => !sameFields(known.get(`${window.size} ${window.startMs}`), window),
      );
      const realerted =
        before.alerts.length !== after.alerts.length ||
        after.alerts.some((alert, i) => !sameFields(before.alerts[i], alert));
      if (changed.length === 0 && !realerted) return undefined;
      const data: AthleteChange = {
        ...(changed.length > 0 && { windows: changed }),
        ...(realerted && { alerts: after.alerts }),
      };
      return { data, minor: false };
    },
  };
}

/** What changes of alerts mean for those who watch athletes. */
export function athletesIn(changes: Changes): Changes {
  return changesOf(changes.get(EVERYWHERE) ?? []);
}
