/**
 * FIT, the binary format of Garmin, Coros, Suunto and others. Read whole: its checksum stands at its end, and a day of
 * recording is some megabytes.
 */
import FitParser from "fit-file-parser";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { type Track, TrackBuilder } from "./track.ts";

const HEADER_MIN = 12;
const CHECKSUM = 2;
/** FIT counts strides on foot: one foot. */
const FEET = 2;
const ON_FOOT = new Set(["running", "walking", "hiking", "generic", "training"]);

/** @throws RecordingError when the file is not FIT, is cut, or its checksum is wrong. */
export async function readFitTrack(
  file: string,
  bytes: Buffer<ArrayBuffer>,
  onProblem: OnPointProblem,
): Promise<Track> {
  checkEnvelope(file, bytes);
  const parsed = await new FitParser({ mode: "list", force: false }).parseAsync(bytes).catch((cause) => {
    throw new RecordingError(file, `byte 0 to ${bytes.length}`, `the file is damaged: ${cause}`, { cause });
  });
  const sport = parsed.sessions?.[0]?.sport ?? "generic";
  const onFoot = ON_FOOT.has(String(sport));
  const track = new TrackBuilder(file);
  (parsed.records ?? []).forEach((record, index) => {
    const problem = (text: string) => onProblem({ file, place: `record ${index + 1}`, problem: text });
    const timeMs = new Date(record.timestamp ?? Number.NaN).getTime();
    if (Number.isNaN(timeMs)) {
      problem("a record without a time");
      return;
    }
    const lat = number(record.position_lat);
    const lon = number(record.position_long);
    const hasPosition = lat !== undefined && lon !== undefined;
    const cadence = number(record.cadence);
    const refused = track.add({
      timeMs,
      // What devices write when the strap has no contact.
      hr: number(record.heart_rate) || undefined,
      lat: hasPosition ? lat : undefined,
      lon: hasPosition ? lon : undefined,
      distanceM: number(record.distance),
      cadence: cadence === undefined ? undefined : cadence * (onFoot ? FEET : 1),
      altitudeM: number(record.enhanced_altitude ?? record.altitude),
    });
    if (refused !== undefined) problem(refused);
  });
  return track.finish({ onFoot });
}

function checkEnvelope(file: string, bytes: Buffer): void {
  const fail = (place: string, problem: string) => {
    throw new RecordingError(file, place, problem);
  };
  if (bytes.length < HEADER_MIN) fail(`byte ${bytes.length}`, "ends within the header: it is no FIT file");
  if (bytes.toString("latin1", 8, 12) !== ".FIT") fail("byte 8", 'is no FIT file: ".FIT" should stand there');
  const expected = bytes[0]! + bytes.readUInt32LE(4) + CHECKSUM;
  if (bytes.length < expected)
    fail(`byte ${bytes.length}`, `the file ends here, but its header says that it has ${expected} bytes`);
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
