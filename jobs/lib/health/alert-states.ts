/** What can happen to an alert, in one place. A state once left does not come back: each transition happens at most once. */
import type { AlertState } from "../../../schemas/index.ts";

/** From each state, those that may come next. An acknowledged alert is somebody's: it does not escalate any more. */
const TRANSITIONS: Readonly<Record<AlertState | "none", readonly AlertState[]>> = {
  none: ["raised"],
  raised: ["escalated", "acknowledged", "cleared"],
  escalated: ["acknowledged", "cleared"],
  acknowledged: ["cleared"],
  cleared: [],
};

export const mayBecome = (from: AlertState | "none", to: AlertState): boolean =>
  TRANSITIONS[from].includes(to);
