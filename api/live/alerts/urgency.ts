/** How soon somebody should look at an alert: what it is about, and whether it was left alone. The closed list, most urgent first. */
import type { AlertKind } from "../../../schemas/index.ts";

export const URGENCIES = ["critical", "high", "moderate", "low"] as const;
export type Urgency = (typeof URGENCIES)[number];

/** When raised, and once it has been escalated. A sensor that fails is nobody's emergency however long it does. */
const OF_KIND: Readonly<Record<AlertKind, readonly [raised: Urgency, escalated: Urgency]>> = {
  sudden_drop: ["high", "critical"],
  no_motion: ["high", "critical"],
  high_heart_rate: ["high", "critical"],
  lost_signal: ["moderate", "high"],
  stuck_sensor: ["low", "low"],
  spiking_sensor: ["low", "low"],
  cadence_lock: ["low", "low"],
};

export const ALERT_KINDS = Object.keys(OF_KIND) as readonly AlertKind[];

/** It never falls: that somebody takes it on, or that it is over, is its state, not its urgency. */
export const urgencyOf = (kind: AlertKind, escalated: boolean): Urgency => OF_KIND[kind][escalated ? 1 : 0];

/** 0: the most urgent. */
export const rankOf = (urgency: Urgency): number => URGENCIES.indexOf(urgency);
