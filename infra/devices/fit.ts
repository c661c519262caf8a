/**
 * FIT, the binary format of Garmin, Coros, Suunto and others. Read whole: its checksum stands at its end, and a day of
 * recording is some megabytes.
 *
 * FI1  A chain of files (fit-chain.ts) is one recording, each file a segment of it. What of it is no recording is told.
 * FI2  The sport of a record is that of the session its time lies in.
 * FI3  A value that a developer's field gives in place of a native one is taken where the native one is absent or is what it overrides.
 */
import FitParser from "fit-file-parser";
import { linksOf } from "./fit-chain.ts";
import { type Beat, beatsOf, CompressedDistance, heartRatesAt } from "./fit-values.ts";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { type Sport, sportOf, UNKNOWN_SPORT } from "./sport.ts";
import { type Point, type Track, TrackBuilder } from "./track.ts";

type Parsed = Awaited<ReturnType<FitParser["parseAsync"]>>;
type FitRecord = NonNullable<Parsed["records"]>[number];

/** What a file of another type is (FIT profile, type `file`). */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  course: "a course to follow",
  workout: "a workout to do",
  schedules: "a schedule of workouts",
  settings: "settings of a device",
  sport: "settings of a sport",
  device: "a description of a device",
  goals: "a list of goals",
  totals: "a list of totals",
  segment: "a segment to race on",
  segment_list: "a list of segments",
  monitoring_a: "what a watch counts all day",
  monitoring_b: "what a watch counts all day",
  monitoring_daily: "what a watch counts all day",
  weight: "readings of a scale",
  blood_pressure: "readings of blood pressure",
};
/** Fields of `record` in the FIT profile that a developer's field may stand for (FI3). */
const NATIVE: Readonly<Record<number, "altitudeM" | "hr" | "cadence" | "distanceM">> = {
  2: "altitudeM",
  3: "hr",
  4: "cadence",
  5: "distanceM",
};

/** @throws RecordingError when the file is not FIT, is cut, its checksum is wrong, or it is no recording. */
export async function readFitTrack(
  file: string,
  bytes: Buffer<ArrayBuffer>,
  onProblem: OnPointProblem,
): Promise<Track> {
  const links = linksOf(file, bytes, onProblem);
  const parsed: Parsed[] = [];
  for (const link of links) parsed.push(await parse(file, link));
  const activities = parsed.filter((one) => kindOf(one) === undefined);
  const beats = parsed.flatMap(({ messages }) => beatsOf(messagesOf(messages, "hr")));
  if (!activities.some(({ records }) => records?.length))
    throw new RecordingError(file, "", whatElse(parsed));
  parsed.forEach((one, link) => {
    const kind = kindOf(one);
    if (kind === undefined) return;
    const why = `they are ${kind}, no recording`;
    const place = `file ${link + 1} of ${parsed.length}`;
    onProblem({ file, place, what: "files of the chain", why, problem: `is ${kind}, no recording` });
  });
  const track = new TrackBuilder(file, { onProblem, placeOf: "record" });
  for (const activity of activities) addRecords(track, file, activity, beats, onProblem);
  return track.finish();
}

function addRecords(
  track: TrackBuilder,
  file: string,
  { records = [], sessions = [], events = [], messages }: Parsed,
  beats: readonly Beat[],
  onProblem: OnPointProblem,
): void {
  if (records.length === 0) return;
  const stops = events.filter(({ event }) => event === "timer");
  track.segment({ saysPauses: stops.length > 0 });
  const sportAt = sportsOf(sessions);
  const overrides = overridesOf(messagesOf(messages, "field_description"));
  const distance = new CompressedDistance();
  const own = records.some((record) => (record.heart_rate ?? 0) > 0);
  const kept = own ? undefined : heartRatesAt(records.map(timeOf), beats);
  let stopped = nextStop(stops, Number.NEGATIVE_INFINITY);
  records.forEach((record, index) => {
    const timeMs = timeOf(record);
    if (Number.isNaN(timeMs)) {
      const why = "they have no time";
      onProblem({
        file,
        place: `record ${index + 1}`,
        what: "points",
        why,
        problem: "a record without a time",
      });
      return;
    }
    const point: Point = {
      timeMs,
      hr: number(record.heart_rate) ?? number(kept?.[index]),
      lat: number(record.position_lat),
      lon: number(record.position_long),
      distanceM: number(record.distance) ?? distance.metres(field(record, "compressed_speed_distance")),
      cadence: cadenceOf(record),
      altitudeM: number(record.enhanced_altitude ?? record.altitude),
      sport: sportAt(timeMs),
    };
    for (const [name, of] of overrides) point[of] = number(field(record, name)) ?? point[of]; // FI3
    if (timeMs > stopped) {
      point.afterPause = true;
      stopped = nextStop(stops, timeMs);
    }
    track.add(point, index + 1);
  });
}

