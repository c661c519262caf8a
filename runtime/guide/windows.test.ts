import { describe, expect, it } from "vitest";
import { minutes, seconds } from "../index.ts";
import { JobHarness } from "../testing/index.ts";
import { Reading, Summary } from "./schemas.ts";
import heartRateWindows from "./windows.ts";

const T0 = 1_700_000_000_000;

function harnessAt(options = {}) {
  const harness = new JobHarness(heartRateWindows, { partitions: 1, nowMs: T0 + minutes(4), ...options });
  const send = (second: number, hr: number) => {
    harness.send("readings", Reading, "d1", { device: "d1", id: "", tsMs: T0 + seconds(second), hr });
    harness.run();
  };
  const said = () =>
    harness.output("ten-seconds", Summary).map(({ startMs, pane, count }) => [startMs - T0, pane, count]);
  return { harness, send, said };
}

describe("heart rates in windows of ten seconds", () => {
  it("are said on time, and again for each reading that comes within a minute", () => {
    const { send, said } = harnessAt();
    for (const second of [1, 2, 16, 3]) send(second, 100);
    expect(said()).toEqual([
      [0, "on-time", 2],
      [0, "late", 3],
    ]);
  });

  it("are said early after each five readings", () => {
    const { send, said } = harnessAt();
    for (const second of [1, 2, 3, 4, 5, 6]) send(second, 100);
    expect(said()).toEqual([[0, "early", 5]]);
  });

  it("are closed by the clock when all has gone quiet", () => {
    const { harness, send, said } = harnessAt();
    send(1, 100);
    harness.advance(seconds(40));
    expect(said()).toEqual([[0, "on-time", 1]]);
  });

  it("are not closed by a device whose clock is ahead, nor do they count its readings", () => {
    const { harness, send, said } = harnessAt();
    for (const second of [1, 3_600, 2, 16]) send(second, 100);
    expect(said()).toEqual([[0, "on-time", 2]]);
    expect(harness.output("readings-from-the-future", Reading)).toHaveLength(1);
  });

  it("set apart what is too late", () => {
    const { harness, send } = harnessAt();
    for (const second of [1, 200, 2]) send(second, 100);
    expect(harness.output("late-readings", Reading)).toHaveLength(1);
  });

  it("come out the same when tasks die with their epoch not committed", () => {
    const run = (crash: () => "before-commit" | undefined) => {
      const { harness } = harnessAt({ batchMax: 3, turnsAnEpoch: 2, crash });
      for (let second = 0; second < 200; second++)
        harness.send("readings", Reading, "d1", {
          device: "d1",
          id: "",
          tsMs: T0 + seconds(second),
          hr: 60 + (second % 90),
        });
      harness.run();
      harness.advance(minutes(1));
      return [...harness.output("ten-seconds", Summary), ...harness.output("last-hour", Summary)];
    };
    let epoch = 0;
    const crashed = run(() => (epoch++ % 3 === 1 ? "before-commit" : undefined));
    expect(crashed).toEqual(run(() => undefined));
    expect(crashed.length).toBeGreaterThan(20);
  });
});
