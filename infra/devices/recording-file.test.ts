import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PointProblem } from "./recording-error.ts";
import { findRecordings, readRecording } from "./recording-file.ts";
import type { Track } from "./track.ts";

const SHIPPED = join(import.meta.dirname, "../recordings");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-recordings-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads `content` as a file of this name. */
async function read(
  name: string,
  content: string | Buffer,
): Promise<{ track: Track; problems: PointProblem[] }> {
  const file = join(folder, name);
  writeFileSync(file, content);
  const problems: PointProblem[] = [];
  const track = await readRecording(file, (problem) => problems.push(problem));
  return { track, problems };
}
const shipped = (name: string) =>
  readRecording(join(SHIPPED, name), (problem) => expect(problem).toBeUndefined());
const shippedBytes = (name: string) => readFileSync(join(SHIPPED, name));
const measured = (column: ArrayLike<number>) =>
  Array.from(column).filter((value) => !Number.isNaN(value)).length;

const trackpoint = (time: string, inside = "") => `<Trackpoint><Time>${time}</Time>${inside}</Trackpoint>`;
const tcx = (...points: string[]) =>
  `<?xml version="1.0"?>\n<TrainingCenterDatabase><Activities><Activity Sport="Running"><Lap><Track>\n${points.join("\n")}\n</Track></Lap></Activity></Activities></TrainingCenterDatabase>`;

describe("recordings", () => {
  test("are the same in TCX and GPX, as exported of one run", async () => {
    const a = await shipped("msimms-20210119-fenix6.tcx.gz");
    const b = await shipped("msimms-20210119-fenix6.gpx.gz");
    expect(a.length).toBe(1232);
    expect(a.startMs).toBe(Date.parse("2021-01-19T23:30:50Z"));
    for (const name of ["atMs", "hr", "lat", "lon", "cadence", "steps", "altitudeM"] as const)
      expect(b[name]).toEqual(a[name]);
    // The GPX has no distance: along its positions it is the watch's but for a quarter of a percent.
    expect(a.distanceM.at(-1)).toBeCloseTo(5124.84, 2);
    expect(Math.abs(b.distanceM.at(-1)! / a.distanceM.at(-1)! - 1)).toBeLessThan(0.0025);
  });

  test("of one run on two watches agree", async () => {
    const garmin = await shipped("msimms-20210507-fenix6.fit");
    const coros = await shipped("msimms-20210507-coros-pace2.fit");
    expect(Math.abs(garmin.startMs - coros.startMs)).toBeLessThan(5000);
    expect(garmin.distanceM.at(-1)).toBeCloseTo(9386.1, 3);
    expect(coros.distanceM.at(-1)).toBeCloseTo(9511.86, 3);
    for (const { cadence, length } of [garmin, coros]) expect(cadence[length >> 1]).toBe(182);
  });

  test("of a whole marathon, with the device's own distance", async () => {
    const boston = await shipped("vz-boston-marathon-2017.gpx.gz");
    expect(boston.length).toBe(3887);
    expect(measured(boston.hr)).toBe(3887);
    expect([Math.min(...boston.hr), Math.max(...boston.hr)]).toEqual([104, 177]);
    expect(boston.distanceM.at(-1)).toBe(42_471);
  });

  test("indoors have no positions, and no steps where nobody walked", async () => {
    const rowing = await shipped("fitparse-20170518-vivoactive-indoor.fit");
    expect(rowing.length).toBe(1641);
    expect(measured(rowing.hr)).toBe(1641);
    expect([rowing.lat, rowing.lon, rowing.steps].map(measured)).toEqual([0, 0, 0]);
  });

  test("with a hole keep it", async () => {
    const { atMs } = await shipped("gofit-fr920xt-broken.fit.gz");
    expect(Math.max(...atMs.map((at, i) => (i === 0 ? 0 : at - atMs[i - 1]!)))).toBe(998_000);
  });

  test("with two records in one second keep what both measured, once", async () => {
    const { atMs } = await shipped("fitparse-20130206-fr110.fit");
    expect(atMs.every((at, i) => i === 0 || at > atMs[i - 1]!)).toBe(true);
    expect(atMs.length).toBe(583);
  });

  test("of a folder are all read, and each in order of time", async () => {
    const files = findRecordings([SHIPPED]);
    expect(files).toHaveLength(10);
    for (const file of files) {
      const { atMs, length } = await readRecording(file, () => undefined);
      expect(length).toBeGreaterThan(300);
      expect(atMs.every((at, i) => i === 0 || at > atMs[i - 1]!)).toBe(true);
    }
  });
});

