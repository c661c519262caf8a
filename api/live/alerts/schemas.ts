/**
 * The JSON of the alerts' API: what may be asked, what is answered. As in ../schemas.ts the same schemas check requests, write answers
 * and stand in the OpenAPI description; the medic's page takes its types from here. Times are Unix milliseconds, distances metres.
 */
import { type Static, type TSchema, Type } from "typebox";
import type { AlertKind, AlertState } from "../../../schemas/index.ts";
import { count } from "../../parameters.ts";
import { LINES, ONE_LINE } from "../../text-patterns.ts";
import { ALERT_KINDS, URGENCIES, type Urgency } from "./urgency.ts";

export const Limit = count("limit", { minimum: 1, maximum: 500, default: 50 });
export const ALERT_STATES: readonly AlertState[] = ["raised", "escalated", "acknowledged", "cleared"];
const ID_MAX = 400;
const NOTE_MAX = 500;

const orNull = (type: "number" | "integer" | "string", description?: string) =>
  ({ type: [type, "null"], ...(description && { description }) }) as const;
const number = (description?: string) => Type.Unsafe<number | null>(orNull("number", description));
const integer = (description?: string) => Type.Unsafe<number | null>(orNull("integer", description));
const text = (description?: string) => Type.Unsafe<string | null>(orNull("string", description));
const oneOf = <T extends string>(values: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: "string", enum: [...values], ...(description && { description }) });

const Kind = oneOf<AlertKind>(ALERT_KINDS);
const State = oneOf<AlertState>(ALERT_STATES);
const Urgent = oneOf<Urgency>(URGENCIES, "by its kind, and whether it was left alone until it escalated");

const filter = {
  race: Type.Optional(Type.String({ maxLength: 200, description: "of this race only" })),
  participant: Type.Optional(Type.String({ maxLength: 200, description: "of this participant only" })),
  state: Type.Optional(
    Type.String({
      maxLength: 200,
      description: `some of ${ALERT_STATES.join(", ")}, with commas between. Default: those that are open`,
    }),
  ),
  urgency: Type.Optional(
    Type.String({ maxLength: 200, description: `some of ${URGENCIES.join(", ")}, with commas between` }),
  ),
  kind: Type.Optional(
    Type.String({ maxLength: 200, description: `some of ${ALERT_KINDS.join(", ")}, with commas between` }),
  ),
  limit: Limit.schema,
};
export const AlertsStreamQuerystring = Type.Object(filter);
export const AlertsQuerystring = Type.Object({
  ...filter,
  cursor: Type.Optional(
    Type.String({ maxLength: 1000, description: "`next` of the page before: what comes after it" }),
  ),
});
export const AlertParams = Type.Object({
  id: Type.String({ maxLength: ID_MAX, description: "of an alert, percent-encoded: it has slashes" }),
});

const summaryFields = {
  id: Type.String({ description: "one for life" }),
  participant: Type.String({ description: "an id that names nobody" }),
  race: text("what it was measured for; null: everyday life"),
  bib: text("of the participant, if that is a runner of the race"),
  device: Type.String({ description: "whose readings show it" }),
  kind: Kind,
  state: State,
  urgency: Urgent,
  sinceMs: Type.Integer({ description: "the reading it began with, by the device's clock" }),
  raisedMs: Type.Integer({ description: "the reading that raised it" }),
  escalatedMs: integer("null: never"),
  atMs: Type.Integer({ description: "when it came to be in its state" }),
  value: number("what was measured, in the unit of its kind"),
  limit: number("what value is held against"),
  reason: Type.String({ description: "why it was raised or escalated, in words" }),
  rules: Type.Integer({ description: "version of the health rules that decided; 0: those built in" }),
  lat: number("last known place, WGS 84"),
  lon: number(),
  distanceM: number("how far the participant had come, last known"),
  afterMat: text("the last mat before that place"),
  beforeMat: text("the next one; null: beyond the last"),
  acknowledgedBy: text("who took it on; null: nobody"),
  acknowledgedMs: integer(),
  acknowledgedNote: text(),
  readings: Type.Integer({ description: "looked at since it began" }),
};
export const AlertSummary = Type.Object(summaryFields);

const eachOf = <K extends string, T extends TSchema>(keys: readonly K[], schema: T) =>
  Type.Object(Object.fromEntries(keys.map((key) => [key, schema])) as Record<K, T>);
export const AlertCounts = eachOf(URGENCIES, eachOf(ALERT_STATES, Type.Integer()));

export const AlertPage = Type.Object({
  alerts: Type.Array(AlertSummary),
  next: text("the cursor of the next page; null: this is the last"),
  total: Type.Integer({ description: "how many there are in all, of what was asked" }),
});

const Evidence = Type.Object({
  tsMs: Type.Integer(),
  hr: integer("beats a minute"),
  cadence: integer("steps a minute"),
  distanceM: number(),
  lat: number(),
  lon: number(),
});
const Step = Type.Object({
  state: State,
  atMs: Type.Integer({
    description: "when this was due: of the reading that decided it, or of the acknowledgement",
  }),
  reason: Type.String(),
  by: text("acknowledged: by whom"),
  note: text("acknowledged: what they had to say"),
  position: Type.String({ description: "where it is committed, `partition:offset` of the topic alerts" }),
});
export const AlertDetail = Type.Object({
  ...summaryFields,
  evidence: Type.Array(Evidence, {
    description: "some of the readings that prove it, the first and the last always",
  }),
  history: Type.Array(Step, { description: "its life so far, in order" }),
});

export const AcknowledgeBody = Type.Object(
  {
    by: Type.String({
      minLength: 1,
      maxLength: 100,
      pattern: ONE_LINE,
      description:
        "who takes it on: a call sign such as medic-3, no name; one line, no blank before or after, nothing unprintable",
    }),
    note: Type.Optional(
      Type.String({ maxLength: NOTE_MAX, pattern: LINES, description: "for colleagues; no names" }),
    ),
  },
  { additionalProperties: false },
);
const OUTCOMES = ["acknowledged", "taken_before", "accepted"] as const;
export const AcknowledgeAnswer = Type.Object({
  outcome: oneOf(
    OUTCOMES,
    "acknowledged: by you, now or before. taken_before: by somebody else, see acknowledgedBy. accepted: it is in the log, and will show",
  ),
  alert: AlertSummary,
});

export type AlertSummary = Static<typeof AlertSummary>;
export type AlertDetail = Static<typeof AlertDetail>;
export type AlertCounts = Record<Urgency, Record<AlertState, number>>;
export type AlertPage = Static<typeof AlertPage>;
export type AcknowledgeAnswer = Static<typeof AcknowledgeAnswer>;
