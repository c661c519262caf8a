import { beforeEach, expect, it } from "vitest";
import { STUCK_AFTER_MS } from "../health.ts";
import type { Time } from "../time.ts";
import { TaskWatch } from "./task-watch.ts";

let nowMs = 0;
const time: Time = { now: () => nowMs, elapsed: () => nowMs, after: () => () => {} };
const positions = (offset: number) => [{ topic: "in", partition: 0, offset }];
let watch: TaskWatch;

beforeEach(() => {
  nowMs = 1_000;
  watch = new TaskWatch("job j", "j/stage/0", time);
  watch.began();
});

it("a task that has input and commits nothing for a while has a problem, until it commits", () => {
  watch.committed(positions(5));
  watch.status(3);
  nowMs += STUCK_AFTER_MS - 1;
  expect(watch.problem()).toBeUndefined();
  nowMs++;
  expect(watch.problem()).toMatchObject({ part: "job j", code: "no-progress", sinceMs: 1_000 });
  watch.committed(positions(5));
  expect(watch.problem()).toBeDefined();
  watch.committed(positions(6));
  expect(watch.problem()).toBeUndefined();
});
it("one without input has none", () => {
  watch.status(0);
  nowMs += 10 * STUCK_AFTER_MS;
  expect(watch.problem()).toBeUndefined();
});
it("one that does not come to run has one", () => {
  nowMs += STUCK_AFTER_MS;
  expect(watch.problem()).toMatchObject({
    code: "no-progress",
    message: expect.stringContaining("not come to run"),
  });
});
it("one that fails again and again is told with the reason, and whether something is at fault", () => {
  for (let i = 0; i < 3; i++) watch.failed("it broke", false);
  expect(watch.problem()).toMatchObject({ code: "restarting", message: expect.stringContaining("it broke") });
  watch.failed("it broke", true);
  expect(watch.problem()).toMatchObject({ code: "no-record-at-fault" });
  watch.committed(positions(9));
  expect(watch.problem()).toBeUndefined();
});
it("one that fails without input is well again when it has run for a while", () => {
  for (let i = 0; i < 3; i++) watch.failed("Kafka is away", false);
  watch.began();
  watch.status(0);
  expect(watch.problem()).toBeDefined();
  nowMs += 5_000;
  watch.status(0);
  expect(watch.problem()).toBeUndefined();
});
