import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findRecordings, readRecording } from "../../../infra/devices/recording-file.ts";
import type { Reading } from "../../../schemas/index.ts";
import { mayBecome } from "./alert-states.ts";
import { EVIDENCE_MAX, type Evidence, readingsOf, withReading } from "./evidence.ts";
import { found, MEASURE, reading, readings, readingsOfTrack, T0 } from "./example-uploads.ts";
import { judgeReading, Vitals } from "./vitals.ts";

const RECORDINGS = findRecordings([join(import.meta.dirname, "../../../infra/recordings")]);
const at = (second: number) => T0 + second * 1000;
/** Kind, second it began, second it was found, second it was over: a value that leapt is believed a reading later. */
const told = (all: readonly Reading[], measure = MEASURE) =>
  found(all, () => measure).map(({ first: { kind, sinceMs }, atMs, overMs }) => [
    kind,
    (sinceMs - T0) / 1000,
    (atMs - T0) / 1000,
    overMs === undefined ? undefined : (overMs - T0) / 1000,
  ]);
const hrs = (of: (second: number) => number | null | undefined) => (second: number) => {
  const hr = of(second);
  return hr === undefined ? {} : { hr };
};

describe("a high heart rate", () => {
  const measure = { ...MEASURE, hrLimit: 180, hrHysteresis: 5, hrSustainedMs: 60_000, hrCalmMs: 20_000 };
  const high = (second: number) => 182 + (second % 5);

  test("is found when it lasts, and over when it is low enough for long enough", () => {
    const all = readings(
      0,
      300,
      hrs((s) => (s >= 50 && s < 200 ? high(s) : undefined)),
    );
    expect(told(all, measure)).toEqual([["high_heart_rate", 51, 111, 221]]);
  });

  test("is none when it goes below limit less hysteresis before its time", () => {
    const all = readings(
      0,
      200,
      hrs((s) => (s === 100 ? 174 : s >= 50 ? high(s) : undefined)),
    );
    expect(told(all, measure)).toEqual([["high_heart_rate", 101, 161, undefined]]);
  });

  test("lasts while the heart rate is between the two, and when it is low for too short a time", () => {
    const all = readings(
      0,
      300,
      hrs((s) => (s < 120 ? high(s) : s < 200 ? 176 + (s % 4) : s < 219 ? 160 + (s % 3) : 177 + (s % 3))),
    );
    expect(told(all, measure)).toEqual([["high_heart_rate", 0, 60, undefined]]);
  });

  test("is found at a reading above the limit only", () => {
    const all = readings(
      0,
      200,
      hrs((s) => (s < 30 ? high(s) : 176 + (s % 4))),
    );
    expect(told(all, measure)).toEqual([]);
  });

  test("is not pieced together over a hole", () => {
    const all = [...readings(0, 40, hrs(high)), ...readings(80, 130, hrs(high))];
    expect(told(all, measure)).toEqual([]);
  });

  test("that was found stays so when the limit is raised, until the heart rate is low by the new one", () => {
    const all = readings(0, 200, hrs(high));
    const after = (one: Reading) => (one.tsMs < at(100) ? measure : { ...measure, hrLimit: 185 });
    expect(found(all, after)).toMatchObject([{ atMs: at(60), overMs: undefined, first: { limit: 180 } }]);
    const far = (one: Reading) => (one.tsMs < at(100) ? measure : { ...measure, hrLimit: 210 });
    expect(found(all, far)).toMatchObject([{ atMs: at(60), overMs: at(120) }]);
  });

  test("is not what a sensor says that is stuck", () => {
    const all = readings(
      0,
      600,
      hrs((s) => (s >= 50 ? 225 : undefined)),
    );
    expect(told(all, { ...measure, hrSustainedMs: 120_000 }).map(([kind]) => kind)).toEqual(["stuck_sensor"]);
  });
});

