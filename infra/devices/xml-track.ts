/**
 * Reads tracks from XML, piece by piece as the file is read; what an element means is the dialect's (`tcx.ts`, `gpx.ts`).
 *
 * X1  Elements go by their local names: exporters choose prefixes as they like.
 * X2  XML that is not well formed ends the recording, with line and column; a value that cannot be read is left out alone.
 * X3  A file without a point that has a time is refused with what it is: a route, a course, a workout.
 */
import { type SaxesAttributePlain, SaxesParser } from "saxes";
import { ALTITUDE_M, type Bounds, LATITUDE, LONGITUDE, PERSON } from "../../jobs/lib/plausible.ts";
import { recordedTime } from "./recorded-time.ts";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { sportOf } from "./sport.ts";
import { type Point, type Track, TrackBuilder } from "./track.ts";

type Field = Exclude<keyof Point, "timeMs" | "sport" | "afterPause">;

export interface Dialect {
  /** The format's name, for messages. */
  readonly name: string;
  readonly root: string;
  /** The element of one point, and of a stretch of them. */
  readonly point: string;
  readonly segment: string;
  readonly time: string;
  /** Elements inside a point, as `PARENT/NAME` or, whatever the parent, `NAME`. */
  readonly fields: Readonly<Record<string, Field>>;
  /** Attributes of the point itself. */
  readonly attributes: Readonly<Record<string, Field>>;
  /** Where the sport stands: an attribute of an element, or an element's text. */
  readonly sport: { readonly parent?: string; readonly element: string; readonly attribute?: string };
  /** Elements of what is no recording, and what it is (X3). */
  readonly others: Readonly<Record<string, string>>;
}

const WHAT: Readonly<Record<Field, string>> = {
  hr: "heart rates",
  lat: "positions",
  lon: "positions",
  distanceM: "distances",
  cadence: "cadences",
  altitudeM: "altitudes",
};
/** A value that is no heart rate is one all the same to the file: 0 and 255 say that there was none. */
const HEART_RATE_WRITTEN: Bounds = { min: 0, max: 255 };
const LIMITS: Readonly<Record<Field, Bounds>> = {
  hr: HEART_RATE_WRITTEN,
  lat: LATITUDE,
  lon: LONGITUDE,
  distanceM: PERSON.distanceM,
  cadence: PERSON.cadence,
  altitudeM: ALTITUDE_M,
};

/** @throws RecordingError (X2) */
export async function readXmlTrack(
  file: string,
  chunks: AsyncIterable<string>,
  dialect: Dialect,
  onProblem: OnPointProblem,
): Promise<Track> {
  const reader = new XmlTrackReader(file, dialect, onProblem);
  for await (const chunk of chunks) reader.write(chunk);
  return reader.finish();
}

class XmlTrackReader {
  readonly #file: string;
  readonly #dialect: Dialect;
  readonly #onProblem: OnPointProblem;
  readonly #track: TrackBuilder;
  readonly #parser = new SaxesParser({ xmlns: false, position: true });
  readonly #path: string[] = [];
  #point: Point | undefined;
  #pointLine = 0;
  #text = "";
  #sport = "";
  #points = 0;
  #untimed = 0;
  #zoneless = 0;
  readonly #others = new Set<string>();

  constructor(file: string, dialect: Dialect, onProblem: OnPointProblem) {
    this.#file = file;
    this.#dialect = dialect;
    this.#onProblem = onProblem;
    this.#track = new TrackBuilder(file, { onProblem, placeOf: "line" });
    const parser = this.#parser;
    parser.on("opentag", ({ name, attributes }) => this.#open(localName(name), attributes));
    for (const event of ["text", "cdata"] as const)
      parser.on(event, (text) => {
        this.#text += text;
      });
    parser.on("closetag", ({ name }) => this.#close(localName(name)));
    parser.on("error", (error) => {
      const place = `line ${parser.line}, column ${parser.column}`;
      throw new RecordingError(
        file,
        place,
        `is not well-formed XML: ${error.message.replace(/^[\d:. ]+/, "")}`,
      );
    });
  }

  write(chunk: string): void {
    this.#parser.write(chunk);
  }

  finish(): Track {
    this.#parser.close();
    if (this.#points === 0 && (this.#others.size > 0 || this.#untimed > 0)) {
      const what = [...this.#others].join(" and ") || "a course to follow: none of its points has a time";
      throw new RecordingError(this.#file, "", `is ${what}, no recording`);
    }
    if (this.#zoneless > 0)
      this.#tell(
        "times without a zone",
        "they are taken for UTC",
        `${this.#zoneless} times have no zone: taken for UTC`,
        this.#pointLine,
        this.#zoneless,
      );
    return this.#track.finish();
  }

  #open(name: string, attributes: Readonly<Record<string, string | SaxesAttributePlain>>): void {
    const { root, point, segment, sport, others } = this.#dialect;
    if (this.#path.length === 0 && name !== root)
      throw new RecordingError(
        this.#file,
        `line ${this.#parser.line}`,
        `is no ${this.#dialect.name} file: its first element is <${name}>, not <${root}>`,
      );
    this.#path.push(name);
    this.#text = "";
    if (name === sport.element && sport.attribute) this.#sport = String(attributes[sport.attribute] ?? "");
    if (others[name] !== undefined) this.#others.add(others[name]);
    if (name === segment) this.#track.segment();
    if (name !== point || this.#path.some((element) => others[element] !== undefined)) return;
    this.#point = { timeMs: Number.NaN };
    this.#pointLine = this.#parser.line;
    for (const [attribute, field] of Object.entries(this.#dialect.attributes)) {
      if (attributes[attribute] !== undefined) this.#set(field, attribute, String(attributes[attribute]));
    }
  }

  #close(name: string): void {
    this.#path.pop();
    const text = this.#text.trim();
    this.#text = "";
    const { point, time, fields, sport } = this.#dialect;
    if (name === sport.element && !sport.attribute && this.#path.at(-1) === sport.parent) this.#sport = text;
    if (this.#point === undefined) return;
    if (name === point) this.#endPoint(this.#point);
    else if (name === time) {
      const { timeMs, saysZone } = recordedTime(text);
      this.#point.timeMs = timeMs;
      if (!saysZone) this.#zoneless++;
      if (Number.isNaN(timeMs))
        this.#tell("times", "they cannot be read", `${name}: "${text.slice(0, 40)}" is not a time`);
    } else {
      const field = fields[`${this.#path.at(-1)}/${name}`] ?? fields[name];
      if (field !== undefined) this.#set(field, name, text);
    }
  }

  #set(field: Field, name: string, text: string): void {
    const value = text === "" ? Number.NaN : Number(text);
    const { min, max } = LIMITS[field];
    if (value >= min && value <= max) this.#point![field] = value;
    else
      this.#tell(
        WHAT[field],
        `they are no number from ${min} to ${max}`,
        `${name}: "${text.slice(0, 40)}" is not a number from ${min} to ${max}`,
      );
  }

  #endPoint(point: Point): void {
    this.#point = undefined;
    if (Number.isNaN(point.timeMs)) {
      this.#untimed++;
      this.#tell("points", "they have no time", "a point without a time", this.#pointLine);
      return;
    }
    this.#points++;
    point.sport = sportOf(this.#sport);
    this.#track.add(point, this.#pointLine);
  }

  #tell(what: string, why: string, problem: string, line: number = this.#parser.line, count = 1): void {
    this.#onProblem({ file: this.#file, place: `line ${line}`, what, why, problem, count });
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1); // X1
}
