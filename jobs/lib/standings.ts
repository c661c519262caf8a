/**
 * What the stage by race sends when a runner's update arrives: the runner's own standings, as places are at that moment.
 *
 * ST1  Only mats whose row says something else now are written: new or changed splits, the one after them (its leg), all of
 *      them when the runner's group or right to a place changed. Others whom this one shifts are never written again.
 * ST2  Every update writes at least one row, so that a receiver always learns the status: under the empty mat when no
 *      split's row is due.
 */
import type { Race, RunnerUpdate, Standing } from "../../schemas/index.ts";
import type { Field, StandingAt } from "./field.ts";

/** Applies `update` to `field`; the rows to send, by mat. */
export function applyUpdate(field: Field, update: RunnerUpdate): Standing[] {
  const { bib } = update;
  const known = field.runner(bib);
  const allDue =
    known !== undefined &&
    (known.gender !== update.gender ||
      known.division !== update.division ||
      known.country !== update.country ||
      (known.status === "dsq") !== (update.status === "dsq"));
  field.setRunner(bib, update);
  for (const mat of update.removed) field.removeSplit(bib, mat);
  for (const { mat, netMs, gunMs } of update.splits) field.setSplit(bib, mat, { netMs, gunMs });

  const { times } = field.runner(bib)!;
  // The usual case: one more mat, farther than all before.
  const only =
    update.splits.length === 1 && update.removed.length === 0 && !allDue ? update.splits[0]!.mat : -1;
  if (only >= 0 && !times.some((split, index) => index > only && split !== undefined))
    return [standing(field, update, only, field.standingOf(only, bib)!)];

  const due = new Set(update.splits.map((split) => split.mat));
  for (const mat of [...due, ...update.removed]) {
    const next = times.findIndex((split, index) => index > mat && split !== undefined);
    if (next !== -1) due.add(next);
  }
  if (allDue) for (const [mat, split] of times.entries()) if (split !== undefined) due.add(mat);

  const rows = [...due]
    .sort((a, b) => a - b)
    .map((mat) => standing(field, update, mat, field.standingOf(mat, bib)!));
  for (const mat of update.removed) rows.push(withoutTime(field, update, field.race.mats[mat]!.id));
  if (rows.length === 0) rows.push(withoutTime(field, update, ""));
  return rows;
}

/** All rows of a runner whom the field knows, as things stand now. */
export function currentStandings(field: Field, update: RunnerUpdate): Standing[] {
  const rows: Standing[] = [];
  for (const [mat, split] of field.runner(update.bib)!.times.entries()) {
    if (split !== undefined) rows.push(standing(field, update, mat, field.standingOf(mat, update.bib)!));
  }
  return rows.length > 0 ? rows : [withoutTime(field, update, "")];
}

const secondsOrNull = (ms: number | null) => (ms === null ? null : ms / 1000);

function standing(field: Field, update: RunnerUpdate, mat: number, at: StandingAt): Standing {
  const { race } = field;
  const previous = at.previousMat === null ? undefined : field.runner(update.bib)!.times[at.previousMat];
  const { bib, gender, division, country, status, asOfMs, projectedMs } = update;
  return {
    race: race.id,
    mat: race.mats[mat]!.id,
    bib,
    gender,
    division,
    country,
    status,
    counted: true,
    asOfS: asOfMs / 1000,
    netS: secondsOrNull(at.netMs),
    gunS: at.gunMs / 1000,
    rankS: secondsOrNull(at.rankMs),
    paceSPerKm: at.netMs === null ? null : pace(race, 0, mat, at.netMs),
    legPaceSPerKm:
      previous === undefined ? null : pace(race, at.previousMat!, mat, at.gunMs - previous.gunMs),
    place: at.overall.place,
    passed: at.overall.passed,
    placeGender: at.gender.place,
    passedGender: at.gender.passed,
    placeDivision: at.division.place,
    passedDivision: at.division.passed,
    gapLeaderS: secondsOrNull(at.gapLeaderMs),
    gapAheadS: secondsOrNull(at.gapAheadMs),
    projectedS: secondsOrNull(projectedMs),
    projectedPlace: projectedMs === null ? null : field.finishPlaceOf(bib),
  };
}

function withoutTime(field: Field, update: RunnerUpdate, mat: string): Standing {
  const { race, bib, gender, division, country, status, asOfMs, projectedMs } = update;
  return {
    race,
    mat,
    bib,
    gender,
    division,
    country,
    status,
    counted: false,
    asOfS: asOfMs / 1000,
    netS: null,
    gunS: null,
    rankS: null,
    paceSPerKm: null,
    legPaceSPerKm: null,
    place: null,
    passed: 0,
    placeGender: null,
    passedGender: 0,
    placeDivision: null,
    passedDivision: 0,
    gapLeaderS: null,
    gapAheadS: null,
    projectedS: secondsOrNull(projectedMs),
    projectedPlace: projectedMs === null ? null : field.finishPlaceOf(bib),
  };
}

/** Seconds a kilometre over the leg between two mats; null where there is no distance. */
function pace(race: Race, from: number, to: number, ms: number): number | null {
  const distanceM = race.mats[to]!.distanceM - race.mats[from]!.distanceM;
  return distanceM > 0 ? ms / distanceM : null;
}
