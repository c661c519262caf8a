import { afterAll, expect, inject, it } from "vitest";
import { DeadLetter } from "../../schemas/index.ts";
import { ensureTopics } from "../kafka/admin.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { createProducer } from "../kafka/producer.ts";
import { Text } from "../testing/fixtures/large-job.ts";
import { collect, fixture, NodeProcesses } from "./node.fixture.ts";

const kafka = inject("kafka");
/** As many as the fixture's nodes have slots. */
const PARTITIONS = 2;
const nodes = new NodeProcesses(kafka, "test-large.jobs");

afterAll(() => nodes.killAll());

it("a value of state of 32 MB survives kill -9, a larger one is a dead letter, and a small one is small again", {
  timeout: 180_000,
}, async () => {
  await ensureTopics(kafka, [{ topic: "test-large", partitions: PARTITIONS }]);
  const producer = await createProducer(kafka, { clientId: "test" });
  const said: string[] = [];
  const tell = async (...commands: string[]) => {
    for (const command of commands)
      await producer.send(
        "test-large",
        partitionOf("all", PARTITIONS),
        "all",
        Text.encode(command),
        Date.now(),
      );
    await producer.flush();
  };
  const until = async (count: number) => {
    const all = await collect(
      kafka,
      "test-large-lengths",
      PARTITIONS,
      Text,
      (texts) => texts.length >= count,
    );
    said.splice(0, said.length, ...all);
  };

  const first = await nodes.start(fixture("large-job.ts"));
  await tell("grow");
  await until(1);
  await tell("grow", "grow", "grow", "grow", "grow", "say");
  await until(7);
  await nodes.kill(first);

  const second = await nodes.start();
  // Twice 32 MB of text are 64 MB and the bytes that say how long it is.
  await tell("say", "grow", "say");
  await until(9);
  await tell("shrink");
  await until(10);
  await nodes.kill(second);

  const third = await nodes.start();
  await tell("say");
  await until(11);
  const MB = 1 << 20;
  expect(said).toEqual([
    ...[1, 2, 4, 8, 16, 32].map((size) => `grow ${size * MB}`),
    ...Array(3).fill(`say ${32 * MB}`),
    "shrink 5",
    "say 5",
  ]);
  const letters = await collect(kafka, "test-large.dead-letters", 1, DeadLetter, (all) => all.length >= 1);
  expect(letters.map(({ step, reason }) => `${step}: ${reason}`)).toEqual([
    expect.stringMatching(
      /^keep: state "keep\.text" cannot hold it: a value of 6710\d+ bytes, more than 67108864$/,
    ),
  ]);
  expect(await nodes.stop(third)).toBe(0);
  await producer.close();
});
