import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { committedOffsets, deleteTopics, endOffsets, ensureTopics } from "./admin.ts";
import { newTopic, rawProducer } from "./log-fixture.ts";
import { createPartitionReader } from "./reader.ts";

const kafka = inject("kafka");

test("topics are made once, and another number of partitions is refused in words", async () => {
  const topic = `test-${randomUUID()}`;
  await Promise.all([1, 2, 3].map(() => ensureTopics(kafka, [{ topic, partitions: 3 }])));
  await ensureTopics(kafka, [{ topic, partitions: 3 }]);
  const reader = createPartitionReader(kafka);
  expect(await reader.partitionCount(topic)).toBe(3);
  await reader.close();
  await expect(ensureTopics(kafka, [{ topic, partitions: 4 }])).rejects.toMatchObject({ code: "CONFIG" });
  await expect(ensureTopics(kafka, [{ topic, partitions: 4 }])).rejects.toThrow(
    /has 3 partitions, 4 are configured/,
  );
  await deleteTopics(kafka, [topic, topic]);
  await ensureTopics(kafka, [{ topic, partitions: 4 }]);
});

test("a setting that the broker does not know is refused in words", async () => {
  const spec = { topic: `test-${randomUUID()}`, partitions: 1, config: { "cleanup.policy": "burn" } };
  await expect(ensureTopics(kafka, [spec])).rejects.toMatchObject({ code: "CONFIG" });
});

test("ends are the last stable offset, or the latest", async () => {
  const topic = await newTopic(kafka, 2);
  const producer = await rawProducer(kafka, { "transactional.id": randomUUID() });
  await producer.begin();
  producer.send(topic, "open");
  await producer.flush();
  const partitions = [0, 1].map((partition) => ({ topic, partition }));
  expect((await endOffsets(kafka, partitions)).map(({ offset }) => offset)).toEqual([0, 0]);
  expect((await endOffsets(kafka, partitions, "latest")).map(({ offset }) => offset)).toEqual([1, 0]);
  await producer.commit();
  // A commit is answered before its marker is written.
  await expect
    .poll(async () => (await endOffsets(kafka, partitions)).map(({ offset }) => offset), { timeout: 60_000 })
    .toEqual([2, 0]);
  await producer.close();
});

test("a group that committed nothing has no offsets", async () => {
  const topic = await newTopic(kafka);
  expect(await committedOffsets(kafka, randomUUID(), [{ topic, partition: 0 }])).toEqual([
    { topic, partition: 0, offset: -1 },
  ]);
});
