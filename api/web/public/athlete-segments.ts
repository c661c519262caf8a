/** The table of an athlete's segments of the course. */
import type { AthleteSegment } from "./athlete-api.ts";
import { h } from "./dom.ts";
import { duration, kilometres, matName, NOTHING, pace } from "./format.ts";

/** With the class of the column: the wide ones are left out on a phone. */
const HEADINGS = [
  ["Segment", ""],
  ["Distance", "wide"],
  ["Time", ""],
  ["Pace /km", ""],
  ["Heart rate", ""],
  ["Cadence", "wide"],
] as const;

export function drawSegments(table: HTMLTableElement, segments: readonly AthleteSegment[]): void {
  table.replaceChildren(
    h("caption", "visually-hidden", "Each segment of the course as the device measured it"),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        ...HEADINGS.map(([name, column]) => h("th", { class: column, attrs: { scope: "col" } }, name)),
      ),
    ),
    h("tbody", null, ...segments.map(rowOf)),
  );
}

function rowOf(segment: AthleteSegment): HTMLElement {
  const { distanceM, activeS, restS, paceSPerKm, hrMean, hrMin, hrMax, cadenceMean, isOver } = segment;
  const heart =
    hrMean === null ? [NOTHING] : [String(Math.round(hrMean)), h("span", "range", ` ${hrMin}–${hrMax}`)];
  return h(
    "tr",
    isOver ? null : "open",
    h(
      "th",
      { attrs: { scope: "row" } },
      segmentName(segment.segment),
      isOver ? null : h("span", "now", "now"),
    ),
    h("td", "wide", kilometres(distanceM)),
    h("td", null, duration(activeS + restS)),
    h("td", "strong", pace(paceSPerKm)),
    h("td", null, ...heart),
    h("td", "wide", cadenceMean === null ? NOTHING : String(Math.round(cadenceMean))),
  );
}

/** `Start to 5k` from `start-5k`. */
function segmentName(segment: string): string {
  const dash = segment.indexOf("-");
  if (dash < 0) return matName(segment);
  return `${matName(segment.slice(0, dash))} to ${matName(segment.slice(dash + 1))}`;
}