describe("what cannot be used of a recording", () => {
  test("a value that is none is left out alone, and the place is told", async () => {
    const { track, problems } = await read(
      "values.tcx",
      tcx(
        trackpoint("2024-01-01T00:00:00Z", "<HeartRateBpm><Value>abc</Value></HeartRateBpm>"),
        trackpoint("2024-01-01T00:00:01Z", "<HeartRateBpm><Value>120</Value></HeartRateBpm>"),
        trackpoint(
          "2024-01-01T00:00:02Z",
          "<Position><LatitudeDegrees>95</LatitudeDegrees><LongitudeDegrees>1</LongitudeDegrees></Position>",
        ),
      ),
    );
    expect(Array.from(track.hr)).toEqual([Number.NaN, 120, Number.NaN]);
    expect(measured(track.lon)).toBe(0);
    expect(problems.map(({ place, problem }) => `${place}: ${problem}`)).toEqual([
      'line 3: Value: "abc" is not a number from 0 to 255',
      'line 5: LatitudeDegrees: "95" is not a number from -90 to 90',
    ]);
  });

  test("points without a time, or back in time, are left out", async () => {
    const { track, problems } = await read(
      "times.tcx",
      tcx(
        trackpoint("2024-01-01T00:00:05Z"),
        trackpoint("yesterday"),
        trackpoint("2024-01-01T00:00:01Z"),
        trackpoint("2024-01-01T00:00:06Z"),
      ),
    );
    expect(Array.from(track.atMs)).toEqual([0, 1000]);
    expect(problems.map(({ place }) => place)).toEqual(["line 4", "line 4", "line 5"]);
  });

  test("no heart rate is not a heart rate of 0", async () => {
    const beat = (hr: number) => `<HeartRateBpm><Value>${hr}</Value></HeartRateBpm>`;
    const { track } = await read(
      "contact.tcx",
      tcx(trackpoint("2024-01-01T00:00:00Z", beat(0)), trackpoint("2024-01-01T00:00:01Z", beat(61))),
    );
    expect(Array.from(track.hr)).toEqual([Number.NaN, 61]);
  });

  test.each<[string, string, () => string | Buffer, RegExp]>([
    [
      "XML that ends too early",
      "cut.tcx",
      () => tcx(trackpoint("2024-01-01T00:00:00Z")).slice(0, 140),
      /cut\.tcx: line \d, column \d+: is not well-formed XML: /,
    ],
    [
      "an element closed by another",
      "crossed.gpx",
      () => "<gpx>\n<trk>\n</gpx>",
      /crossed\.gpx: line 3, column \d+: is not well-formed XML/,
    ],
    [
      "another kind of XML",
      "page.gpx",
      () => "<html></html>",
      /page\.gpx: line 1: is no GPX file: its first element is <html>/,
    ],
    ["an empty file", "empty.gpx", () => "", /empty\.gpx: line 1, column \d+: is not well-formed XML/],
    [
      "a single point",
      "one.tcx",
      () => tcx(trackpoint("2024-01-01T00:00:00Z")),
      /one\.tcx: holds 1 points with a time/,
    ],
    [
      "bytes that are no text",
      "latin.gpx",
      () => Buffer.from([0x3c, 0x67, 0xe9, 0x3e]),
      /latin\.gpx: after 0 bytes: is not UTF-8/,
    ],
    [
      "a cut FIT file",
      "cut.fit",
      () => shippedBytes("msimms-20210507-fenix6.fit").subarray(0, 60_000),
      /cut\.fit: byte 60000: the file ends here, but its header says that it has 120241 bytes/,
    ],
    [
      "a FIT file with a flipped bit",
      "flipped.fit",
      () => flipped(shippedBytes("msimms-20210507-fenix6.fit"), 60_000),
      /flipped\.fit: byte 0 to 120241: the file is damaged/,
    ],
    ["something else than FIT", "else.fit", () => Buffer.alloc(100), /else\.fit: byte 8: is no FIT file/],
    ["a few bytes", "few.fit", () => Buffer.alloc(5), /few\.fit: byte 5: ends within the header/],
    [
      "a cut gzip file",
      "cut.gpx.gz",
      () => shippedBytes("vz-half-marathon-2022.gpx.gz").subarray(0, 30_000),
      /cut\.gpx\.gz: after \d+ bytes: cannot be read on: unexpected end of file/,
    ],
    [
      "plain text called gzip",
      "plain.gpx.gz",
      () => "<gpx/>",
      /plain\.gpx\.gz: after 0 bytes: cannot be read on/,
    ],
  ])("%s is refused, with file and place", async (_what, name, content, message) => {
    await expect(read(name, content())).rejects.toThrow(message);
  });

  test("a file that never ends is refused, in bounded memory", async () => {
    const file = join(folder, "bomb.gpx.gz");
    writeFileSync(file, Buffer.concat([gzipSync("<gpx>"), gzipSync(Buffer.alloc(2_000_000, 0x20))]));
    await expect(readRecording(file, () => undefined, { bytesMax: 1_000_000 })).rejects.toThrow(
      /bomb\.gpx\.gz: byte 1000000: is larger than any recording is/,
    );
  });

  test("what is no file is refused", () => {
    expect(() => findRecordings(["/dev/zero"])).toThrow(/is no file/);
  });

  test("names that are no recordings are refused", () => {
    expect(() => findRecordings([join(folder, "absent.fit")])).toThrow(/absent\.fit: no such file/);
    expect(() => findRecordings([import.meta.filename])).toThrow(/must end in \.fit, \.tcx or \.gpx/);
  });
});

test("a gzipped file is what is in it", async () => {
  const packed = shippedBytes("tcxparser-fr410.tcx.gz");
  const plain = await read("plain.tcx", gunzipSync(packed));
  const again = await read("again.TCX.GZ", gzipSync(gunzipSync(packed)));
  expect(again.track).toEqual({ ...plain.track, file: again.track.file });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}
