import { randomUUID } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { FrameWriter } from "./frames.ts";
import type { TransactionalWriter } from "./log.ts";
import { framesOf, newTopic, rawProducer, readAll, valuesOf } from "./log-fixture.ts";
import { createTransactionalWriter } from "./transactional-writer.ts";

const kafka = inject("kafka");

describe("a transactional writer", () => {
  test("commits all frames of an epoch, to several topics, keys and values null and empty", async () => {
    const [first, second] = [await newTopic(kafka, 2), await newTopic(kafka)];
    await using writer = await open(randomUUID());
    const frames = new FrameWriter();
    frames.write(0, 1, 1_700_000_000_000, "kéy", Buffer.from("one"));
    frames.write(1, 0, 5, null, Buffer.from("two"));
    frames.write(1, 0, 32_503_680_000_000, Buffer.from("gone"), null);
    frames.write(1, 0, 7, "", Buffer.alloc(0));
    expect(await writer.commit([first, second], frames.take())).toEqual({ kind: "committed" });
    expect(await readAll(kafka, first, { partition: 1 })).toEqual([
      { offset: 0, timestampMs: 1_700_000_000_000, key: "kéy", value: "one" },
    ]);
    expect(await readAll(kafka, second)).toEqual([
      { offset: 0, timestampMs: 5, key: null, value: "two" },
      { offset: 1, timestampMs: 32_503_680_000_000, key: "gone", value: null },
      { offset: 2, timestampMs: 7, key: "", value: "" },
    ]);
  });

  test("takes an id of any characters", async () => {
    const topic = await newTopic(kafka);
    await using writer = await open(`replay/${randomUUID()} of_a: räce`);
    expect(await writer.commit([topic], framesOf("one"))).toEqual({ kind: "committed" });
    expect(valuesOf(await readAll(kafka, topic))).toEqual(["one"]);
  });

  test("has nothing to commit in an empty epoch", async () => {
    await using writer = await open(randomUUID());
    expect(await writer.commit([], new Uint8Array(0))).toEqual({ kind: "committed" });
  });

  test("keeps the order of a large epoch and lets the main thread go in between", async () => {
    const topic = await newTopic(kafka);
    await using writer = await open(randomUUID());
    const values = Array.from({ length: 50_000 }, (_, i) => `${i}`);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    expect(await writer.commit([topic], framesOf(...values))).toEqual({ kind: "committed" });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    expect(valuesOf(await readAll(kafka, topic))).toEqual(values);
  });

  test("rolls an epoch back whose record the broker refuses, and goes on", async () => {
    const topic = await newTopic(kafka, 1, { "max.message.bytes": "1000" });
    await using writer = await open(randomUUID());
    expect(await writer.commit([topic], framesOf("small", "x".repeat(5_000)))).toMatchObject({
      kind: "aborted",
    });
    // librdkafka may find a gap in its sequence numbers once: rolled back again, then all is well.
    const outcomes = [];
    do outcomes.push((await writer.commit([topic], framesOf("next"))).kind);
    while (outcomes.at(-1) === "aborted" && outcomes.length < 3);
    expect(outcomes.at(-1)).toBe("committed");
    expect(valuesOf(await readAll(kafka, topic))).toEqual(["next"]);
  });

  test("rolls an epoch back that goes to a partition that does not exist, and goes on", async () => {
    const topic = await newTopic(kafka);
    await using writer = await open(randomUUID());
    const frames = new FrameWriter();
    frames.write(0, 0, 1, "k", Buffer.from("dropped"));
    frames.write(0, 9, 1, "k", Buffer.from("nowhere"));
    expect(await writer.commit([topic], frames.take())).toMatchObject({ kind: "aborted" });
    expect(await writer.commit([topic], framesOf("next"))).toEqual({ kind: "committed" });
    expect(valuesOf(await readAll(kafka, topic))).toEqual(["next"]);
  });
});

describe("a second owner of the id", () => {
  test("fences the first: nothing of it is seen any more", async () => {
    const [topic, id] = [await newTopic(kafka), randomUUID()];
    await using first = await open(id);
    expect(await first.commit([topic], framesOf("first"))).toEqual({ kind: "committed" });
    await using second = await open(id);
    expect(await first.commit([topic], framesOf("zombie"))).toMatchObject({ kind: "fenced" });
    expect(await first.commit([topic], framesOf("zombie again"))).toMatchObject({ kind: "fenced" });
    expect(await second.commit([topic], framesOf("second"))).toEqual({ kind: "committed" });
    expect(valuesOf(await readAll(kafka, topic))).toEqual(["first", "second"]);
  });

  test("ends the transaction that the first left open, so that readers go on at once", async () => {
    const [topic, id] = [await newTopic(kafka), randomUUID()];
    const dead = await rawProducer(kafka, { "transactional.id": id, "transaction.timeout.ms": 60_000 });
    await dead.begin();
    dead.send(topic, "left open");
    await dead.flush();
    await using next = await open(id);
    expect(await next.commit([topic], framesOf("next"))).toEqual({ kind: "committed" });
    expect(valuesOf(await readAll(kafka, topic))).toEqual(["next"]);
    await dead.close();
  });
});

async function open(transactionalId: string): Promise<TransactionalWriter & AsyncDisposable> {
  const writer = createTransactionalWriter(kafka, { transactionalId });
  await writer.init();
  return Object.assign(writer, { [Symbol.asyncDispose]: () => writer.close() });
}
