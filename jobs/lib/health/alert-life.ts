/**
 * What becomes of an alert: from what is known of it and what is found now to the records that say so. One function for each
 * thing that can happen; each gives the alert's next record, or nothing.
 *
 * L1  The id is made of participant, kind and the time it began by the readings; nothing of it depends on a clock of ours.
 * L2  A transition that alert-states.ts does not know does not happen.
 */
import {
  Alert,
  type AlertAcknowledgement,
  type AlertKind,
  type AlertState,
  codecOf,
  type EvidenceReading,
} from "../../../schemas/index.ts";
import { mayBecome } from "./alert-states.ts";

/** An alert as it stands, and when it was raised. */
export interface OpenAlert {
  alert: Alert;
  raisedMs: number;
}

export const OpenAlert = codecOf<OpenAlert>("open-alert", {
  type: "record",
  name: "OpenAlert",
  fields: [
    { name: "alert", type: JSON.parse(Alert.schema) },
    { name: "raisedMs", type: "long" },
  ],
});

/** What a new alert is made of. */
export interface Begin {
  readonly participant: string;
  readonly event: string | null;
  readonly device: string;
  readonly kind: AlertKind;
  readonly sinceMs: number;
}

/** What a transition may renew. */
export interface Facts {
  readonly value: number | null;
  readonly limit: number | null;
  readonly reason: string;
  readonly rules: number;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly distanceM: number | null;
  readonly readings: number;
  readonly evidence: EvidenceReading[];
}

/** L1. */
export const alertId = ({ participant, kind, sinceMs }: Pick<Begin, "participant" | "kind" | "sinceMs">) =>
  `${participant}/${kind}/${sinceMs}`;

export function raised(begin: Begin, atMs: number, facts: Facts): OpenAlert {
  const { participant, event, device, kind, sinceMs } = begin;
  const state: AlertState = "raised";
  const nobody = { acknowledgedBy: null, acknowledgedMs: null, acknowledgedNote: null };
  return {
    raisedMs: atMs,
    alert: {
      id: alertId(begin),
      participant,
      event,
      device,
      kind,
      state,
      sinceMs,
      atMs,
      ...facts,
      ...nobody,
    },
  };
}

/** Still so at `atMs`: escalated once nobody has acknowledged it for `escalateAfterMs`. */
export function escalated(
  { alert, raisedMs }: OpenAlert,
  atMs: number,
  escalateAfterMs: number,
  facts: Facts,
): Alert | undefined {
  if (atMs - raisedMs < escalateAfterMs) return undefined;
  return become(alert, "escalated", { atMs, ...facts });
}

export function acknowledged(
  { alert }: OpenAlert,
  { by, atMs, note }: AlertAcknowledgement,
): Alert | undefined {
  const taken = { acknowledgedBy: by, acknowledgedMs: atMs, acknowledgedNote: note };
  return become(alert, "acknowledged", { atMs, ...taken });
}

/** It is over. What it was stays in the record: value, limit and the readings that proved it. */
export function cleared({ alert }: OpenAlert, atMs: number, facts: Partial<Facts>): Alert | undefined {
  return become(alert, "cleared", { atMs, ...facts });
}

/** L2. */
function become(alert: Alert, state: AlertState, changes: Partial<Alert>): Alert | undefined {
  return mayBecome(alert.state, state) ? { ...alert, ...changes, state } : undefined;
}
