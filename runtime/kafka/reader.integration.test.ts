import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { OffsetOutOfRangeError } from "./errors.ts";
import type { PartitionReader } from "./log.ts";
import { newTopic, rawProducer, readAll, valuesOf } from "./log-fixture.ts";
import { createPartitionReader } from "./reader.ts";

const kafka = inject("kafka");

describe("aborted transactions", () => {
  let first: Awaited<ReturnType<typeof rawProducer>>;
  let second: Awaited<ReturnType<typeof rawProducer>>;
  beforeAll(async () => {
    first = await rawProducer(kafka, { "transactional.id": randomUUID(), "linger.ms": 0 });
    second = await rawProducer(kafka, { "transactional.id": randomUUID(), "linger.ms": 0 });
  });
  afterAll(async () => {
    await Promise.all([first.close(), second.close()]);
  });

  test("are not handed over: sixty of one producer, two of three aborted, in one fetch", async () => {
    const topic = await newTopic(kafka);
    const committed: string[] = [];
    for (let i = 0; i < 60; i++) {
      await first.begin();
      const kept = i % 3 === 0;
      for (let k = 0; k < 20; k++) {
        const value = `${kept ? "c" : "a"}${i}-${k}`;
        first.send(topic, value);
        if (kept) committed.push(value);
      }
      await first.flush();
      await (kept ? first.commit() : first.abort());
    }
    expect(valuesOf(await readAll(kafka, topic))).toEqual(committed);
    // Small answers cut the transactions at other places.
    const { length } = valuesOf(await readAll(kafka, topic, { partitionMaxBytes: 500 }));
    expect(length).toBe(committed.length);
    expect(valuesOf(await readAll(kafka, topic, { isolation: "read_uncommitted" })).length).toBe(1200);
  });

  test("of producers that take turns are told apart", async () => {
    const topic = await newTopic(kafka);
    const committed: string[] = [];
    for (let i = 0; i < 10; i++) {
      await first.begin();
      await second.begin();
      for (let k = 0; k < 6; k++) {
        first.send(topic, `first-${i}-${k}`);
        await first.flush();
        second.send(topic, `second-${i}-${k}`);
        await second.flush();
      }
      // Whoever aborts changes, and so does who ends first.
      const [keeps, drops] = i % 2 === 0 ? ([first, second] as const) : ([second, first] as const);
      if (i % 4 < 2) {
        await keeps.commit();
        await drops.abort();
      } else {
        await drops.abort();
        await keeps.commit();
      }
      for (let k = 0; k < 6; k++) committed.push(`${i % 2 === 0 ? "first" : "second"}-${i}-${k}`);
    }
    expect(valuesOf(await readAll(kafka, topic))).toEqual(committed);
  });

  test("and open ones end what is read, and a marker alone makes a reader caught up", async () => {
    const topic = await newTopic(kafka);
    await first.begin();
    first.send(topic, "committed");
    await first.flush();
    await first.commit();
    await first.begin();
    first.send(topic, "open");
    await first.flush();
    await using reader = closing(createPartitionReader(kafka));
    reader.assign([{ topic, partition: 0, offset: 0 }]);
    expect(await reader.offsets([{ topic, partition: 0 }])).toEqual([{ first: 0, end: 2 }]);
    expect(await positions(reader, 2)).toEqual([[1, 2, 2]]);
    await first.abort();
    expect(await positions(reader, 4)).toEqual([[0, 4, 4]]);
  });
});

