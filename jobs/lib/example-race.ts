/** A small race for tests: five mats, gun at ten, and the reads of somebody who runs five minutes a kilometre. */
import type { Correction, Entrant, Race } from "../../schemas/index.ts";
import type { ReceivedRead } from "./runner.ts";

export const EXAMPLE_RACE: Race = {
  id: "example",
  name: "Example",
  date: "2024-05-05",
  timezone: "UTC",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 42_195,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "10k", distanceM: 10_000 },
    { id: "half", distanceM: 21_097.5 },
    { id: "30k", distanceM: 30_000 },
    { id: "finish", distanceM: 42_195 },
  ],
  overdueAfterMs: 1_800_000,
  dnfAfterMs: 7_200_000,
};

export const entrant = (bib: string, gender = "F", division = "40-44"): Entrant => ({
  race: EXAMPLE_RACE.id,
  bib,
  gender,
  division,
  country: "NOR",
});

/** A read `seconds` after the gun, received at once. */
export function read(
  bib: string,
  mat: string,
  seconds: number,
  id = `${bib}-${mat}-${seconds}`,
): ReceivedRead {
  const timeMs = EXAMPLE_RACE.gunMs + seconds * 1000;
  return { id, bib, mat, timeMs, receivedMs: timeMs };
}

/** A clean race: start a minute after the gun, then `pace` seconds a kilometre. */
export function cleanReads(bib: string, pace = 300, startS = 60): ReceivedRead[] {
  return EXAMPLE_RACE.mats.map((mat) =>
    read(bib, mat.id, Math.round(startS + (mat.distanceM / 1000) * pace)),
  );
}

let corrections = 0;
export function correction(
  bib: string,
  kind: Correction["kind"],
  fields: Partial<Correction> = {},
): Correction {
  corrections++;
  const id = `c${corrections}`;
  return {
    race: EXAMPLE_RACE.id,
    bib,
    id,
    kind,
    read: null,
    mat: null,
    timeMs: null,
    reason: "the referee",
    enteredMs: corrections,
    ...fields,
  };
}