describe("a sudden drop", () => {
  test("is a fall that lasts, and is over when half of it is made good", () => {
    const all = readings(
      0,
      200,
      hrs((s) =>
        s < 50 ? 160 + (s % 3) : s < 58 ? 160 - 9 * (s - 49) : s < 100 ? 88 + (s % 3) : 140 + (s % 3),
      ),
    );
    const [drop] = found(all);
    expect(told(all)).toEqual([["sudden_drop", 55, 65, 101]]);
    expect(drop!.first).toMatchObject({ limit: 50 });
    expect(drop!.first.value).toBeGreaterThan(70);
    expect(readingsOf(drop!.first.evidence)[0]!.hr).toBeGreaterThan(159);
  });

  test("is not one that is made good at once, nor one that takes its time", () => {
    const short = readings(
      0,
      100,
      hrs((s) => (s >= 50 && s < 55 ? 105 : undefined)),
    );
    const slow = readings(
      0,
      200,
      hrs((s) => 170 - Math.floor(s / 2)),
    );
    expect(told(short)).toEqual([]);
    expect(told(slow)).toEqual([]);
  });

  test("is the new normal after a while", () => {
    const all = readings(
      0,
      900,
      hrs((s) => (s < 50 ? 160 + (s % 3) : s < 54 ? 160 - 18 * (s - 49) : 88 + (s % 3))),
    );
    expect(told(all)).toEqual([["sudden_drop", 52, 62, 652]]);
  });
});

describe("a sensor", () => {
  test("is stuck when it says the same for long, until it says something else", () => {
    const all = readings(
      0,
      300,
      hrs((s) => (s >= 20 && s < 150 ? 160 : undefined)),
    );
    expect(told(all)).toEqual([["stuck_sensor", 20, 110, 150]]);
  });

  test("spikes when it leaps again and again, until it has not for a while", () => {
    const all = readings(
      0,
      200,
      hrs((s) => (s === 50 || s === 70 ? 210 : undefined)),
    );
    expect(told(all)).toEqual([["spiking_sensor", 50, 70, 131]]);
  });

  test("does not spike when it leaps once, nor over a hole", () => {
    expect(
      told(
        readings(
          0,
          200,
          hrs((s) => (s === 50 ? 210 : undefined)),
        ),
      ),
    ).toEqual([]);
    const steps = [0, 1, 2, 3].flatMap((n) =>
      readings(
        n * 20,
        n * 20 + 10,
        hrs((s) => 100 + n * 35 + (s % 3)),
      ),
    );
    expect(told(steps).filter(([kind]) => kind === "spiking_sensor")).toEqual([]);
  });

  test("spikes when what it says is no heart's", () => {
    const all = readings(
      0,
      60,
      hrs((s) => (s >= 20 && s < 23 ? 255 : undefined)),
    );
    expect(told(all).map(([kind]) => kind)).toEqual(["spiking_sensor"]);
  });

  test("counts steps when heart rate and cadence go up and down together", () => {
    const all = readings(0, 200, (s) =>
      s >= 40 && s < 180 ? { hr: 171 + (s % 9), cadence: 170 + (s % 9) } : {},
    );
    expect(told(all)).toEqual([["cadence_lock", 40, 130, 180]]);
  });

  test("does not count steps when both are even by chance", () => {
    const all = readings(0, 200, (s) => ({ hr: 171 + (s % 3), cadence: 172 }));
    expect(told(all)).toEqual([]);
  });
});

describe("no motion", () => {
  const stopped = (from: number, until: number) => (s: number) =>
    s < from ? {} : s < until ? { distanceM: from * 3 + (s % 2) } : { distanceM: (from + s - until) * 3 };

  test("is found when somebody on the course stays on the spot, and over when they move on", () => {
    expect(told(readings(0, 500, stopped(100, 400)))).toEqual([["no_motion", 97, 277, 404]]);
  });

  test("is none before the start, off the course, or where no distance is measured", () => {
    expect(told(readings(0, 500, () => ({ distanceM: 40 })))).toEqual([]);
    expect(told(readings(0, 500, stopped(100, 400)), { ...MEASURE, onCourse: false })).toEqual([]);
    expect(told(readings(0, 500, () => ({ distanceM: null })))).toEqual([]);
  });

  test("is over when the course is left", () => {
    const all = readings(0, 500, stopped(100, 500));
    const over = found(all, ({ tsMs }) => ({ ...MEASURE, onCourse: tsMs < at(350) }));
    expect(over).toMatchObject([{ atMs: at(277), overMs: at(350) }]);
  });
});

