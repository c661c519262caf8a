/** What exporters write that others do not expect: encodings, blanks, sections, numbers for words, times without a zone. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRecording } from "./recording-file.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-xml-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(name: string, content: string | Buffer) {
  const file = join(folder, name);
  writeFileSync(file, content);
  const told: string[] = [];
  const track = await readRecording(file, ({ what, why, count = 1 }) =>
    told.push(`${count} ${what}: ${why}`),
  );
  return { track, told };
}

const point = (time: string, inside = "") =>
  `<trkpt lat="48.1" lon="16.2"><time>${time}</time><extensions>${inside}</extensions></trkpt>`;
const seconds = (from: number, to: number, inside = "") =>
  Array.from({ length: to - from + 1 }, (_, i) =>
    point(`2025-01-01T10:00:${String(from + i).padStart(2, "0")}Z`, inside),
  ).join("\n");
const gpx = (points: string, { type = "", encoding = "UTF-8" } = {}) =>
  `<?xml version="1.0" encoding="${encoding}"?>\n<gpx creator="Dämpfer"><trk><name>Läufe</name>${type && `<type>${type}</type>`}<trkseg>\n${points}\n</trkseg></trk></gpx>`;

describe("XML is read", () => {
  test.each<[string, Buffer]>([
    ["ISO-8859-1, as declared", Buffer.from(gpx(seconds(0, 3), { encoding: "ISO-8859-1" }), "latin1")],
    ["Windows-1252, as declared", Buffer.from(gpx(seconds(0, 3), { encoding: "windows-1252" }), "latin1")],
    ["UTF-16 with a mark", Buffer.from(`\uFEFF${gpx(seconds(0, 3), { encoding: "UTF-16" })}`, "utf16le")],
    ["UTF-16 without one", Buffer.from(gpx(seconds(0, 3), { encoding: "UTF-16" }), "utf16le")],
    ["UTF-8 with a mark", Buffer.from(`\uFEFF${gpx(seconds(0, 3))}`)],
    ["UTF-8 that calls itself UTF-16", Buffer.from(gpx(seconds(0, 3), { encoding: "UTF-16" }))],
    ["blanks before the declaration", Buffer.from(`  \r\n\t ${gpx(seconds(0, 3))}`)],
    ["line ends of the old Mac", Buffer.from(gpx(seconds(0, 3)).replaceAll("\n", "\r"))],
  ])("whole: %s", async (_what, bytes) => {
    const { track, told } = await read("a.gpx", bytes);
    expect([track.length, track.startMs]).toEqual([4, Date.parse("2025-01-01T10:00:00Z")]);
    expect(told).toEqual([]);
  });

  test("or refused, with the encoding nobody knows", async () => {
    await expect(read("a.gpx", gpx(seconds(0, 3), { encoding: "klingon" }))).rejects.toThrow(
      /its encoding is "klingon"/,
    );
  });
});

describe("the sport", () => {
  const cadence = "<x:cad>81</x:cad>";
  test.each([
    ["running", "9", 162],
    ["cycling", "1", 81],
    ["mountain biking", "<![CDATA[mountain biking]]>", 81],
    ["trail running", "trail_running", 162],
    ["trail biking", "Trail Biking", 81],
    ["laufen", "Laufen", 162],
    ["", "", 162],
  ])("%s, written as %s, says whose feet a cadence counts", async (sport, type, expected) => {
    const { track } = await read("a.gpx", gpx(seconds(0, 9, cadence), { type }));
    expect([track.sport, track.cadence[0]]).toEqual([sport, expected]);
    if (expected === 81) expect([...track.steps].every(Number.isNaN)).toBe(true);
  });

  test("of places beside the track is none", async () => {
    const places = '<wpt lat="1" lon="2"><type>bike shop</type></wpt>';
    const { track } = await read(
      "a.gpx",
      gpx(seconds(0, 9, cadence), { type: "run" }).replace("<trk>", `${places}<trk>`),
    );
    expect([track.sport, track.cadence[0]]).toEqual(["run", 162]);
  });

  test("of who counts both feet already is not doubled", async () => {
    const { track } = await read("a.gpx", gpx(seconds(0, 9, "<x:cad>170</x:cad>"), { type: "run" }));
    expect(track.cadence[0]).toBe(170);
  });
});

describe("times", () => {
  test("without a zone are UTC, wherever they are read, and told once", async () => {
    const points = ["10:00:00", "10:00:01.5", "10:00:02,25"]
      .map((time) => point(`2025-07-01T${time}`))
      .join("");
    const { track, told } = await read("a.gpx", gpx(points));
    expect([track.startMs, ...track.atMs]).toEqual([Date.parse("2025-07-01T10:00:00Z"), 0, 1500, 2250]);
    expect(told).toEqual(["3 times without a zone: they are taken for UTC"]);
  });

  test("with one are what they say", async () => {
    const points = ["2025-07-01T12:00:00+02:00", "2025-07-01T04:30:01-0530", "2025-07-01 10:00:02Z"];
    const { track } = await read("a.gpx", gpx(points.map((time) => point(time)).join("")));
    expect([track.startMs, ...track.atMs]).toEqual([Date.parse("2025-07-01T10:00:00Z"), 0, 1000, 2000]);
  });

  test("that are none are left out alone", async () => {
    const { track, told } = await read("a.gpx", gpx(`${point("2025-13-45T10:00:00Z")}${seconds(0, 3)}`));
    expect(track.length).toBe(4);
    expect(told).toContain("1 times: they cannot be read");
  });
});

describe("order", () => {
  const lap = (day: number) =>
    `<Activity Sport="Running"><Lap><Track>${[0, 1, 2]
      .map((s) => `<Trackpoint><Time>2025-01-0${day}T10:00:0${s}Z</Time></Trackpoint>`)
      .join("")}</Track></Lap></Activity>`;

  test("of activities in a file is that of their times, none is lost", async () => {
    const { track, told } = await read(
      "a.tcx",
      `<TrainingCenterDatabase><Activities>${[4, 3, 1].map(lap).join("")}</Activities></TrainingCenterDatabase>`,
    );
    expect([track.length, track.startMs]).toEqual([9, Date.parse("2025-01-01T10:00:00Z")]);
    expect(told).toEqual([]);
  });

  test("of points that have the newest first is turned round", async () => {
    const points = seconds(0, 9).split("\n").reverse().join("\n");
    const { track, told } = await read("a.gpx", gpx(points));
    expect([track.length, told]).toEqual([10, []]);
  });
});

test("a heart rate of a fraction is a whole one", async () => {
  const { track } = await read("a.gpx", gpx(seconds(0, 3, "<x:hr>92.333333</x:hr>")));
  expect([...track.hr]).toEqual([92, 92, 92, 92]);
});

describe("what is no recording is refused with what it is", () => {
  test.each([
    ["a.gpx", '<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>', /is a route to follow, no recording/],
    ["a.gpx", '<gpx><wpt lat="1" lon="2"/></gpx>', /is a list of places, no recording/],
    [
      "a.gpx",
      '<gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>',
      /none of its points has a time/,
    ],
    [
      "a.tcx",
      "<TrainingCenterDatabase><Courses><Course><Track><Trackpoint><Time>2025-01-01T10:00:00Z</Time></Trackpoint><Trackpoint><Time>2025-01-01T10:00:01Z</Time></Trackpoint></Track></Course></Courses></TrainingCenterDatabase>",
      /is a course to follow, no recording/,
    ],
    [
      "a.tcx",
      "<TrainingCenterDatabase><Workouts><Workout><Name>x</Name></Workout></Workouts></TrainingCenterDatabase>",
      /is a workout to do, no recording/,
    ],
  ])("%s: %s", async (name, content, message) => {
    await expect(read(name, content)).rejects.toThrow(message);
  });
});
