/** What the medic's page shows, as its address says it: `/medic.html?race=RACE&show=over&urgency=high&alert=ID`. Pure. */
import { type AlertState, URGENCY_WORDS, type Urgency } from "./medic-words.ts";

export type Shown = "open" | "over";

export const STATES: Readonly<Record<Shown, readonly AlertState[]>> = {
  open: ["raised", "escalated", "acknowledged"],
  over: ["cleared"],
};

export interface MedicAddress {
  /** Empty: all races. */
  readonly race: string;
  readonly show: Shown;
  /** `undefined`: all. */
  readonly urgency: Urgency | undefined;
  /** The one whose details are open; empty: none. */
  readonly alert: string;
}

export function readMedicAddress(search: string): MedicAddress {
  const query = new URLSearchParams(search);
  const urgency = query.get("urgency") ?? "";
  return {
    race: query.get("race") ?? "",
    show: query.get("show") === "over" ? "over" : "open",
    urgency: Object.hasOwn(URGENCY_WORDS, urgency) ? (urgency as Urgency) : undefined,
    alert: query.get("alert") ?? "",
  };
}

export function medicAddressOf({ race, show, urgency, alert }: MedicAddress): string {
  const query = new URLSearchParams();
  if (race !== "") query.set("race", race);
  if (show === "over") query.set("show", show);
  if (urgency) query.set("urgency", urgency);
  if (alert !== "") query.set("alert", alert);
  return query.size > 0 ? `/medic.html?${query}` : "/medic.html";
}