describe("records of other people's producers", () => {
  test.each(["gzip", "snappy", "lz4", "zstd"])("packed with %s are unpacked", async (codec) => {
    const topic = await newTopic(kafka);
    const producer = await rawProducer(kafka, { "compression.codec": codec, "linger.ms": 50 });
    const values = Array.from({ length: 500 }, (_, i) => `value ${i} `.repeat(10));
    for (const value of values) producer.send(topic, value);
    await producer.flush();
    await producer.close();
    expect(valuesOf(await readAll(kafka, topic))).toEqual(values);
    const middle = await readAll(kafka, topic, { offset: 321 });
    expect(middle[0]?.offset).toBe(321);
    expect(valuesOf(middle)).toEqual(values.slice(321));
  });

  test("keep null and empty keys and values apart, and their times", async () => {
    const topic = await newTopic(kafka);
    const producer = await rawProducer(kafka, { "linger.ms": 20 });
    producer.send(topic, null, "tombstone", 1);
    producer.send(topic, "no key", null, 1_700_000_000_000);
    producer.send(topic, "", "", 32_503_680_000_000);
    await producer.flush();
    await producer.close();
    expect(await readAll(kafka, topic)).toEqual([
      { offset: 0, timestampMs: 1, key: "tombstone", value: null },
      { offset: 1, timestampMs: 1_700_000_000_000, key: null, value: "no key" },
      { offset: 2, timestampMs: 32_503_680_000_000, key: "", value: "" },
    ]);
  });

  test("carry the broker's time where the topic says so", async () => {
    const topic = await newTopic(kafka, 1, { "message.timestamp.type": "LogAppendTime" });
    const producer = await rawProducer(kafka, { "linger.ms": 20 });
    const before = Date.now();
    producer.send(topic, "v", "k", 5);
    await producer.flush();
    await producer.close();
    const [record] = await readAll(kafka, topic);
    expect(record?.timestampMs).toBeGreaterThanOrEqual(before);
  });

  test("may be larger than what is asked for, on any partition", async () => {
    const topic = await newTopic(kafka);
    const producer = await rawProducer(kafka, { "linger.ms": 0 });
    const values = ["small", "x".repeat(600_000), "y".repeat(700_000), "last"];
    for (const value of values) {
      producer.send(topic, value);
      await producer.flush();
    }
    await producer.close();
    expect(valuesOf(await readAll(kafka, topic, { maxBytes: 1_000, partitionMaxBytes: 1_000 }))).toEqual(
      values,
    );
  });
});

test("gaps that compaction left are stepped over", async () => {
  const topic = await newTopic(kafka, 1, {
    "cleanup.policy": "compact",
    "segment.ms": "200",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "200",
    "delete.retention.ms": "0",
  });
  const producer = await rawProducer(kafka, { "linger.ms": 0 });
  for (let i = 0; i < 60; i++) producer.send(topic, `v${i}`, `key ${i % 4}`);
  await producer.flush();
  let records = await readAll(kafka, topic);
  for (let i = 0; records.length >= 50 && i < 150; i++) {
    // A segment rolls only when something is written.
    producer.send(topic, `later ${i}`, "key 0");
    await producer.flush();
    await new Promise((resolve) => setTimeout(resolve, 250));
    records = (await readAll(kafka, topic)).filter(({ value }) => !value?.startsWith("later"));
  }
  await producer.close();
  expect(records.map(({ offset, value }) => [offset, value])).toContainEqual([59, "v59"]);
  expect(records.length).toBeLessThan(50);
  for (const { offset, value } of records) expect(value).toBe(`v${offset}`);
});

describe("reading on", () => {
  test("an offset that is not in the log is an error, not a jump", async () => {
    const topic = await newTopic(kafka);
    await using reader = closing(createPartitionReader(kafka));
    reader.assign([{ topic, partition: 0, offset: 100 }]);
    const failure = await poll(reader, 5_000).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OffsetOutOfRangeError);
    expect(failure).toMatchObject({ topic, partition: 0, offset: 100 });
  });

  test("a partition that is assigned again starts again, paused ones wait, new ones come in at once", async () => {
    const topic = await newTopic(kafka, 2);
    const producer = await rawProducer(kafka, { "linger.ms": 0 });
    for (const value of ["a", "b", "c"]) producer.send(topic, value);
    await producer.flush();
    await using reader = closing(createPartitionReader(kafka));
    reader.assign([{ topic, partition: 0, offset: 0 }]);
    expect(await positions(reader, 3)).toEqual([[3, 3, 3]]);
    reader.assign([{ topic, partition: 0, offset: 1 }]);
    expect(await positions(reader, 3)).toEqual([[2, 3, 3]]);
    reader.pause([{ topic, partition: 0 }]);
    producer.send(topic, "d");
    await producer.flush();
    expect(await reader.poll(300)).toEqual([]);
    reader.resume([{ topic, partition: 0 }]);
    expect(await positions(reader, 4)).toEqual([[1, 4, 4]]);
    await producer.close();
  });
});

function closing(reader: PartitionReader): PartitionReader & AsyncDisposable {
  return Object.assign(reader, { [Symbol.asyncDispose]: () => reader.close() });
}

async function poll(reader: PartitionReader, withinMs: number) {
  for (const deadlineMs = performance.now() + withinMs; performance.now() < deadlineMs; ) {
    const polled = await reader.poll(100);
    if (polled.length > 0) return polled;
  }
  throw new Error("nothing came");
}

/** `[records, nextOffset, endOffset]` of each poll until `nextOffset` is reached; polls that hand nothing over are joined. */
async function positions(reader: PartitionReader, nextOffset: number): Promise<number[][]> {
  let records = 0;
  for (;;) {
    const [polled] = await poll(reader, 10_000);
    while (polled!.records.next()) records++;
    if (polled!.nextOffset >= nextOffset) return [[records, polled!.nextOffset, polled!.endOffset]];
  }
}
