/**
 * From what an official sends to a correction for the log. Pure.
 *
 * C1  A correction is checked against what the race has (mats) and what its kind needs before it is accepted. Whether it
 *     applies to what the runner has run is decided by the job, and stands in the correction's outcome.
 * C2  A time of day is of the day on which the race can have been there: in a race that began at 20:00, 00:12:33 is after midnight.
 */
import { randomUUID } from "node:crypto";
import { type Static, Type } from "typebox";
import { courseOf, legMinMs, legMs } from "../../jobs/lib/course.ts";
import type { Correction, CorrectionKind, Race } from "../../schemas/index.ts";
import { listed, Problem, quoted } from "../problem.ts";
import { LINES, ONE_LINE } from "../text-patterns.ts";
import { timeOfDayMs } from "./time-of-day.ts";

const KINDS: readonly CorrectionKind[] = ["void", "add", "change", "disqualify", "reinstate"];

export const CorrectionBody = Type.Object(
  {
    bib: Type.String({ maxLength: 50, pattern: ONE_LINE }),
    kind: Type.Unsafe<CorrectionKind>({ type: "string", enum: [...KINDS] }),
    id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: "^[\\x21-\\x7e]+$",
        description:
          "yours, printable without spaces; sending a correction again with its id changes nothing. Absent: one is given",
      }),
    ),
    read: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: ONE_LINE,
        description: "void, change: id of the read; absent: whichever counts at the mat",
      }),
    ),
    mat: Type.Optional(Type.String({ maxLength: 100, pattern: ONE_LINE, description: "void, add, change" })),
    time: Type.Optional(
      Type.Unsafe<number | string>({
        anyOf: [{ type: "number" }, { type: "string", maxLength: 20 }],
        description:
          "add, change: when the chip crossed, seconds since local midnight or HH:MM:SS[.mmm] local time of day",
      }),
    ),
    reason: Type.Optional(Type.String({ maxLength: 500, pattern: LINES })),
  },
  { additionalProperties: false },
);

/** @throws Problem BAD_REQUEST, UNKNOWN_MAT (C1) */
export function correctionOf(race: Race, body: Static<typeof CorrectionBody>, nowMs: number): Correction {
  const { bib, kind, id = randomUUID(), read, mat, time, reason = "" } = body;
  const isAboutRead = kind === "void" || kind === "add" || kind === "change";
  const needsTime = kind === "add" || kind === "change";
  const surplus = [
    !isAboutRead && mat !== undefined && "mat",
    (!isAboutRead || kind === "add") && read !== undefined && "read",
    !needsTime && time !== undefined && "time",
  ].filter((name) => name !== false);
  if (surplus.length > 0)
    throw new Problem("BAD_REQUEST", `${surplus.join(", ")}: a correction of kind ${kind} takes none`);
  const mats = race.mats.map((one) => one.id);
  if (isAboutRead && mat === undefined)
    throw new Problem("BAD_REQUEST", `mat: a correction of kind ${kind} needs one of ${listed(mats)}`);
  if (mat !== undefined && !mats.includes(mat))
    throw new Problem("UNKNOWN_MAT", `mat: ${race.id} has no mat ${quoted(mat)}; it has ${listed(mats)}`);
  if (needsTime && time === undefined) {
    throw new Problem(
      "BAD_REQUEST",
      `time: a correction of kind ${kind} needs one, as seconds since local midnight or HH:MM:SS[.mmm]`,
    );
  }
  const timeMs = time === undefined ? null : timeOfDayMs(time);
  if (timeMs === undefined) {
    throw new Problem(
      "BAD_REQUEST",
      `time: ${quoted(String(time))} is neither seconds since local midnight (0 to 172800) nor HH:MM:SS[.mmm]`,
    );
  }
  return {
    race: race.id,
    bib,
    id,
    kind,
    read: read ?? null,
    mat: mat ?? null,
    timeMs: timeMs !== null && isClock(time) ? onRaceDay(race, mats.indexOf(mat!), timeMs) : timeMs,
    reason,
    enteredMs: nowMs,
  };
}

const DAY_MS = 86_400_000;

/** Seconds since midnight are what they are. */
const isClock = (time: number | string | undefined): boolean =>
  typeof time === "string" && time.includes(":");

/** C2. A time that fits neither day stays: the job refuses it, and says why. */
function onRaceDay(race: Race, mat: number, timeMs: number): number {
  const course = courseOf(race);
  if (timeMs >= course.startOpensMs) return timeMs;
  const sinceGunMs = timeMs + DAY_MS - race.gunMs;
  const latestMs = legMs(course, 0, mat, 0) + race.dnfAfterMs;
  const canBe = sinceGunMs >= legMinMs(course, 0, mat, "wheels") && sinceGunMs <= latestMs;
  return canBe && mat > 0 ? timeMs + DAY_MS : timeMs;
}
