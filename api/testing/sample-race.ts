/** A small race for tests, and standings of it as the job writes them. */
import type { Entrant, Race, Standing } from "../../schemas/index.ts";

export const SAMPLE: Race = {
  id: "sample",
  name: "Sample Marathon",
  date: "2026-05-03",
  timezone: "Europe/Berlin",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 42_195,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "10k", distanceM: 10_000 },
    { id: "finish", distanceM: 42_195 },
  ],
  overdueAfterMs: 3_600_000,
  dnfAfterMs: 7_200_000,
};

export function entrant(bib: string, gender = "M", division = "40-44", country = "GER"): Entrant {
  return { race: SAMPLE.id, bib, gender, division, country };
}

/** A counted split of `netS` seconds, ranked by net time, of a man of 40-44 who runs on unless told otherwise. */
export function standing(
  bib: string,
  mat: string,
  netS: number | null,
  other: Partial<Standing> = {},
): Standing {
  return {
    race: SAMPLE.id,
    mat,
    bib,
    gender: "M",
    division: "40-44",
    country: "GER",
    status: mat === "finish" ? "finished" : "running",
    counted: true,
    asOfS: 36_000 + (netS ?? 0),
    netS,
    gunS: netS === null ? null : netS + 10,
    rankS: netS,
    paceSPerKm: 250,
    legPaceSPerKm: 251,
    place: 1,
    passed: 1,
    placeGender: 1,
    passedGender: 1,
    placeDivision: 1,
    passedDivision: 1,
    gapLeaderS: 0,
    gapAheadS: null,
    projectedS: 10_000,
    projectedPlace: 1,
    ...other,
  };
}
