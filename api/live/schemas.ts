/**
 * The JSON of the live API: what may be asked, what is answered. The same schemas check requests, write answers and stand in
 * the OpenAPI description. Times are seconds, times of day seconds since local midnight, distances metres.
 */
import { Type } from "typebox";
import { count } from "../parameters.ts";

const LIMIT_MAX = 1000;
const TEXT_MAX = 100;

const nullable = (type: "number" | "integer", description?: string) =>
  Type.Unsafe<number | null>({ type: [type, "null"], ...(description && { description }) });
const seconds = (description?: string) => nullable("number", description);
const place = () => nullable("integer");
const text = (description?: string) =>
  Type.String({ maxLength: TEXT_MAX, ...(description && { description }) });

export const By = Type.Unsafe<"overall" | "gender" | "division">({
  type: "string",
  enum: ["overall", "gender", "division"],
});
const Status = Type.Unsafe<"registered" | "running" | "overdue" | "finished" | "dnf" | "dsq">({
  type: "string",
  enum: ["registered", "running", "overdue", "finished", "dnf", "dsq"],
});

export const RaceParams = Type.Object({ race: text("id of a race, as /v1/races lists them") });
export const RunnerParams = Type.Object({ race: text("id of a race"), bib: text() });

export const Limit = count("limit", { minimum: 1, maximum: LIMIT_MAX, default: 50 });
export const Offset = count("offset", { minimum: 0, maximum: 10_000_000, default: 0 });
export const SearchLimit = count("limit", { minimum: 1, maximum: LIMIT_MAX, default: 20 });

export const LeaderboardQuerystring = Type.Object({
  at: Type.Optional(text("a mat of the race, or `live`: by distance and time now. Default: live")),
  by: Type.Optional(By),
  of: Type.Optional(text("the gender (`F`) or the division with its gender (`M 40-44`)")),
  limit: Limit.schema,
  offset: Offset.schema,
});
export const SearchQuerystring = Type.Object({
  q: Type.Optional(text("how the bib begins; empty: every bib")),
  limit: SearchLimit.schema,
});
export const StreamHeaders = Type.Object({
  "last-event-id": Type.Optional(
    Type.String({ description: "id of the last event received: what came after it is sent" }),
  ),
});

const countFields = {
  runners: Type.Integer({ description: "on the start list" }),
  started: Type.Integer({ description: "seen in the race" }),
  registered: Type.Integer({ description: "not seen yet" }),
  running: Type.Integer(),
  overdue: Type.Integer(),
  finished: Type.Integer(),
  dnf: Type.Integer(),
  dsq: Type.Integer(),
};

const raceFields = {
  id: Type.String(),
  name: Type.String(),
  date: Type.String({ description: "YYYY-MM-DD, local" }),
  timezone: Type.String(),
  distanceM: Type.Number(),
  rankBy: Type.Unsafe<"net" | "gun">({ type: "string", enum: ["net", "gun"] }),
  gunS: Type.Number({ description: "time of day of the gun" }),
  asOf: seconds("race clock; null before anything happened"),
};

export const RaceListing = Type.Object({ ...raceFields, ...countFields });
export const RaceList = Type.Object({ races: Type.Array(RaceListing) });
export const RaceDetail = Type.Object({
  ...raceFields,
  ...countFields,
  mats: Type.Array(
    Type.Object({
      id: Type.String(),
      distanceM: Type.Number(),
      passed: Type.Integer({ description: "how many have a place here" }),
    }),
  ),
  genders: Type.Array(Type.String()),
  divisions: Type.Array(Type.String({ description: "with the gender: `M 40-44`" })),
});

const who = { bib: Type.String(), gender: Type.String(), division: Type.String(), country: Type.String() };

export const LeaderboardRow = Type.Object({
  place: place(),
  ...who,
  netS: seconds(),
  gunS: seconds(),
  gapS: seconds("behind the leader; live: behind the leader's time at the mat this runner passed last"),
  paceSPerKm: seconds("from the start"),
  status: Status,
  mat: Type.String({ description: "the mat the times are of" }),
  distanceM: Type.Number(),
  projectedS: seconds("projected finish on the clock the race ranks by; null once finished"),
  projectedPlace: place(),
});
export const LeaderboardAnswer = Type.Object({
  race: Type.String(),
  at: Type.String(),
  by: By,
  of: Type.Unsafe<string | null>({ type: ["string", "null"], description: "null: overall" }),
  passed: Type.Integer({ description: "how many stand on this board" }),
  asOf: seconds("race clock"),
  rows: Type.Array(LeaderboardRow),
});

export const RunnerSummary = Type.Object({ ...who, status: Status });
export const RunnerList = Type.Object({ runners: Type.Array(RunnerSummary) });
export const RunnerAnswer = Type.Object({
  race: Type.String(),
  athlete: Type.String({ description: "an id that names nobody: what a tracker says is at /v1/athletes/ID" }),
  asOf: seconds("race clock"),
  ...who,
  status: Status,
  splits: Type.Array(
    Type.Object({
      mat: Type.String(),
      distanceM: Type.Number(),
      timeOfDayS: seconds(),
      netS: seconds(),
      gunS: seconds(),
      paceSPerKm: seconds("from the start"),
      legPaceSPerKm: seconds("from the last counted mat"),
      place: place(),
      passed: Type.Integer(),
      placeGender: place(),
      passedGender: Type.Integer(),
      placeDivision: place(),
      passedDivision: Type.Integer(),
      gapLeaderS: seconds(),
      gapAheadS: seconds(),
    }),
  ),
  projectedS: seconds("projected finish on the clock the race ranks by; null once finished"),
  projectedPlace: place(),
});
