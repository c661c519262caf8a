import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Upload } from "../../schemas/index.ts";
import { exampleTrack } from "./example-track.ts";
import { type FaultRates, NO_FAULTS, STUCK_HR } from "./faults.ts";
import { copiesOf, type Field, pointsOf, timeOf } from "./field.ts";
import { TrackBuilder } from "./track.ts";
import { type Cursor, UploadPlan } from "./upload-plan.ts";

const START_MS = 1_760_000_000_000;
const PERIOD_MS = 10_000;

interface Arrival {
  readonly cursor: Cursor;
  readonly device: number;
  readonly upload: Upload;
}

function fieldOf(copies: number, seed: number, seconds = 2400): Field {
  return copiesOf([exampleTrack(seconds)], { seed, copies, name: "t", startMs: START_MS, spreadMs: 600_000 });
}

function arrivalsOf(plan: UploadPlan, from: Cursor = { period: 0, position: 0 }): Arrival[] {
  const all: Arrival[] = [];
  for (const delivery of plan.deliveries(from)) {
    const { period, position, device } = delivery;
    delivery.ids.forEach((_, i) => {
      all.push({ cursor: { period, position }, device, upload: plan.upload(delivery, i) });
    });
  }
  return all;
}

function planOf(rates: Partial<FaultRates>, { seed = 1, copies = 20, seconds = 2400 } = {}) {
  const field = fieldOf(copies, seed, seconds);
  const plan = new UploadPlan({ field, seed, rates: { ...NO_FAULTS, ...rates }, periodMs: PERIOD_MS });
  return { field, plan, arrivals: arrivalsOf(plan) };
}

