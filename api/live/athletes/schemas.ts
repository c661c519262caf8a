/**
 * The JSON of the athletes' API: what may be asked, what is answered. As in ../schemas.ts the same schemas check requests, write answers
 * and stand in the OpenAPI description; the athlete's page takes its types from here. Times are Unix milliseconds by the device's
 * clock, distances metres.
 */
import { type Static, Type } from "typebox";
import type { ResultPane } from "../../../schemas/index.ts";
import { count } from "../../parameters.ts";
import type { AlertSummary } from "../alerts/schemas.ts";

/** Milliseconds of each size of window that the job has. */
export const SIZES = { "10s": 10_000, "1m": 60_000, "1d": 86_400_000 } as const;
export type Size = keyof typeof SIZES;

const ID_MAX = 200;
const TIME_MAX = 8_640_000_000_000_000;

const nullable = (type: "number" | "integer" | "string", description?: string) =>
  ({ type: [type, "null"], ...(description && { description }) }) as const;
const number = (description?: string) => Type.Unsafe<number | null>(nullable("number", description));
const integer = (description?: string) => Type.Unsafe<number | null>(nullable("integer", description));
const text = (description?: string) => Type.Unsafe<string | null>(nullable("string", description));
const oneOf = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: "string", enum: [...values], ...(description && { description }) });
const Size = oneOf(Object.keys(SIZES) as Size[]);
export const From = count("from", {
  minimum: 0,
  maximum: TIME_MAX,
  default: 0,
  description: "windows that begin then or later, Unix milliseconds",
});
export const To = count("to", {
  minimum: 0,
  maximum: TIME_MAX,
  default: TIME_MAX,
  description: "windows that begin before, Unix milliseconds",
});
export const WindowLimit = count("limit", { minimum: 1, maximum: 2000, default: 360 });

export const AthleteParams = Type.Object({
  id: Type.String({
    minLength: 1,
    maxLength: ID_MAX,
    description:
      "of a participant, as a runner's answer has it in `athlete`; percent-encoded: it has slashes",
  }),
});
export const TrackedQuerystring = Type.Object({
  id: Type.Array(Type.String({ minLength: 1, maxLength: ID_MAX }), {
    minItems: 1,
    maxItems: 50,
    description: "given once for each athlete",
  }),
});
export const TrackedAnswer = Type.Object({
  athletes: Type.Array(
    Type.Object({
      athlete: Type.String(),
      lastMs: Type.Integer({ description: "the end of the last window" }),
    }),
    { description: "of those asked for, who wears a device that has sent something" },
  ),
});
export const WindowsQuerystring = Type.Object({
  size: Type.Optional(Size),
  from: From.schema,
  to: To.schema,
  limit: WindowLimit.schema,
});

const statsFields = {
  readings: Type.Integer(),
  hrCount: Type.Integer({ description: "readings with a heart rate that counts" }),
  hrMin: integer("beats a minute; null, as the others of the heart: none counted"),
  hrMax: integer(),
  hrMean: number(),
  hrP05: number("5 % are at most this; quantiles are at most 1 % off"),
  hrP50: number(),
  hrP95: number(),
  cadenceMean: number("steps a minute"),
  distanceM: Type.Number({ description: "covered in it" }),
  steps: Type.Integer(),
  activeS: Type.Number(),
  restS: Type.Number(),
  paceSPerKm: number("null: nothing was covered"),
};
export const AthleteWindow = Type.Object({
  size: Size,
  startMs: Type.Integer(),
  endMs: Type.Integer({ description: "the first moment after it" }),
  pane: oneOf<ResultPane>(
    ["early", "on_time", "late"],
    "early: it was still open; late: a reading came after its end",
  ),
  revision: Type.Integer({ description: "results of the same window before this one" }),
  ...statsFields,
});
export const WindowsAnswer = Type.Object({
  athlete: Type.String(),
  size: Size,
  windows: Type.Array(AthleteWindow, {
    description: "by time, each as its latest result has it; of more than `limit` the latest",
  }),
  more: Type.Boolean({ description: "there are older ones: ask with `to` the first `startMs`" }),
});

export const AthleteSegment = Type.Object({
  segment: Type.String({ description: "from a mat to the next, such as 5k-10k" }),
  enteredMs: Type.Integer(),
  leftMs: Type.Integer({ description: "the last reading on it" }),
  isOver: Type.Boolean({ description: "the athlete has gone beyond its end" }),
  ...statsFields,
});
export const SegmentsAnswer = Type.Object({
  athlete: Type.String(),
  segments: Type.Array(AthleteSegment, { description: "in the order they were entered" }),
});

const Place = Type.Object({
  status: Type.String(),
  mat: text("passed last"),
  place: integer("there"),
  passed: integer("how many have a place there"),
  netS: number(),
  projectedS: number("projected finish"),
  page: Type.String({ description: "of the runner, on this server" }),
});
export const AthleteAnswer = Type.Object({
  athlete: Type.String({ description: "an id that names nobody" }),
  race: text("what is measured for; null: everyday life"),
  raceName: text(),
  bib: text("if the athlete is a runner of the race"),
  asOfMs: Type.Integer({ description: "the end of the last window" }),
  window: AthleteWindow,
  distanceM: Type.Number({ description: "covered in this race, up to asOfMs, as the device measured it" }),
  activeS: Type.Number(),
  courseM: number("length of the race"),
  runner: Type.Unsafe<Static<typeof Place> | null>({ ...Type.Union([Place, Type.Null()]) }),
});

export type AthleteWindow = Static<typeof AthleteWindow>;
export type AthleteSegment = Static<typeof AthleteSegment>;
export type AthleteAnswer = Static<typeof AthleteAnswer>;
export type WindowsAnswer = Static<typeof WindowsAnswer>;
export type SegmentsAnswer = Static<typeof SegmentsAnswer>;
export type AthleteAlert = Static<typeof AlertSummary>;

/** What a stream of an athlete has sent so far: the state that its events lead to. */
export interface AthleteState {
  athlete: string;
  /** The last ones since somebody watches, of 10 s and of a minute, by size and time. */
  windows: AthleteWindow[];
  /** The most urgent first; those that are over too. */
  alerts: AthleteAlert[];
}
/** `windows`: those that are new or differ. `alerts`: all of them, when one differs. */
export type AthleteChange = Partial<Pick<AthleteState, "windows" | "alerts">>;
