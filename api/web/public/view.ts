/**
 * Which part of which race the board shows, as it stands in the address: every view can be shared, and "back" returns to
 * the one before. What is the default is left out of the address.
 */
import type { By, RaceDetail, View } from "./api.ts";

export const PAGE_ROWS = 50;
export const LIVE = "live";

export interface BoardAddress {
  /** Empty: whichever race the page chooses. */
  race: string;
  view: View;
}

export function readAddress(search: string): BoardAddress {
  const query = new URLSearchParams(search);
  const of = query.get("of") ?? "";
  const by = query.get("by");
  const grouped = (by === "gender" || by === "division") && of !== "";
  const from = Number(query.get("from") ?? 1);
  return {
    race: query.get("race") ?? "",
    view: {
      at: query.get("at") || LIVE,
      by: grouped ? (by as By) : "overall",
      of: grouped ? of : "",
      offset: Number.isSafeInteger(from) && from > 1 ? from - 1 : 0,
    },
  };
}

export function addressOf(race: string, view: View): string {
  const query = new URLSearchParams({ race });
  if (view.at !== LIVE) query.set("at", view.at);
  if (view.by !== "overall") {
    query.set("by", view.by);
    query.set("of", view.of);
  }
  if (view.offset > 0) query.set("from", String(view.offset + 1));
  return `/?${query}`;
}

/** What in a shared address this race does not have, in words; undefined when all is well. */
export function unknownIn(view: View, race: RaceDetail): string | undefined {
  if (view.at !== LIVE && !race.mats.some((mat) => mat.id === view.at)) {
    return `${race.name} has no mat called “${view.at}”.`;
  }
  if (view.by === "gender" && !race.genders.includes(view.of))
    return `${race.name} has no group “${view.of}”.`;
  if (view.by === "division" && !race.divisions.includes(view.of)) {
    return `${race.name} has no division “${view.of}”.`;
  }
  return undefined;
}
