/** Races as answered: the list, and one with its mats and groups. Pure. */
import { listed, Problem, quoted } from "../problem.ts";
import type { LiveModel } from "./model.ts";
import type { RaceView } from "./race-view.ts";

/** @throws Problem UNKNOWN_RACE, naming those there are */
export function raceOf(model: LiveModel, id: string): RaceView {
  const view = model.races.get(id);
  if (!view)
    throw new Problem(
      "UNKNOWN_RACE",
      `there is no race ${quoted(id)}; there are ${listed([...model.races.keys()])}`,
    );
  return view;
}

export function raceListing(view: RaceView) {
  const { id, name, date, timezone, distanceM, rankBy, gunMs } = view.race;
  return {
    id,
    name,
    date,
    timezone,
    distanceM,
    rankBy,
    gunS: gunMs / 1000,
    asOf: view.asOfS,
    ...view.counts,
  };
}

export function raceDetail(view: RaceView) {
  return {
    ...raceListing(view),
    mats: view.race.mats.map(({ id, distanceM }, mat) => ({ id, distanceM, passed: view.passed(mat) })),
    genders: view.groupNames("gender"),
    divisions: view.groupNames("division"),
  };
}
