import { expect, inject, test } from "vitest";
import { newTopic, readAll, valuesOf } from "./log-fixture.ts";
import { createProducer } from "./producer.ts";

const kafka = inject("kafka");

test("records arrive once and in order, however many are sent without waiting for the broker", async () => {
  const topic = await newTopic(kafka);
  const producer = await createProducer(kafka, { clientId: "test", queueMaxRecords: 1_000 });
  const sent = 50_000;
  let waited = 0;
  for (let i = 0; i < sent; i++) {
    const full = producer.send(topic, 0, "k", Buffer.from(String(i)), 1_000 + i);
    if (full) {
      waited++;
      await full;
    }
  }
  await producer.flush();
  await producer.close();
  const values = valuesOf(await readAll(kafka, topic));
  expect(values.length).toBe(sent);
  expect(values.every((value, i) => value === String(i))).toBe(true);
  expect(waited).toBeGreaterThan(0);
});

test("a flush names the first record that was not delivered", async () => {
  const topic = await newTopic(kafka, 1, { "max.message.bytes": "1000" });
  const producer = await createProducer(kafka, { clientId: "test" });
  producer.send(topic, 0, null, Buffer.alloc(5_000), 1);
  await expect(producer.flush()).rejects.toThrow(`${topic}/0: a record was not delivered`);
  producer.send(topic, 0, null, Buffer.from("fits"), 1);
  await producer.flush();
  await producer.close();
  expect(valuesOf(await readAll(kafka, topic))).toEqual(["fits"]);
});
