import { expect, it } from "vitest";
import { codecOf, job, topic } from "../index.ts";
import { JobHarness } from "../testing/index.ts";

const Text = codecOf<string>("text", "string");

it("a first record that has no key is set apart before it is in the exchange", () => {
  const keyless = job("keyless", (flow) => {
    flow
      .from(topic("in", Text))
      .keyBy((text) => (text === "none" ? (undefined as unknown as string) : text), {
        exchange: { name: "x", codec: Text },
      })
      .to(topic("out", Text));
  });
  const harness = new JobHarness(keyless, { partitions: 1 });
  for (const text of ["none", "a"]) harness.send("in", Text, text, text);
  harness.run();
  expect(harness.output("out", Text)).toEqual(["a"]);
  expect(harness.deadLetters().map(({ step, topic }) => `${step} of ${topic}`)).toEqual(["x of in"]);
});
