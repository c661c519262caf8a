import { describe, expect, it } from "vitest";
import type { Place, PulseReading } from "../worker/pulse.ts";
import { type Failure, FaultPolicy } from "./fault-policy.ts";

const record = (offset: number): Extract<Place, { kind: "record" }> => ({
  kind: "record",
  topic: "in",
  partition: 1,
  offset,
  step: "count",
});
const at = (place: Place): PulseReading => ({ beat: 1, phase: place.kind, place, lastRecord: undefined });
/** While an epoch ended. */
const ending = (last?: number): PulseReading => ({
  beat: 1,
  phase: "epoch",
  place: undefined,
  lastRecord: last === undefined ? undefined : record(last),
});
const failure = (pulse: PulseReading, more: Partial<Failure> = {}): Failure => ({
  cause: "error",
  reason: "it broke",
  pulse,
  ranMs: 100,
  committed: false,
  ...more,
});

describe("what takes a task down is set apart", () => {
  it("the third time that it throws, and not before", () => {
    const policy = new FaultPolicy();
    const decisions = [1, 2, 3].map(() => policy.failed(failure(at(record(7)))));
    expect(decisions.map(({ isolate }) => isolate)).toEqual([
      undefined,
      undefined,
      { place: record(7), step: "count", reason: "isolated after 3 failures: it broke" },
    ]);
  });
  it("at once when it does not come back, and the second time when it fills the memory", () => {
    expect(new FaultPolicy().failed(failure(at(record(7)), { cause: "hang" })).isolate).toMatchObject({
      reason: "isolated: it broke",
    });
    const policy = new FaultPolicy();
    expect(policy.failed(failure(at(record(7)), { cause: "memory" })).isolate).toBeUndefined();
    expect(policy.failed(failure(at(record(7)), { cause: "memory" })).isolate).toBeDefined();
  });
  it("only if it is the same each time", () => {
    const policy = new FaultPolicy();
    const places = [1, 2, 1, 2, 1, 2].map(record);
    expect(places.map((place) => policy.failed(failure(at(place))).isolate)).toEqual(
      Array(6).fill(undefined),
    );
  });
  it("one after the other", () => {
    const policy = new FaultPolicy();
    const isolated = [7, 7, 7, 9, 9, 9].map(
      (offset) => policy.failed(failure(at(record(offset)))).isolate?.place,
    );
    expect(isolated).toEqual([undefined, undefined, record(7), undefined, undefined, record(9)]);
  });
  it("a timer too, once it is known whose it is", () => {
    const policy = new FaultPolicy();
    const timer = (key: string | undefined): Place => ({ kind: "timer", key, timestamp: 5, step: "count" });
    const first = policy.failed(failure(at(timer(undefined)), { cause: "hang" }));
    expect([first.isolate, first.epochRecordsMax]).toEqual([undefined, 256]);
    expect(policy.failed(failure(at(timer("k")), { cause: "hang" })).isolate?.place).toEqual(timer("k"));
  });
});

describe("where nothing single can be blamed", () => {
  it("epochs get smaller until one holds a single record, and that is it", () => {
    const policy = new FaultPolicy();
    const failures = [ending(40), ending(40), ending(40), ending(30), ending(20), ending(17)];
    const sizes = failures.map((pulse) => policy.failed(failure(pulse)).epochRecordsMax);
    expect(sizes).toEqual([undefined, undefined, 256, 16, 1, 1]);
    policy.failed(failure(ending(17)));
    expect(policy.failed(failure(ending(17))).isolate?.place).toEqual(record(17));
  });
  it("and not even then, it is told", () => {
    const policy = new FaultPolicy();
    const told = Array.from({ length: 7 }, () => policy.failed(failure(ending())).blameless);
    expect(told).toEqual([false, false, false, false, false, true, true]);
  });
});

describe("what comes from outside", () => {
  it("is nobody's fault, however often it comes", () => {
    const policy = new FaultPolicy();
    const waiting: PulseReading = { beat: 1, phase: "waiting", place: undefined, lastRecord: undefined };
    const decisions = Array.from({ length: 20 }, () => policy.failed(failure(waiting, { cause: "outside" })));
    expect(decisions.every(({ isolate, blameless }) => !isolate && !blameless)).toBe(true);
  });
  it("makes pauses grow, until the task has run well", () => {
    const policy = new FaultPolicy();
    const pause = (ranMs: number) => policy.failed(failure(ending(), { cause: "outside", ranMs })).pauseMs;
    expect([1, 1, 1, 40_000, 1].map(pause)).toEqual([200, 400, 800, 200, 400]);
    for (let i = 0; i < 20; i++) pause(1);
    expect(pause(1)).toBe(30_000);
  });
});
