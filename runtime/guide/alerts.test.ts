import { describe, expect, it } from "vitest";
import { minutes, seconds } from "../index.ts";
import { JobHarness } from "../testing/index.ts";
import heartAlerts from "./alerts.ts";
import { Alert, Profile, Reading, Rule, Text } from "./schemas.ts";

const T0 = 1_700_000_000_000;

function harnessAt() {
  const harness = new JobHarness(heartAlerts, { partitions: 1, nowMs: T0 });
  let n = 0;
  const send = (device: string, hr: number, tsMs = harness.nowMs, id = String(n++)) => {
    harness.send("readings", Reading, device, { device, id, tsMs, hr });
    harness.run();
  };
  const alerts = () =>
    harness.output("alerts", Alert).map(({ device, kind, rules }) => `${device} ${kind} ${rules}`);
  return { harness, send, alerts };
}

describe("alerts", () => {
  it("are raised over the limit of the profile and the tolerance of the rules, as of the reading's time", () => {
    const { harness, send, alerts } = harnessAt();
    harness.send("profiles", Profile, "d1", { limit: 150, fromMs: 0 });
    harness.send("rules", Rule, "tolerance", { name: "tolerance", tolerance: 10, fromMs: T0 + seconds(30) });
    harness.send("profiles", Profile, "d1", { limit: 140, fromMs: T0 + seconds(60) });
    send("d1", 150);
    harness.advance(seconds(31));
    send("d1", 160);
    harness.advance(seconds(31));
    send("d1", 151);
    harness.advance(seconds(10));
    harness.restart();
    send("d1", 199);
    harness.advance(seconds(10));
    send("d1", 100);
    expect(alerts()).toEqual(["d1 over-limit 1"]);
    expect(harness.output("alerts", Alert)[0]?.atMs).toBe(T0 + seconds(62));
  });

  it("tell of a device that went silent, once, after a restart too", () => {
    const { harness, send, alerts } = harnessAt();
    send("d1", 100);
    harness.advance(minutes(1));
    send("d1", 100);
    harness.restart();
    harness.advance(minutes(2));
    harness.advance(minutes(2));
    expect(alerts()).toEqual(["d1 lost-signal 0"]);
  });

  it("take no notice of what is sent twice, nor of a device whose clock is wrong", () => {
    const { harness, send } = harnessAt();
    send("d1", 100, T0, "x");
    send("d1", 100, T0, "x");
    send("d2", 200, T0 - minutes(60));
    harness.advance(seconds(10));
    send("d1", 110, T0 + minutes(6));
    expect(harness.output("wrong-clocks", Reading).map(({ device }) => device)).toEqual(["d2", "d1"]);
    send("d3", 90, T0 + seconds(5));
    expect(harness.output("activity", Text)).toEqual(["d1 was active for 300 s: 100"]);
  });
});
