/**
 * The alerts of a query as something to watch, most urgent first.
 *
 * The data of the events: `snapshot` { alerts, total, counts } · `change` { alerts?, order?, total?, counts? }: `alerts` are those that
 * are new or differ, whole; `order` the ids of the window from the top, when it changed (which is not in it any more has left).
 */
import type { LiveView } from "../live-view.ts";
import type { LiveModel } from "../model.ts";
import { sameFields } from "../views.ts";
import { type AlertBook, EVERYWHERE } from "./alert-book.ts";
import { type AlertQuery, findAlerts, summaryOf } from "./alert-query.ts";
import type { AlertCounts, AlertSummary } from "./schemas.ts";

export interface AlertsState {
  alerts: AlertSummary[];
  total: number;
  counts: AlertCounts;
}

export type AlertsChange = Partial<AlertsState> & { order?: string[] };

export function alertsView(
  book: () => AlertBook,
  races: () => LiveModel,
  query: AlertQuery,
  limit: number,
): LiveView<AlertsState> {
  const { race, participant, states, urgencies, kinds } = query;
  return {
    key: JSON.stringify(["alerts", race, participant, [...states], [...urgencies], [...kinds], limit]),
    race: race ?? EVERYWHERE,
    ...(participant !== undefined && { bib: participant }),
    read() {
      const { found, total, counts } = findAlerts(book(), query, limit);
      return { alerts: found.map((known) => summaryOf(known, races())), total, counts };
    },
    changeBetween(before, after) {
      const known = new Map(before.alerts.map((alert) => [alert.id, alert]));
      const alerts = after.alerts.filter((alert) => !sameFields(known.get(alert.id), alert));
      const moved =
        before.alerts.length !== after.alerts.length ||
        after.alerts.some(({ id }, i) => id !== before.alerts[i]!.id);
      const recounted = JSON.stringify(before.counts) !== JSON.stringify(after.counts);
      const minor = alerts.length === 0 && !moved;
      if (minor && !recounted && before.total === after.total) return undefined;
      const data: AlertsChange = {
        ...(alerts.length > 0 && { alerts }),
        ...(moved && { order: after.alerts.map(({ id }) => id) }),
        ...(before.total !== after.total && { total: after.total }),
        ...(recounted && { counts: after.counts }),
      };
      return { data, minor };
    },
  };
}