/** Without what was sent again. */
function firsts(arrivals: readonly Arrival[]): Arrival[] {
  const seen = new Set<string>();
  return arrivals.filter(({ upload: { device, id } }) => {
    const isFirst = !seen.has(`${device}/${id}`);
    seen.add(`${device}/${id}`);
    return isFirst;
  });
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const someRates = fc.record({
  offline: share,
  late: share,
  repeated: share,
  wrongClock: share,
  stuck: share,
  sparse: share,
});
const somePlan = fc.record({
  rates: someRates,
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  seconds: fc.integer({ min: 2, max: 3000 }),
});

describe("the plan of uploads", () => {
  test("holds every reading of every device once, whatever devices do, when repetitions are left out", () => {
    fc.assert(
      fc.property(somePlan, ({ rates, seed, seconds }) => {
        const { field, plan, arrivals } = planOf(rates, { seed, seconds, copies: 5 });
        const distances = Array.from({ length: field.size }, (): number[] => []);
        const inOrder = firsts(arrivals).toSorted((a, b) => a.upload.id - b.upload.id);
        for (const { device, upload } of inOrder)
          distances[device]!.push(...upload.readings.map(({ distanceM }) => distanceM!));
        for (let device = 0; device < field.size; device++) {
          // Three metres a second: the distance says which point of the recording it is.
          expect(distances[device]).toEqual(Array.from({ length: seconds }, (_, s) => s * 3));
        }
        expect(plan.readings).toBe(seconds * field.size);
      }),
      { numRuns: 30 },
    );
  });

  test("is the same for the same seed, and another for another", () => {
    const rates = { offline: 0.5, late: 0.2, repeated: 0.2, wrongClock: 0.2, stuck: 0.2, sparse: 0.2 };
    const bytes = (seed: number) =>
      Buffer.concat(planOf(rates, { seed }).arrivals.map(({ upload }) => Upload.encode(upload)));
    expect(bytes(7).equals(bytes(7))).toBe(true);
    expect(bytes(7).equals(bytes(8))).toBe(false);
  });

  test("goes on from anywhere as if it had never stopped", () => {
    const { plan, arrivals } = planOf({ offline: 0.5, late: 0.3, repeated: 0.3 }, { copies: 7 });
    fc.assert(
      fc.property(fc.nat(arrivals.length - 1), (at) => {
        const { period, position } = arrivals[at]!.cursor;
        const next = arrivals.findIndex(
          ({ cursor }) => cursor.period > period || (cursor.period === period && cursor.position > position),
        );
        const rest = arrivalsOf(plan, { period, position: position + 1 });
        expect(rest).toEqual(next < 0 ? [] : arrivals.slice(next));
      }),
      { numRuns: 50 },
    );
  });

  test("keeps the bound of disorder, except for what waited for the end of an outage", () => {
    fc.assert(
      fc.property(somePlan, ({ rates, seed, seconds }) => {
        const { plan, arrivals } = planOf({ ...rates, wrongClock: 0 }, { seed, seconds, copies: 5 });
        let newestMs = Number.NEGATIVE_INFINITY;
        for (const { device, upload } of firsts(arrivals)) {
          if (plan.isBounded(device, upload.id)) {
            expect(newestMs - upload.readings[0]!.tsMs).toBeLessThan(plan.disorderMaxMs);
            expect(upload.receivedMs - upload.readings[0]!.tsMs).toBeLessThanOrEqual(plan.disorderMaxMs);
          }
          newestMs = Math.max(newestMs, upload.readings.at(-1)!.tsMs);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("delivers in order of time, after what it delivers was read", () => {
    const { arrivals } = planOf({ offline: 0.5, late: 0.3, repeated: 0.3 });
    arrivals.forEach(({ upload }, i) => {
      if (i > 0) expect(upload.receivedMs).toBeGreaterThanOrEqual(arrivals[i - 1]!.upload.receivedMs);
      expect(upload.readings.at(-1)!.tsMs).toBeLessThan(upload.sentMs);
      expect(upload.sentMs).toBeLessThanOrEqual(upload.receivedMs);
      expect(upload.sentMs - upload.readings[0]!.tsMs).toBeLessThanOrEqual(PERIOD_MS);
    });
  });

  test("goes over years without a reading at once, and loses none", () => {
    const builder = new TrackBuilder("years.tcx");
    for (const beganMs of [START_MS, START_MS + 20 * 365 * 86_400_000]) {
      builder.segment();
      for (let s = 0; s < 300; s++) builder.add({ timeMs: beganMs + s * 1000, hr: 120 });
    }
    const field = copiesOf([builder.finish()], {
      seed: 1,
      copies: 50,
      name: "t",
      startMs: START_MS,
      spreadMs: 0,
    });
    // 3 billion moments of 50 devices lie between: looked at one by one they would take longer than any test may.
    for (const rates of [NO_FAULTS, { ...NO_FAULTS, offline: 0.2, late: 0.1, repeated: 0.1 }]) {
      const plan = new UploadPlan({ field, seed: 1, rates, periodMs: PERIOD_MS });
      const readings = new Map(
        arrivalsOf(plan).map(({ device, upload }) => [`${device} ${upload.id}`, upload.readings.length]),
      );
      expect([...readings.values()].reduce((sum, count) => sum + count, 0)).toBe(50 * 600);
    }
  });

  test("without faults, a device sends once a period, in order", () => {
    const { field, arrivals } = planOf({});
    for (let device = 0; device < field.size; device++) {
      const ids = arrivals.filter((arrival) => arrival.device === device).map(({ upload }) => upload.id);
      expect(ids).toEqual(Array.from(ids, (_, i) => ids[0]! + i));
      expect([240, 241]).toContain(ids.length);
    }
  });
});

describe("devices", () => {
  test("play the first copy as it was recorded, and each other with a start and heart rates of its own", () => {
    const { field, arrivals } = planOf({});
    const of = (device: number) =>
      arrivals.filter((arrival) => arrival.device === device).flatMap(({ upload }) => upload.readings);
    const track = exampleTrack(2400);
    expect(of(0).map(({ hr }) => hr)).toEqual(Array.from(track.hr));
    expect(of(0).map(({ tsMs }) => tsMs)).toEqual(Array.from(track.atMs, (at) => START_MS + at));
    const starts = new Set(Array.from({ length: field.size }, (_, device) => of(device)[0]!.tsMs));
    expect(starts.size).toBe(field.size);
    for (const startMs of starts) expect(startMs - START_MS).toBeLessThan(600_000);
    const means = new Set(
      Array.from({ length: field.size }, (_, d) => of(d).reduce((sum, { hr }) => sum + hr!, 0)),
    );
    expect(means.size).toBe(field.size);
    for (let d = 0; d < field.size; d++) expect(of(d).map(({ lat }) => lat)).toEqual(Array.from(track.lat));
  });

  test("that were offline send all they gathered when they are back, oldest first", () => {
    const { arrivals } = planOf({ offline: 1 }, { copies: 3 });
    for (const device of [0, 1, 2]) {
      const ids = arrivals.filter((arrival) => arrival.device === device).map(({ upload }) => upload.id);
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      const waits = arrivals
        .filter((arrival) => arrival.device === device)
        .map(({ upload }) => upload.receivedMs - upload.sentMs);
      expect(Math.max(...waits)).toBeGreaterThanOrEqual(6 * PERIOD_MS);
      expect(Math.max(...waits)).toBeLessThanOrEqual(60 * PERIOD_MS);
    }
  });

  test("that are late are so by one or two periods, and arrive after younger uploads", () => {
    const { arrivals } = planOf({ late: 0.3 });
    const waits = arrivals.map(({ upload }) => (upload.receivedMs - upload.sentMs) / PERIOD_MS);
    expect(new Set(waits)).toEqual(new Set([0, 1, 2]));
    const ids = arrivals.filter(({ device }) => device === 0).map(({ upload }) => upload.id);
    expect(ids).not.toEqual(ids.toSorted((a, b) => a - b));
  });

  test("that send again send the same, with the same id", () => {
    const { arrivals } = planOf({ repeated: 0.2 });
    const first = new Map(firsts(arrivals).map(({ upload }) => [`${upload.device}/${upload.id}`, upload]));
    expect(arrivals.length / first.size).toBeGreaterThan(1.1);
    expect(arrivals.length / first.size).toBeLessThan(1.3);
    for (const { upload } of arrivals) {
      const { receivedMs: _, ...same } = first.get(`${upload.device}/${upload.id}`)!;
      expect(upload).toMatchObject(same);
    }
  });

  test("with a wrong clock are off by the same all along, and what they were off by can be told", () => {
    const { field, arrivals } = planOf({ wrongClock: 0.5 });
    const offByMs = new Map<number, number>();
    for (const { device, upload } of arrivals) {
      const clockMs = upload.sentMs - upload.receivedMs;
      expect(offByMs.get(device) ?? clockMs).toBe(clockMs);
      offByMs.set(device, clockMs);
    }
    const wrong = [...offByMs.values()].filter((ms) => ms !== 0);
    expect(wrong.length).toBeGreaterThan(field.size / 5);
    expect(wrong.length).toBeLessThan((field.size * 4) / 5);
    for (const ms of wrong) expect(Math.abs(ms)).toBeGreaterThanOrEqual(60_000);
    expect(wrong.some((ms) => ms > 0) && wrong.some((ms) => ms < 0)).toBe(true);
    for (const { device, upload } of arrivals) {
      const { from } = pointsOf(field, device);
      if (upload.readings[0]!.distanceM === 0)
        expect(upload.readings[0]!.tsMs).toBe(timeOf(field, device, from) + offByMs.get(device)!);
    }
  });

  test("whose sensor is stuck show 225 in one go", () => {
    const { arrivals } = planOf({ stuck: 1 }, { copies: 4 });
    for (const device of [0, 1, 2, 3]) {
      const hrs = arrivals
        .filter((a) => a.device === device)
        .flatMap(({ upload }) => upload.readings.map(({ hr }) => hr));
      const first = hrs.indexOf(STUCK_HR);
      expect(first).toBeGreaterThanOrEqual(0);
      const stuck = hrs.filter((hr) => hr === STUCK_HR).length;
      expect(hrs.slice(first, first + stuck).every((hr) => hr === STUCK_HR)).toBe(true);
    }
  });

  test("that are sparse miss half the heart rates, and nothing else", () => {
    const { arrivals } = planOf({ sparse: 1 });
    const readings = arrivals.flatMap(({ upload }) => upload.readings);
    const missing = readings.filter(({ hr }) => hr === null).length / readings.length;
    expect(missing).toBeGreaterThan(0.45);
    expect(missing).toBeLessThan(0.55);
    expect(readings.every(({ lat, distanceM }) => lat !== null && distanceM !== null)).toBe(true);
  });
});
