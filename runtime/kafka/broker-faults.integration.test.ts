/**
 * A broker of its own that is killed and comes back by itself on the same port (infra/embedded supervises it), with a
 * reader on it all the time.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Services, startServices } from "../../infra/embedded/services.ts";
import type { KafkaConnection } from "../config.ts";
import { framesOf, newTopic, readAll, valuesOf } from "./log-fixture.ts";
import { createProducer } from "./producer.ts";
import { createPartitionReader } from "./reader.ts";
import { createTransactionalWriter } from "./transactional-writer.ts";

const dataDir = mkdtempSync(join(tmpdir(), "pacestream-broker-"));
let services: Services;
let kafka: KafkaConnection;

beforeAll(async () => {
  services = await startServices({ dataDir, clickHouse: inject("clickHouse"), kafkaPort: 0, log: () => {} });
  kafka = services.kafka;
});
afterAll(async () => {
  await services.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function killBroker(): void {
  process.kill(services.pids().kafka!, "SIGKILL");
}

/** Reads a topic's only partition in the background, as a worker would. */
function follow(topic: string) {
  const reader = createPartitionReader(kafka);
  reader.assign([{ topic, partition: 0, offset: 0 }]);
  const values: string[] = [];
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      for (const { records } of await reader.poll(100)) {
        while (records.next())
          values.push(records.buffer.toString("utf8", records.valueStart, records.valueEnd));
      }
    }
    await reader.close();
  })();
  return {
    values,
    stop: () => {
      stopped = true;
      return done;
    },
  };
}

test("a commit that the broker is killed in is in the log as a whole or not at all, and its outcome tells no lie", async () => {
  const topic = await newTopic(kafka);
  const transactionalId = randomUUID();
  const reader = follow(topic);
  const expected: string[] = [];
  let writer = createTransactionalWriter(kafka, { transactionalId });
  await writer.init();
  for (const [round, killAfterMs] of [0, 5, 15, 40].entries()) {
    const epoch = Array.from({ length: 5_000 }, (_, i) => `${round}-${i}`);
    setTimeout(killBroker, killAfterMs);
    const { kind } = await writer.commit([topic], framesOf(...epoch));
    const openAnother = async () => {
      await writer.close();
      writer = createTransactionalWriter(kafka, { transactionalId });
      await writer.init();
    };
    if (kind === "lost" || kind === "fenced") await openAnother();
    const after = `after ${round}`;
    let next = await writer.commit([topic], framesOf(after));
    // Its connection broke at the end of the epoch: nothing of this one was sent.
    if (next.kind === "lost" && next.reason.includes("end of the last transaction")) {
      await openAnother();
      next = await writer.commit([topic], framesOf(after));
    }
    // Rolled back: the same again, as an epoch would be.
    while (next.kind === "aborted") next = await writer.commit([topic], framesOf(after));
    expect(next).toEqual({ kind: "committed" });

    const seen = valuesOf(await readAll(kafka, topic));
    const whole = seen.includes(epoch[0]!);
    if (kind === "committed") expect(whole).toBe(true);
    if (kind === "aborted") expect(whole).toBe(false);
    if (whole) expected.push(...epoch);
    expected.push(after);
    expect(seen).toEqual(expected);
  }
  await writer.close();
  await expect.poll(() => reader.values.length, { timeout: 60_000 }).toBe(expected.length);
  await reader.stop();
  expect(reader.values).toEqual(expected);
}, 300_000);

test("a plain producer and a reader go on over a kill of the broker: nothing lost, nothing twice, in order", async () => {
  const topic = await newTopic(kafka);
  const reader = follow(topic);
  const producer = await createProducer(kafka, { clientId: "test" });
  const sent = 4_000;
  for (let i = 0; i < sent; i++) {
    if (i === 1_000 || i === 3_000) killBroker();
    await producer.send(topic, 0, null, Buffer.from(String(i)), Date.now());
    if (i % 100 === 0)
      await new Promise((resolve) => setTimeout(resolve, i > 2_000 && i < 3_000 ? 1_000 : 5));
  }
  await producer.flush();
  await producer.close();
  await expect.poll(() => reader.values.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(sent);
  await reader.stop();
  expect(reader.values).toEqual(Array.from({ length: sent }, (_, i) => String(i)));
}, 120_000);
