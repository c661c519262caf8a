/**
 * An upload taken apart: one sample a reading, with what has happened since the reading before it in the same upload.
 *
 * SA1  Lengths are whole centimetres and milliseconds: sums of them come out the same in whatever order they are added.
 * SA2  A sample follows from its upload alone.
 * SA3  Values that cannot be are no values (../plausible.ts). A reading whose own time cannot be is no sample: it belongs nowhere.
 */
import { codecOf } from "../../../runtime/index.ts";
import type { Reading, Upload } from "../../../schemas/index.ts";
import { type Growth, grownBy, plausible, READ_AT_MS, type Wearer, within } from "../plausible.ts";

/** Where a device's counters stood. */
export interface Mark {
  readonly tsMs: number;
  readonly distanceCm: number | null;
  readonly steps: number | null;
}

/** What lies between a reading and the one before it. It counts where the later reading does. */
export interface Span {
  readonly ms: number;
  readonly cm: number;
  readonly steps: number;
}

export interface Sample extends Mark {
  readonly participant: string;
  readonly event: string | null;
  readonly device: string;
  /** The upload's id. */
  readonly upload: number;
  readonly hr: number | null;
  readonly cadence: number | null;
  /** Degrees, both or neither: as exact as a time zone needs. */
  readonly lat: number | null;
  readonly lon: number | null;
  readonly span: Span | null;
  /** The first of its upload knows where the upload ends; the reading before it is in another one. */
  readonly uploadEnd: Mark | null;
}

const record = (name: string, fields: Record<string, unknown>) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({
    name: field,
    type,
    // What a checkpoint from before the field was there means.
    ...(Array.isArray(type) && { default: null }),
  })),
});
const optional = (type: unknown) => ["null", type];
const MARK = { tsMs: "long", distanceCm: optional("long"), steps: optional("int") };

export const Mark = codecOf<Mark>("mark", record("Mark", MARK));
export const Sample = codecOf<Sample>(
  "sample",
  record("Sample", {
    participant: "string",
    event: optional("string"),
    device: "string",
    upload: "long",
    hr: optional("int"),
    cadence: optional("int"),
    lat: optional("float"),
    lon: optional("float"),
    ...MARK,
    span: optional(record("Span", { ms: "long", cm: "long", steps: "int" })),
    uploadEnd: optional(record("Mark", MARK)),
  }),
);

export interface Sampling {
  /** Readings further apart have no span between them: nobody knows what happened there. */
  readonly gapMaxMs: number;
  readonly wearer: Wearer;
}

export function samplesOf(upload: Upload, sampling: Sampling): Sample[] {
  const { participant, event, device, id } = upload;
  if (upload.readings.length === 0) throw new Error(`upload ${id} of ${device} holds no reading`);
  const readings = upload.readings.filter(isDated).map((reading) => plausible(reading, sampling.wearer));
  const marks = readings.map(markOf);
  return readings.map(({ hr, cadence, lat, lon }, i) => ({
    participant,
    event,
    device,
    upload: id,
    hr,
    cadence,
    lat,
    lon,
    ...marks[i]!,
    span: i === 0 ? null : spanBetween(marks[i - 1]!, marks[i]!, sampling),
    uploadEnd: i === 0 ? marks.at(-1)! : null,
  }));
}

/** SA3: of a clock that had not been set the time says nothing. */
export const isDated = ({ tsMs }: Reading): boolean => within(tsMs, READ_AT_MS);

function markOf({ tsMs, distanceM, steps }: Reading): Mark {
  return { tsMs, distanceCm: distanceM === null ? null : Math.floor(distanceM * 100 + 0.5), steps };
}

/** A counter that falls was set back, one that leaps is wrong: nothing was covered. */
export function spanBetween(from: Mark, to: Mark, { gapMaxMs, wearer }: Sampling): Span | null {
  const ms = to.tsMs - from.tsMs;
  if (ms <= 0 || ms > gapMaxMs) return null;
  const grown = (before: number | null, now: number | null, growth: Growth) =>
    before === null || now === null ? 0 : grownBy(before, now, ms, growth);
  const { perSMax, atOnceMax } = wearer.metres;
  return {
    ms,
    cm: grown(from.distanceCm, to.distanceCm, { perSMax: perSMax * 100, atOnceMax: atOnceMax * 100 }),
    steps: grown(from.steps, to.steps, wearer.strides),
  };
}
