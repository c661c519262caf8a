import { beforeEach, describe, expect, it } from "vitest";
import { JobError } from "../errors.ts";
import { KafkaUnavailableError } from "../kafka/errors.ts";
import type { Time } from "../time.ts";
import { JobKeeper } from "./job-keeper.ts";
import type { JobRun } from "./job-run.ts";
import type { JobRecord } from "./job-store.ts";

/** A clock in the test's hand, with the calls that wait for it. */
class Hand implements Time {
  nowMs = 0;
  readonly #waiting = new Set<{ readonly atMs: number; readonly call: () => void }>();
  now = () => this.nowMs;
  elapsed = () => this.nowMs;
  after(ms: number, call: () => void): () => void {
    const one = { atMs: this.nowMs + ms, call };
    this.#waiting.add(one);
    return () => this.#waiting.delete(one);
  }
  advance(ms: number): void {
    this.nowMs += ms;
    for (const one of this.#waiting) {
      if (one.atMs > this.nowMs) continue;
      this.#waiting.delete(one);
      one.call();
    }
  }
}

let time: Hand;
let record: JobRecord;
let failure: Error | undefined;
let events: string[];
let keeper: JobKeeper;

beforeEach(() => {
  time = new Hand();
  record = { name: "j", module: "j.ts", parallelism: 1, state: "running", submittedMs: 1 };
  failure = undefined;
  events = [];
  keeper = new JobKeeper({
    name: "j",
    time,
    log: () => {},
    wanted: () => record,
    newRun: async ({ submittedMs }) =>
      ({
        record: { submittedMs },
        start: async () => {
          events.push(`start ${submittedMs}`);
          if (failure) throw failure;
        },
        stop: async () => events.push(`stop ${submittedMs}`),
      }) as unknown as JobRun,
  });
});

const settled = () => new Promise(setImmediate);

describe("a job whose start failed", () => {
  it("because Kafka was away starts by itself when it is back, tried after growing pauses", async () => {
    failure = new KafkaUnavailableError("no broker answers");
    await keeper.settle();
    expect(keeper.state).toBe("waiting");
    expect(keeper.startProblem).toMatchObject({
      part: "job j",
      code: "start-failed",
      message: "no broker answers; tried again in 1 s",
      sinceMs: 0,
    });
    const tried = () => events.length;
    for (const [afterMs, times] of [
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
    ] as const) {
      time.advance(afterMs);
      await settled();
      expect(tried()).toBe(times);
    }
    failure = undefined;
    time.advance(4_000);
    await settled();
    expect([keeper.state, keeper.startProblem]).toEqual(["running", undefined]);
  });

  it("is tried at least each half minute, however long it takes", async () => {
    failure = new Error("who knows");
    await keeper.settle();
    for (let i = 0; i < 20; i++) {
      time.advance(30_000);
      await settled();
    }
    expect(events.length).toBeGreaterThanOrEqual(20);
  });

  it("by a mistake of its author stays so until it is submitted again", async () => {
    failure = new JobError("no such step");
    await keeper.settle();
    time.advance(1_000_000);
    await settled();
    expect([keeper.state, events]).toEqual(["failed", ["start 1"]]);
    expect(keeper.startProblem?.message).toBe("no such step; it stays so until it is submitted again");
    failure = undefined;
    record = { ...record, submittedMs: 2 };
    await keeper.settle();
    expect(keeper.state).toBe("running");
  });

  it("is not tried again once it is cancelled, or the node stops", async () => {
    failure = new KafkaUnavailableError("no broker answers");
    await keeper.settle();
    record = { ...record, state: "cancelled" };
    await keeper.settle();
    time.advance(100_000);
    await settled();
    expect([keeper.state, keeper.startProblem, events]).toEqual(["cancelled", undefined, ["start 1"]]);
    record = { ...record, state: "running" };
    await keeper.settle();
    await keeper.stop();
    time.advance(100_000);
    await settled();
    expect(events).toEqual(["start 1", "start 1"]);
  });
});

it("a job is stopped before its next version starts, and a wish that is not new changes nothing", async () => {
  await keeper.settle();
  await keeper.settle();
  record = { ...record, submittedMs: 2 };
  await keeper.settle();
  expect(events).toEqual(["start 1", "stop 1", "start 2"]);
});
