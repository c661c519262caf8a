/**
 * An upload taken apart: one sample a reading, with what has happened since the reading before it in the same upload.
 *
 * SA1  Lengths are whole centimetres and milliseconds: sums of them come out the same in whatever order they are added.
 * SA2  A sample follows from its upload alone.
 */
import { codecOf } from "../../../runtime/index.ts";
import type { Reading, Upload } from "../../../schemas/index.ts";

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
  readonly span: Span | null;
  /** The first of its upload knows where the upload ends; the reading before it is in another one. */
  readonly uploadEnd: Mark | null;
}

const record = (name: string, fields: Record<string, unknown>) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
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
    ...MARK,
    span: optional(record("Span", { ms: "long", cm: "long", steps: "int" })),
    uploadEnd: optional(record("Mark", MARK)),
  }),
);

/** @param gapMaxMs readings further apart have no span between them: nobody knows what happened there. */
export function samplesOf(upload: Upload, gapMaxMs: number): Sample[] {
  const { participant, event, device, id, readings } = upload;
  if (readings.length === 0) throw new Error(`upload ${id} of ${device} holds no reading`);
  const marks = readings.map(markOf);
  return readings.map(({ hr, cadence }, i) => ({
    participant,
    event,
    device,
    upload: id,
    hr,
    cadence,
    ...marks[i]!,
    span: i === 0 ? null : spanBetween(marks[i - 1]!, marks[i]!, gapMaxMs),
    uploadEnd: i === 0 ? marks.at(-1)! : null,
  }));
}

function markOf({ tsMs, distanceM, steps }: Reading): Mark {
  return { tsMs, distanceCm: distanceM === null ? null : Math.floor(distanceM * 100 + 0.5), steps };
}

/** A counter that falls was set back, or is wrong: nothing was covered. */
export function spanBetween(from: Mark, to: Mark, gapMaxMs: number): Span | null {
  const ms = to.tsMs - from.tsMs;
  if (ms <= 0 || ms > gapMaxMs) return null;
  return { ms, cm: grown(from.distanceCm, to.distanceCm), steps: grown(from.steps, to.steps) };
}

function grown(from: number | null, to: number | null): number {
  return from === null || to === null ? 0 : Math.max(0, to - from);
}
