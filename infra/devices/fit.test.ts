/** What devices put into FIT files beyond plain records, each as the protocol's description has it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BYTE,
  fitDefinition,
  fitFile,
  fitMessage,
  fitRecords,
  fitSession,
  fitTime,
  fitTimer,
  fitType,
  STRING,
  UINT8,
  UINT16,
  UINT32,
} from "./fit-fixture.ts";
import { readRecording } from "./recording-file.ts";

const T0 = Date.parse("2024-05-05T08:00:00Z");
const at = (second: number) => T0 + second * 1000;
const ACTIVITY = fitType(4);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-fit-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(...parts: Buffer[]) {
  const file = join(folder, "a.fit");
  writeFileSync(file, Buffer.concat(parts));
  const told: string[] = [];
  const track = await readRecording(file, ({ what, why, count = 1 }) =>
    told.push(`${count} ${what}: ${why}`),
  );
  return { track, told };
}
const points = (from: number, to: number, every = 1) =>
  Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, i) => ({
    timeMs: at(from + i * every),
    hr: 120,
    cadence: 84,
    distanceM: i * every * 3,
  }));

describe("a chain of FIT files", () => {
  test("is one recording, in which distance goes on", async () => {
    const { track, told } = await read(
      fitFile(ACTIVITY, fitRecords(points(0, 59)), fitSession(1, at(0), at(59))),
      fitFile(ACTIVITY, fitRecords(points(600, 639)), fitSession(1, at(600), at(639))),
    );
    expect([track.length, track.atMs.at(-1), track.distanceM.at(-1)]).toEqual([100, 639_000, 177 + 117]);
    expect(told).toEqual([]);
  });

  test("tells of a file in it that is no recording, and of bytes that are none", async () => {
    const { track, told } = await read(
      fitFile(ACTIVITY, fitRecords(points(0, 9))),
      fitFile(fitType(5)),
      Buffer.alloc(7),
    );
    expect(track.length).toBe(10);
    expect(told).toEqual([
      "7 bytes: they stand after the end of the recording and are no FIT file",
      "1 files of the chain: they are a workout to do, no recording",
    ]);
  });

  test("is refused when one of it is cut", async () => {
    const one = fitFile(ACTIVITY, fitRecords(points(0, 9)));
    await expect(read(one, one.subarray(0, one.length - 3))).rejects.toThrow(/the file ends here/);
  });

  test("may hold what a strap kept under water: records get the mean of the beats since the last one", async () => {
    const hr = 132;
    // 1 024 ticks a second: half seconds, packed twice twelve bits to three bytes.
    const ticks = [512, 1024, 1536, 2048, 2560, 3072, 3584, 4096].map((tick) => tick % 4096);
    const packed = Array.from({ length: 4 }, (_, i) => {
      const [a, b] = [ticks[2 * i]!, ticks[2 * i + 1]!];
      return [a & 0xff, (a >> 8) | ((b & 0xf) << 4), b >> 4];
    }).flat();
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitRecords([0, 1, 2, 3, 4].map((s) => ({ timeMs: at(s), distanceM: s }))),
        fitSession(5, at(0), at(4)),
      ),
      fitFile(
        fitDefinition(0, hr, [
          [253, 4, UINT32],
          [9, 4, UINT32],
          [6, 1, UINT8],
        ]),
        fitMessage(0, [
          [fitTime(at(0)), 4],
          [0, 4],
          [100, 1],
        ]),
        fitDefinition(1, hr, [
          [10, 12, BYTE],
          [6, 8, UINT8],
        ]),
        fitMessage(1, [
          [packed, 12],
          [[110, 110, 120, 120, 130, 130, 0xff, 0xff], 8],
        ]),
      ),
    );
    // After the last beat nobody knows.
    expect([...track.hr]).toEqual([100, 108, 118, 128, Number.NaN]);
  });
});

describe("a recording of several sports", () => {
  test("counts feet where somebody was on foot, and nowhere else", async () => {
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitRecords(points(0, 20)),
        fitSession(2, at(0), at(10)),
        fitSession(1, at(11), at(20)),
      ),
    );
    expect([track.sport, track.cadence[10], track.cadence[11]]).toEqual(["cycling, running", 84, 168]);
    expect([track.steps[10], track.steps[20]]).toEqual([Number.NaN, 28]);
  });
});

describe("steps", () => {
  test("go on between points far apart while the timer runs", async () => {
    const { track } = await read(
      fitFile(ACTIVITY, fitTimer(at(0), 0), fitRecords(points(0, 900, 90)), fitTimer(at(900), 4)),
    );
    expect(track.steps.at(-1)).toBe((168 * 900) / 60);
  });

  test("stand still where it was stopped", async () => {
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitTimer(at(0), 0),
        fitRecords(points(0, 60, 15)),
        fitTimer(at(60), 4),
        fitTimer(at(300), 0),
        fitRecords(points(300, 360, 15)),
        fitTimer(at(360), 4),
      ),
    );
    expect(track.steps.at(-1)).toBe((168 * 120) / 60);
  });
});

describe("quantities that FIT packs", () => {
  test("distance in sixteenths of a metre counts round at 256 m", async () => {
    const packed = (metres: number) => {
      const units = (metres * 16) % 4096;
      return [0, (units & 0xf) << 4, units >> 4];
    };
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitDefinition(0, 20, [
          [253, 4, UINT32],
          [8, 3, BYTE],
        ]),
        ...[10, 200, 270, 500, 520].map((metres, i) =>
          fitMessage(0, [
            [fitTime(at(i * 60)), 4],
            [packed(metres), 3],
          ]),
        ),
      ),
    );
    expect([...track.distanceM]).toEqual([10, 200, 270, 500, 520]);
  });

  test("cadence has a fraction beside it", async () => {
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitDefinition(0, 20, [
          [253, 4, UINT32],
          [4, 1, UINT8],
          [53, 1, UINT8],
        ]),
        ...[0, 64].map((fraction, i) =>
          fitMessage(0, [
            [fitTime(at(i)), 4],
            [85, 1],
            [fraction, 1],
          ]),
        ),
        fitSession(1, at(0), at(1)),
      ),
    );
    expect([...track.cadence]).toEqual([170, 171]);
  });

  test("a developer's field that stands for a native one is taken for it", async () => {
    const { track } = await read(
      fitFile(
        ACTIVITY,
        fitDefinition(1, 207, [[3, 1, UINT8]]),
        fitMessage(1, [[0, 1]]),
        fitDefinition(2, 206, [
          [0, 1, UINT8],
          [1, 1, UINT8],
          [2, 1, UINT8],
          [3, 8, STRING],
          [14, 2, UINT16],
          [15, 1, UINT8],
        ]),
        fitMessage(2, [
          [0, 1],
          [7, 1],
          [0x02, 1],
          ["Pulse", 8],
          [20, 2],
          [3, 1],
        ]),
        fitDefinition(0, 20, [[253, 4, UINT32]], [[7, 1, 0]]),
        ...[130, 131].map((hr, i) =>
          fitMessage(0, [
            [fitTime(at(i)), 4],
            [hr, 1],
          ]),
        ),
      ),
    );
    expect([...track.hr]).toEqual([130, 131]);
  });
});

describe("what is no recording", () => {
  test.each([
    [5, /is a workout to do, no recording/],
    [2, /is settings of a device, no recording/],
    [6, /is a course to follow, no recording/],
  ])("is refused with what it is: type %d", async (type, message) => {
    const records = type === 6 ? [fitRecords(points(0, 9))] : [];
    await expect(read(fitFile(fitType(type), ...records))).rejects.toThrow(message);
  });

  test("is refused when nothing was measured", async () => {
    await expect(read(fitFile(ACTIVITY, fitSession(1, at(0), at(9))))).rejects.toThrow(/holds no records/);
  });
});

describe("a clock that was wrong", () => {
  test("costs the points until it was set, ahead or behind, and says so", async () => {
    const ahead = [0, 1, 2].map((s) => ({ timeMs: Date.UTC(2027, 0, 1) + s * 1000, hr: 100 }));
    const behind = [0, 1, 2].map((s) => ({ timeMs: Date.UTC(1990, 0, 1) + s * 1000, hr: 100 }));
    for (const wrong of [ahead, behind]) {
      const { track, told } = await read(fitFile(ACTIVITY, fitRecords([...wrong, ...points(10, 30)])));
      expect([track.startMs, track.length]).toEqual([at(10), 21]);
      expect(told).toHaveLength(3);
      expect(told[0]).toMatch(/1 points: .*the clock was set/);
    }
  });
});
