import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Race } from "../../schemas/index.ts";
import { openRecording } from "../replay/recording.ts";
import { exampleTrack } from "./example-track.ts";
import { NO_FAULTS } from "./faults.ts";
import { localMidnightMs, raceField } from "./race-field.ts";
import { readRecording } from "./recording-file.ts";
import { TrackBuilder } from "./track.ts";
import { UploadPlan } from "./upload-plan.ts";

const RACE: Race = {
  id: "r",
  name: "R",
  date: "2024-07-01",
  timezone: "Europe/Vienna",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 10_000,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "half", distanceM: 5000 },
    { id: "finish", distanceM: 10_000 },
  ],
  overdueAfterMs: 1_800_000,
  dnfAfterMs: 10_800_000,
};
const MIDNIGHT_MS = Date.parse("2024-06-30T22:00:00Z");

type Line = readonly [bib: string, mat: string, timeS: number];

/** All readings, by participant, in order. */
async function readingsOf(...lines: Line[]) {
  return readings(
    new UploadPlan({ field: await fieldOf(lines), seed: 1, rates: NO_FAULTS, periodMs: 10_000 }),
  );
}

async function fieldOf(lines: readonly Line[], wearers?: number) {
  const passings = () =>
    lines.map(([bib, mat, timeS], i) => ({
      race: "r",
      receivedMs: timeS * 1000,
      read: { id: `${i}`, bib, mat, timeMs: timeS * 1000 },
    }));
  return raceField({ race: RACE, passings }, [exampleTrack(1001)], 1, wearers);
}

function readings(plan: UploadPlan): Map<string, { tsMs: number; distanceM: number | null }[]> {
  const byParticipant = new Map<string, { tsMs: number; distanceM: number | null }[]>();
  for (const delivery of plan.deliveries({ period: 0, position: 0 })) {
    delivery.ids.forEach((_, i) => {
      const upload = plan.upload(delivery, i);
      const list = byParticipant.get(upload.participant) ?? [];
      byParticipant.set(upload.participant, [...list, ...upload.readings]);
    });
  }
  return byParticipant;
}

describe("a race's field with trackers", () => {
  test("has each runner at each mat when the runner was read there", async () => {
    const byRunner = await readingsOf(
      ["7", "start", 36_010],
      ["8", "start", 36_020],
      ["7", "half", 37_010],
      ["8", "half", 38_020],
      ["7", "finish", 38_510],
      ["8", "finish", 41_000],
    );
    expect([...byRunner.keys()].sort()).toEqual(["r/7", "r/8"]);
    const seven = byRunner.get("r/7")!;
    expect(seven).toHaveLength(1001);
    const at = (timeS: number) => seven.find(({ tsMs }) => tsMs === MIDNIGHT_MS + timeS * 1000)?.distanceM;
    expect(at(36_010)).toBe(0);
    expect(at(37_010)).toBeCloseTo(5000, 6);
    expect(at(38_510)).toBeCloseTo(10_000, 6);
    expect(seven[0]!.tsMs).toBe(MIDNIGHT_MS + 36_010_000);
    expect(seven.at(-1)!.tsMs).toBe(MIDNIGHT_MS + 38_510_000);
    expect(byRunner.get("r/8")!.at(-1)!.tsMs).toBe(MIDNIGHT_MS + 41_000_000);
  });

  test("stops where a runner was read last, and begins where first", async () => {
    const byRunner = await readingsOf(
      ["1", "start", 100],
      ["1", "half", 1600],
      ["2", "half", 1700],
      ["2", "finish", 3300],
    );
    const distances = (id: string) => byRunner.get(id)!.map(({ distanceM }) => distanceM!);
    expect(Math.max(...distances("r/1"))).toBeCloseTo(5000, 6);
    expect(Math.min(...distances("r/2"))).toBeCloseTo(5000, 6);
    expect(Math.max(...distances("r/2"))).toBeCloseTo(10_000, 6);
  });

  test("takes the first read of a mat, leaves out what contradicts it, and those read once", async () => {
    const byRunner = await readingsOf(
      ["1", "half", 1500],
      ["1", "start", 160],
      ["1", "start", 100],
      ["1", "half", 1400],
      ["1", "elsewhere", 1450],
      ["1", "finish", 1200],
      ["2", "start", 100],
    );
    expect([...byRunner.keys()]).toEqual(["r/1"]);
    const times = byRunner.get("r/1")!.map(({ tsMs }) => (tsMs - MIDNIGHT_MS) / 1000);
    expect([times[0], times.at(-1)]).toEqual([100, 1400]);
  });

  test("of whom some wear them has the fastest, and others of the whole field", async () => {
    const lines = Array.from({ length: 100 }, (_, i): Line[] => [
      [`${i}`, "start", 36_000 + i],
      // Who starts last is the fastest; the slowest ten do not finish.
      [`${i}`, i < 10 ? "half" : "finish", 40_000 - 10 * i],
    ]).flat();
    const bibsOf = async (wearers?: number) => {
      const { size, participant } = await fieldOf(lines, wearers);
      return Array.from({ length: size }, (_, device) => Number(participant(device).slice(2)));
    };
    const twenty = await bibsOf(20);
    expect(twenty).toHaveLength(20);
    expect(twenty.slice(-10)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(Math.min(...twenty)).toBeLessThan(50);
    expect(await bibsOf(20)).toEqual(twenty);
    expect(await bibsOf(100)).toHaveLength(100);
    expect(await bibsOf()).toHaveLength(100);
  });

  test("needs a recording that covers distance", async () => {
    const still = new TrackBuilder("still.fit");
    for (const timeMs of [1e12, 1e12 + 1000]) still.add({ timeMs, hr: 60 });
    const reads = { race: RACE, passings: () => [] };
    await expect(raceField(reads, [still.finish()], 1)).rejects.toThrow(/still\.fit: covers no distance/);
  });

  test("of Chicago 2023 runs as the race did", async () => {
    const infra = join(import.meta.dirname, "..");
    const track = await readRecording(
      join(infra, "recordings/vz-boston-marathon-2017.gpx.gz"),
      () => undefined,
    );
    const reads = await openRecording(join(infra, "races/chicago-2023"), () => undefined);
    const field = await raceField(reads, [track], 1);
    expect(field.size).toBe(47_999);
    const plan = new UploadPlan({ field, seed: 1, rates: NO_FAULTS, periodMs: 10_000 });
    const [first] = plan.deliveries({ period: 0, position: 0 });
    // The gun was at 07:30:02 in Chicago; the first start read is of 07:30:01.
    expect(first!.timeMs - Date.parse("2023-10-08T12:30:01Z")).toBeLessThanOrEqual(10_000);
    expect(plan.readings).toBeGreaterThan(47_999 * 3500);
  });
});

test("a reading's time is what the clock there shows, on days when that is set too", () => {
  const at = (date: string, timezone: string, hour: number) =>
    new Date(localMidnightMs(date, timezone) + hour * 3_600_000).toISOString().slice(0, 16);
  expect(at("2023-10-08", "America/Chicago", 7)).toBe("2023-10-08T12:00");
  expect(at("2003-11-02", "America/New_York", 10)).toBe("2003-11-02T15:00");
  expect(at("2023-11-05", "America/New_York", 9)).toBe("2023-11-05T14:00");
  expect(at("2024-03-31", "Europe/Vienna", 9)).toBe("2024-03-31T07:00");
  expect(at("2024-04-07", "Australia/Sydney", 7)).toBe("2024-04-06T21:00");
});
