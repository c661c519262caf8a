/**
 * What is remembered of one device: the state of each rule. All rules are applied here, in this order:
 *
 * V1  First those about the sensor. While one of them finds something, or the value is no heart's, the rules about the heart do
 *     not see the heart rate: neither are alerts raised by it, nor cleared. Nor do they see a value that leapt: the next one
 *     tells whether the heart did.
 */
import { codecOf, EvidenceReading, type Reading } from "../../../schemas/index.ts";
import { HEART_OF_PERSON, within } from "../plausible.ts";
import { type CadenceLock, cadenceLock } from "./cadence-lock.ts";
import type { Finding, Judged, Measure } from "./finding.ts";
import { type HighHeartRate, highHeartRate } from "./high-heart-rate.ts";
import { type NoMotion, noMotion } from "./no-motion.ts";
import { type SpikingSensor, spikingSensor } from "./spiking-sensor.ts";
import { type StuckSensor, stuckSensor } from "./stuck-sensor.ts";
import { type SuddenDrop, suddenDrop } from "./sudden-drop.ts";

export interface Vitals {
  /** Time of the last reading that was judged; none from before it is judged any more. */
  lastMs: number;
  stuck: StuckSensor | null;
  spiking: SpikingSensor | null;
  lock: CadenceLock | null;
  high: HighHeartRate | null;
  drop: SuddenDrop | null;
  still: NoMotion | null;
}

const NOTHING: Vitals = {
  lastMs: Number.NEGATIVE_INFINITY,
  stuck: null,
  spiking: null,
  lock: null,
  high: null,
  drop: null,
  still: null,
};

/** @returns what is remembered then, and what is found as of this reading. */
export function judgeReading(
  before: Vitals | undefined,
  reading: Reading,
  measure: Measure,
): { vitals: Vitals; findings: Finding[] } {
  const was = before ?? NOTHING;
  const findings: Finding[] = [];
  const note = <S>({ state, finding }: Judged<S>): S | null => {
    if (finding) findings.push(finding);
    return state ?? null;
  };
  const stuck = note(stuckSensor(was.stuck ?? undefined, reading, measure));
  const spiking = note(spikingSensor(was.spiking ?? undefined, reading, measure));
  const lock = note(cadenceLock(was.lock ?? undefined, reading, measure));
  const { hr } = reading;
  const leapt = spiking?.leapsMs.at(-1) === reading.tsMs;
  const believed = findings.length === 0 && !leapt && hr !== null && within(hr, HEART_OF_PERSON);
  const heart = believed ? reading : { ...reading, hr: null };
  const high = note(highHeartRate(was.high ?? undefined, heart, measure));
  const drop = note(suddenDrop(was.drop ?? undefined, heart, measure));
  const still = note(noMotion(was.still ?? undefined, reading, measure));
  return { vitals: { lastMs: reading.tsMs, stuck, spiking, lock, high, drop, still }, findings };
}

const record = (name: string, fields: Record<string, unknown>) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const orNull = (type: unknown) => ["null", type];
const evidence = record("Evidence", {
  count: "int",
  every: "int",
  kept: { type: "array", items: JSON.parse(EvidenceReading.schema) },
  last: "EvidenceReading",
});

export const Vitals = codecOf<Vitals>(
  "vitals",
  record("Vitals", {
    lastMs: "double",
    stuck: orNull(record("Stuck", { hr: "int", sinceMs: "long", found: "boolean", evidence })),
    spiking: orNull(
      record("Spiking", {
        tsMs: "long",
        hr: "int",
        leapsMs: { type: "array", items: "long" },
        sinceMs: "long",
        found: "boolean",
        largest: "int",
        evidence: orNull("Evidence"),
      }),
    ),
    lock: orNull(
      record("Lock", {
        sinceMs: "long",
        found: "boolean",
        lowest: "int",
        highest: "int",
        limit: "int",
        evidence: "Evidence",
      }),
    ),
    high: orNull(
      record("High", {
        sinceMs: "long",
        found: "boolean",
        max: "int",
        limit: "int",
        calmMs: orNull("long"),
        evidence: "Evidence",
      }),
    ),
    drop: orNull(
      record("Drop", {
        peaks: { type: "array", items: record("Peak", { tsMs: "long", hr: "int" }) },
        fall: orNull(
          record("Fall", {
            sinceMs: "long",
            found: "boolean",
            fromHr: "int",
            lowest: "int",
            limit: "int",
            evidence: "Evidence",
          }),
        ),
      }),
    ),
    still: orNull(
      record("Still", {
        distanceM: "double",
        sinceMs: "long",
        found: "boolean",
        limit: "double",
        evidence: "Evidence",
      }),
    ),
  }),
);
