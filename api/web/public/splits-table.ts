/** A runner's way through the mats as a table, one row a mat, those not reached yet included. */
import type { RaceDetail, Runner, Split } from "./api.ts";
import { fill, h } from "./dom.ts";
import {
  count,
  duration,
  genderName,
  kilometres,
  matName,
  NOTHING,
  ordinal,
  pace,
  timeOfDay,
} from "./format.ts";

export function drawSplits(table: HTMLTableElement, race: RaceDetail, runner: Runner): void {
  const gender = runner.gender ? genderName(runner.gender) : "";
  const division = runner.division;
  const ranked = race.rankBy === "net" ? "Net time" : "Gun time";
  const other = race.rankBy === "net" ? "Gun time" : "Net time";
  const column = (text: string, name: string): HTMLElement =>
    h("th", { class: name, attrs: { scope: "col" } }, text);
  const head = h(
    "tr",
    null,
    column("Mat", "mat"),
    column("Time of day", "day wide"),
    column(ranked, "time"),
    column(other, "other wide"),
    column("Pace /km", "pace wide"),
    column("Overall", "place"),
    gender ? column(gender, "place") : null,
    division ? column(division, "place") : null,
  );
  const byMat = new Map(runner.splits.map((split) => [split.mat, split]));
  const furthest = race.mats.findLastIndex((mat) => byMat.has(mat.id));
  const rows = race.mats.map((mat, index) => {
    const split = byMat.get(mat.id);
    const first = h(
      "th",
      { class: "mat", attrs: { scope: "row", title: kilometres(mat.distanceM) } },
      h("span", "mat-name", matName(mat.id)),
      split && split.timeOfDayS !== null ? h("span", "below narrow", timeOfDay(split.timeOfDayS)) : null,
    );
    if (!split) {
      const columns = 5 + (gender ? 1 : 0) + (division ? 1 : 0);
      const why = index < furthest ? "Not read here" : index > furthest && over(runner) ? "" : "Not yet";
      return h("tr", "missing", first, h("td", { attrs: { colspan: columns } }, why));
    }
    return h("tr", null, first, ...cells(race, split, Boolean(gender), Boolean(division)));
  });
  const caption = h("caption", "visually-hidden", `Splits of bib ${runner.bib}`);
  fill(table, caption, h("thead", null, head), h("tbody", null, ...rows));
}

/** Whether no more splits are to come. */
function over(runner: Runner): boolean {
  return runner.status === "finished" || runner.status === "dnf" || runner.status === "dsq";
}

function cells(race: RaceDetail, split: Split, gender: boolean, division: boolean): HTMLElement[] {
  const ranked = race.rankBy === "net" ? split.netS : split.gunS;
  const other = race.rankBy === "net" ? split.gunS : split.netS;
  // At the start everybody is first by net time: a place there says nothing.
  const atStart = split.distanceM === 0;
  const list = [
    h("td", "day wide", timeOfDay(split.timeOfDayS)),
    h(
      "td",
      "time",
      duration(ranked),
      h("span", "below narrow", split.legPaceSPerKm === null ? "" : `${pace(split.legPaceSPerKm)} /km`),
    ),
    h("td", "other wide", duration(other)),
    h("td", "pace wide", pace(split.legPaceSPerKm)),
    placeCell(atStart ? null : split.place, split.passed),
  ];
  if (gender) list.push(placeCell(atStart ? null : split.placeGender, split.passedGender));
  if (division) list.push(placeCell(atStart ? null : split.placeDivision, split.passedDivision));
  return list;
}

function placeCell(place: number | null, passed: number): HTMLElement {
  if (place === null) return h("td", "place", NOTHING);
  return h("td", "place", h("strong", null, ordinal(place)), h("span", "of", ` of ${count(passed)}`));
}
