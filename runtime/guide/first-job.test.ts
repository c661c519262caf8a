import { expect, it } from "vitest";
import { JobHarness } from "../testing/index.ts";
import plausibleReadings from "./first-job.ts";
import { Reading } from "./schemas.ts";

it("leaves out what no heart does", () => {
  const harness = new JobHarness(plausibleReadings);
  for (const hr of [70, 0, 255, 180])
    harness.send("readings", Reading, "d1", { device: "d1", id: String(hr), tsMs: 0, hr });
  harness.run();
  expect(harness.output("plausible-readings", Reading).map(({ hr }) => hr)).toEqual([70, 180]);
});
