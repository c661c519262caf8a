/** Every topic that somebody else can write to, with hostile values of what its readers take its records for. */
import { type HostileBytes, hostileValues, ordinaryValue } from "../../runtime/testing/hostile.ts";
import type { Codec } from "../../schemas/codec.ts";
import {
  ActivitySession,
  Alert,
  AlertAcknowledgement,
  Correction,
  CorrectionOutcome,
  Course,
  Entrant,
  EventWindow,
  HealthRules,
  LateReading,
  PassingOutcome,
  Profile,
  Race,
  ReadingWindow,
  SegmentTotal,
  Standing,
  TimingMessage,
  Upload,
} from "../../schemas/index.ts";

/** What tells records apart: each hostile one has its own, where that is not what is hostile about it. */
const IDENTITY = ["id", "bib", "participant"];

function hostileOf<T>(codec: Codec<T>): readonly HostileBytes[] {
  const ordinary = ordinaryValue(codec.schema) as Readonly<Record<string, unknown>>;
  return hostileValues(codec.schema).flatMap(({ name, value }, i) => {
    try {
      return [{ name, bytes: codec.encode(withIdentity(value, ordinary, `a${i}`) as T) }];
    } catch {
      return []; // it never reaches a topic
    }
  });
}

function withIdentity(value: unknown, ordinary: Readonly<Record<string, unknown>>, id: string): unknown {
  if (typeof value !== "object" || value === null) return value;
  const fields = { ...value } as Record<string, unknown>;
  for (const field of IDENTITY)
    if (typeof fields[field] === "string" && fields[field] === ordinary[field]) fields[field] = id;
  return fields;
}

type Hostile = Readonly<Record<string, readonly HostileBytes[]>>;

/** What jobs read. */
export const hostileInputs = (): Hostile => ({
  races: hostileOf(Race),
  entrants: hostileOf(Entrant),
  passings: hostileOf(TimingMessage),
  corrections: hostileOf(Correction),
  uploads: hostileOf(Upload),
  profiles: hostileOf(Profile),
  courses: hostileOf(Course),
  "health-rules": hostileOf(HealthRules),
  "alert-acknowledgements": hostileOf(AlertAcknowledgement),
});

/** What jobs write: the sink and the API read them. */
export const hostileResults = (): Hostile => ({
  standings: hostileOf(Standing),
  "passing-outcomes": hostileOf(PassingOutcome),
  "correction-outcomes": hostileOf(CorrectionOutcome),
  "reading-windows": hostileOf(ReadingWindow),
  "activity-sessions": hostileOf(ActivitySession),
  "segment-totals": hostileOf(SegmentTotal),
  "event-windows": hostileOf(EventWindow),
  "late-readings": hostileOf(LateReading),
  alerts: hostileOf(Alert),
});
