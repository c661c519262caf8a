/** What steps that keep records do when many are of one key and time: counted, not timed. `npm run bench -- crowd` times it. */
import { expect, it } from "vitest";
import { codecOf } from "../../../schemas/codec.ts";
import { boundedDisorder, job, sideOutput, topic } from "../../index.ts";
import { StateStore } from "../../state/state-store.ts";
import { UndoLog } from "../../state/undo-log.ts";
import { JobHarness } from "../../testing/index.ts";
import { type MapState, mapState } from "../state.ts";
import { taken, wait } from "./reorder.ts";

function counted() {
  const current = { key: "k", partition: 0, timestamp: 0, watermark: 0, nowMs: 0 };
  const store = new StateStore(current, new UndoLog());
  const state = store.open("step.waiting", mapState(codecOf<number>("n", "int"))) as MapState<number>;
  const looks = { count: 0 };
  const waiting: MapState<number> = {
    ...state,
    has(name) {
      looks.count++;
      return state.has(name);
    },
  };
  return { waiting, looks };
}

it("a record that waits looks at few of those of its millisecond, however many there are, and keeps its place", () => {
  const { waiting, looks } = counted();
  const COUNT = 20_000;
  for (let n = 0; n < COUNT; n++) {
    looks.count = 0;
    wait(waiting, 5, n);
    if (n % 3 === 0) wait(waiting, 6, n);
    expect(looks.count).toBeLessThan(70);
  }
  expect(taken(waiting, 5)).toEqual(Array.from({ length: COUNT }, (_, n) => n));
  expect(taken(waiting, 5)).toEqual([]);
  expect(taken(waiting, 6)).toHaveLength(Math.ceil(COUNT / 3));
});

it("all that waited for one millisecond leaves, however much it is", () => {
  const N = codecOf<number>("n", "int");
  const COUNT = 150_000;
  const ahead = job("crowd", (flow) => {
    flow
      .from(topic("in", N))
      .watermark(boundedDisorder({ timeOf: (n) => (n < COUNT ? 5 : 1_000), disorderMax: 0 }))
      .keyBy(() => "k")
      .reorder("order", { codec: N, late: sideOutput<number>("late") })
      .to(topic("out", N));
  });
  const harness = new JobHarness(ahead, { partitions: 1, freeze: false });
  for (let n = 0; n <= COUNT; n++) harness.send("in", N, "k", n);
  harness.run();
  expect(harness.deadLetters()).toEqual([]);
  expect(harness.output("out", N)).toEqual(Array.from({ length: COUNT }, (_, n) => n));
});