describe("evidence", () => {
  test("is bounded, holds the first and the last reading, and is spread evenly", () => {
    let evidence: Evidence | undefined;
    for (let second = 0; second < 1000; second++) {
      evidence = withReading(evidence, reading(second));
      const kept = readingsOf(evidence);
      expect(kept.length).toBeLessThanOrEqual(EVIDENCE_MAX);
      expect([kept[0]!.tsMs, kept.at(-1)!.tsMs]).toEqual([at(0), at(second)]);
      const gaps = new Set(kept.slice(1, -1).map(({ tsMs }, i) => tsMs - kept[i]!.tsMs));
      expect(gaps.size).toBeLessThanOrEqual(1);
    }
    expect(evidence!.count).toBe(1000);
    expect(readingsOf(evidence!).length).toBeGreaterThan(EVIDENCE_MAX / 2 - 1);
  });
});

describe("states", () => {
  test("never come back", () => {
    const states = ["raised", "escalated", "acknowledged", "cleared"] as const;
    const ways = (from: (typeof states)[number] | "none", path: readonly string[]): string[] => {
      const next = states.filter((to) => mayBecome(from, to));
      for (const to of next) expect(path).not.toContain(to);
      return next.length === 0 ? [path.join(" ")] : next.flatMap((to) => ways(to, [...path, to]));
    };
    expect(ways("none", [])).toEqual([
      "raised escalated acknowledged cleared",
      "raised escalated cleared",
      "raised acknowledged cleared",
      "raised cleared",
    ]);
  });
});

describe.each(RECORDINGS.map((file) => [file.split("/").at(-1)!, file]))("the recording %s", (_, file) => {
  test("holds no sensor that fails and no sudden drop; its heart rate is high where it is above the limit for long", async () => {
    const all = readingsOfTrack(await readRecording(file, () => {}));
    const course = { ...MEASURE, onCourse: false };
    expect(told(all, course)).toEqual([]);
    const measure = { ...course, hrLimit: 150 };
    const high = found(all, () => measure);
    expect(high.length).toBeGreaterThan(0);
    for (const { first, atMs, overMs = Number.POSITIVE_INFINITY } of high) {
      expect(first.kind).toBe("high_heart_rate");
      expect(atMs - first.sinceMs).toBeGreaterThanOrEqual(measure.hrSustainedMs);
      const before = all.filter(({ tsMs, hr }) => tsMs >= first.sinceMs && tsMs <= atMs && hr !== null);
      expect(Math.min(...before.map(({ hr }) => hr!))).toBeGreaterThanOrEqual(145);
      const calm = all.filter(
        ({ tsMs, hr }) => tsMs > overMs - measure.hrCalmMs && tsMs <= overMs && hr !== null,
      );
      for (const { hr } of calm) expect(hr).toBeLessThan(145);
    }
  });

  test("is judged the same when what is remembered goes through a checkpoint at every reading", async () => {
    const all = readingsOfTrack(await readRecording(file, () => {})).slice(0, 1500);
    let kept: Vitals | undefined;
    let restored: Vitals | undefined;
    for (const one of all) {
      const plain = judgeReading(kept, one, MEASURE);
      const again = judgeReading(restored, one, MEASURE);
      expect(again.findings).toEqual(plain.findings);
      kept = plain.vitals;
      restored = Vitals.decode(Vitals.encode(again.vitals));
    }
  });
});
