/**
 * Reads tracks from XML, piece by piece as the file is read; what an element means is the dialect's (`tcx.ts`, `gpx.ts`).
 *
 * X1  Elements go by their local names: exporters choose prefixes as they like.
 * X2  XML that is not well formed ends the recording, with line and column; a value that cannot be read is left out alone.
 */
import { type SaxesAttributePlain, SaxesParser } from "saxes";
import { type OnPointProblem, RecordingError } from "./recording-error.ts";
import { type Point, type Track, TrackBuilder } from "./track.ts";

type Field = Exclude<keyof Point, "timeMs">;

export interface Dialect {
  /** The format's name, for messages. */
  readonly name: string;
  readonly root: string;
  /** The element of one point. */
  readonly point: string;
  readonly time: string;
  /** Elements inside a point, as `PARENT/NAME` or, whatever the parent, `NAME`. */
  readonly fields: Readonly<Record<string, Field>>;
  /** Attributes of the point itself. */
  readonly attributes: Readonly<Record<string, Field>>;
  /** Where the sport stands: an attribute of an element, or an element's text. */
  readonly sport: { readonly element: string; readonly attribute?: string };
}

const LIMITS: Readonly<Record<Field, readonly [number, number]>> = {
  hr: [0, 255],
  lat: [-90, 90],
  lon: [-180, 180],
  distanceM: [0, 1e7],
  cadence: [0, 1000],
  altitudeM: [-1000, 20_000],
};
/** In these formats one foot is counted. */
const FEET = 2;
const ON_FOOT = /^$|run|walk|hik|trail/i;

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

  constructor(file: string, dialect: Dialect, onProblem: OnPointProblem) {
    this.#file = file;
    this.#dialect = dialect;
    this.#onProblem = onProblem;
    this.#track = new TrackBuilder(file);
    const parser = this.#parser;
    parser.on("opentag", ({ name, attributes }) => this.#open(localName(name), attributes));
    parser.on("text", (text) => {
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
    return this.#track.finish({ onFoot: ON_FOOT.test(this.#sport) });
  }

  #open(name: string, attributes: Readonly<Record<string, string | SaxesAttributePlain>>): void {
    const { root, point, sport } = this.#dialect;
    if (this.#path.length === 0 && name !== root)
      throw new RecordingError(
        this.#file,
        `line ${this.#parser.line}`,
        `is no ${this.#dialect.name} file: its first element is <${name}>, not <${root}>`,
      );
    this.#path.push(name);
    this.#text = "";
    if (name === sport.element && sport.attribute) this.#sport = String(attributes[sport.attribute] ?? "");
    if (name !== point) return;
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
    if (name === sport.element && !sport.attribute) this.#sport = text;
    if (this.#point === undefined) return;
    if (name === point) this.#endPoint(this.#point);
    else if (name === time) {
      this.#point.timeMs = Date.parse(text);
      if (Number.isNaN(this.#point.timeMs)) this.#tell(`${name}: "${text.slice(0, 40)}" is not a time`);
    } else {
      const field = fields[`${this.#path.at(-1)}/${name}`] ?? fields[name];
      if (field !== undefined) this.#set(field, name, text);
    }
  }

  #set(field: Field, name: string, text: string): void {
    const value = text === "" ? Number.NaN : Number(text);
    const [least, most] = LIMITS[field];
    if (value >= least && value <= most) this.#point![field] = value;
    else this.#tell(`${name}: "${text.slice(0, 40)}" is not a number from ${least} to ${most}`);
  }

  #endPoint(point: Point): void {
    this.#point = undefined;
    if (Number.isNaN(point.timeMs)) {
      this.#tell("a point without a time", this.#pointLine);
      return;
    }
    // What devices write when the strap has no contact.
    if (point.hr === 0) point.hr = undefined;
    if (point.lat === undefined || point.lon === undefined) point.lat = point.lon = undefined;
    if (point.cadence !== undefined && ON_FOOT.test(this.#sport)) point.cadence *= FEET;
    const refused = this.#track.add(point);
    if (refused !== undefined) this.#tell(refused, this.#pointLine);
  }

  #tell(problem: string, line: number = this.#parser.line): void {
    this.#onProblem({ file: this.#file, place: `line ${line}`, problem });
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1); // X1
}
