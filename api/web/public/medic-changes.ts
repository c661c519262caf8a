/** What a `change` event does to the alerts. Pure; may be applied twice: changes hold absolute values. */
import type { AlertsChange, AlertsState } from "../../live/alerts/alerts-view.ts";

export function changedAlerts(before: AlertsState, change: AlertsChange): AlertsState {
  const known = new Map([...before.alerts, ...(change.alerts ?? [])].map((alert) => [alert.id, alert]));
  const order = change.order ?? before.alerts.map(({ id }) => id);
  return {
    alerts: order.flatMap((id) => known.get(id) ?? []),
    total: change.total ?? before.total,
    counts: change.counts ?? before.counts,
  };
}
