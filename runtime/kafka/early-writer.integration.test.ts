import { expect, inject, test } from "vitest";
import { createEarlyWriter } from "./early-writer.ts";
import { FrameWriter } from "./frames.ts";
import { newTopic, readAll, valuesOf } from "./log-fixture.ts";

const kafka = inject("kafka");

function framesOf(values: readonly string[]): Uint8Array {
  const frames = new FrameWriter();
  for (const value of values) frames.write(0, 0, 1, "k", Buffer.from(value));
  return frames.take();
}

test("what was written is in the log, in order, once it has settled", async () => {
  const topic = await newTopic(kafka);
  const writer = createEarlyWriter(kafka, "test");
  writer.write([topic], framesOf(["1", "2"]));
  writer.write([topic], framesOf(["3"]));
  await writer.settled();
  expect(valuesOf(await readAll(kafka, topic))).toEqual(["1", "2", "3"]);
  await writer.close();
});

test("it does not settle when a result is not in the log", async () => {
  const topic = await newTopic(kafka, 1, { "max.message.bytes": "1000" });
  const writer = createEarlyWriter(kafka, "test");
  writer.write([topic], framesOf(["x".repeat(5_000)]));
  await expect(writer.settled()).rejects.toThrow("was not delivered");
  await writer.close();
});