async function parse(file: string, bytes: Buffer<ArrayBuffer>): Promise<Parsed> {
  try {
    return await new FitParser({ mode: "list", force: false }).parseAsync(bytes);
  } catch (cause) {
    throw new RecordingError(file, `byte 0 to ${bytes.length}`, `the file is damaged: ${cause}`, { cause });
  }
}

/** What a file is that is no recording; undefined: it may be one. */
function kindOf({ file_ids: [id] = [], records = [] }: Parsed): string | undefined {
  const type = id?.type;
  if (type === undefined || type === "activity") return undefined;
  const known = OTHER_KINDS[String(type)];
  return known ?? (records.length > 0 ? undefined : `a FIT file of type ${type}`);
}

function whatElse(parsed: readonly Parsed[]): string {
  const kinds = new Set(parsed.flatMap((one) => kindOf(one) ?? []));
  if (kinds.size > 0) return `is ${[...kinds].join(" and ")}, no recording`;
  return "holds no records: nothing was measured while it was made";
}

/** FI2. Between sessions: that of the one before. */
function sportsOf(sessions: NonNullable<Parsed["sessions"]>): (timeMs: number) => Sport {
  const spans = sessions
    .map((session) => ({
      fromMs: new Date(session.start_time ?? Number.NaN).getTime(),
      sport: sportOf(`${session.sub_sport === "treadmill" ? "treadmill" : (session.sport ?? "")}`),
    }))
    .sort((a, b) => a.fromMs - b.fromMs);
  return (timeMs) => (spans.findLast(({ fromMs }) => fromMs <= timeMs) ?? spans[0])?.sport ?? UNKNOWN_SPORT;
}

/** When the timer was stopped next after a moment. */
function nextStop(events: NonNullable<Parsed["events"]>, afterMs: number): number {
  const stops = events
    .filter(({ event_type }) => String(event_type).startsWith("stop"))
    .map(({ timestamp }) => new Date(timestamp ?? Number.NaN).getTime())
    .filter((timeMs) => timeMs >= afterMs);
  return stops.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...stops);
}

interface FieldDescription {
  readonly field_name?: unknown;
  readonly native_mesg_num?: unknown;
  readonly native_field_num?: unknown;
}

/** By name of a developer's field, the quantity it stands for. */
function overridesOf(descriptions: readonly object[]) {
  return (descriptions as readonly FieldDescription[]).flatMap(
    ({ field_name, native_mesg_num, native_field_num }) => {
      const of = NATIVE[Number(native_field_num)];
      const isOfRecord =
        native_mesg_num === "record" || native_mesg_num === 20 || native_mesg_num === undefined;
      return of && isOfRecord && typeof field_name === "string" ? [[field_name, of] as const] : [];
    },
  );
}

/** Turns a minute: whole ones, and the fraction that newer devices give beside them. */
function cadenceOf(record: FitRecord): number | undefined {
  const whole = number(record.cadence);
  return whole === undefined ? undefined : whole + (number(field(record, "fractional_cadence")) ?? 0);
}

const timeOf = (record: FitRecord): number => new Date(record.timestamp ?? Number.NaN).getTime();

const field = (record: object, name: string): unknown => (record as Readonly<Record<string, unknown>>)[name];

function messagesOf(messages: unknown, name: string): readonly object[] {
  return (messages as Readonly<Record<string, readonly object[]>> | undefined)?.[name] ?? [];
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
