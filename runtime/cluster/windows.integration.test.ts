import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, it } from "vitest";
import { ensureTopics } from "../kafka/admin.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { createProducer } from "../kafka/producer.ts";
import { Counted, Profile, Reading, Rule } from "../testing/fixtures/windows-job.ts";
import { collect, fixture, NodeProcesses } from "./node.fixture.ts";

const kafka = inject("kafka");
const PARTITIONS = 4;
const KEYS = 20;
const nodes = new NodeProcesses(kafka, "test-windows.jobs");
const T0 = 1_700_000_000_000;
/** A hundred seconds of event time, each key once a second; a tenth of them sent twice. */
const readings = Array.from({ length: 100 * KEYS }, (_, n): Reading => {
  const second = Math.floor(n / KEYS);
  return {
    key: `k${n % KEYS}`,
    id: String(n),
    atMs: T0 + second * 1_000 + (n % 7),
    hr: 100 + ((n * 13) % 100),
  };
});
const sent = readings.flatMap((reading, n) => (n % 10 === 3 ? [reading, reading] : [reading]));

/** Limits rise at second 40; all are more tolerant from second 65 on. */
const limitOf = (atMs: number) => (atMs >= T0 + 40_000 ? 170 : 150);
const toleranceOf = (atMs: number) => (atMs >= T0 + 65_000 ? 20 : 5);

function expected(): Counted[] {
  const windows = new Map<string, Counted>();
  for (const { key, atMs, hr } of readings) {
    const start = Math.floor(atMs / 10_000) * 10_000;
    const id = `${key} ${start}`;
    const window = windows.get(id) ?? { key, start, readings: 0, over: 0, index: 0 };
    windows.set(id, window);
    window.readings++;
    if (hr > limitOf(atMs) + toleranceOf(atMs)) window.over++;
  }
  return [...windows.values()];
}

const inOrder = (windows: readonly Counted[]) =>
  windows.map(({ key, start, ...rest }) => JSON.stringify({ key, start, ...rest })).sort();

afterAll(() => nodes.killAll());

it("windows, joins and rules come out as if nothing had happened while nodes are killed", {
  timeout: 240_000,
}, async () => {
  await ensureTopics(kafka, [
    { topic: "test-readings", partitions: PARTITIONS },
    { topic: "test-profiles", partitions: PARTITIONS, config: { "cleanup.policy": "compact" } },
    { topic: "test-rules", partitions: 1 },
  ]);
  const producer = await createProducer(kafka, { clientId: "test" });
  const send = (topic: string, partition: number, key: string, value: Buffer) =>
    producer.send(topic, partition, key, value, Date.now());
  for (const [fromMs, tolerance] of [
    [0, 5],
    [T0 + 65_000, 20],
  ] as const)
    await send("test-rules", 0, "tolerance", Rule.encode({ name: "tolerance", tolerance, fromMs }));
  for (let n = 0; n < KEYS; n++) {
    for (const [fromMs, limit] of [
      [0, 150],
      [T0 + 40_000, 170],
    ] as const)
      await send(
        "test-profiles",
        partitionOf(`k${n}`, PARTITIONS),
        `k${n}`,
        Profile.encode({ limit, fromMs }),
      );
  }
  const feed = async () => {
    for (const [n, reading] of sent.entries()) {
      await send("test-readings", partitionOf(reading.key, PARTITIONS), reading.key, Reading.encode(reading));
      if (n % 20 === 0) await sleep(60);
    }
    await producer.flush();
  };

  const first = await nodes.start(fixture("windows-job.ts"));
  const feeding = feed();
  const second = await nodes.start();
  await sleep(1_000);
  await nodes.kill(first);
  await sleep(1_000);
  const third = await nodes.start();
  await nodes.kill(second);
  await feeding;

  const all = expected();
  const got = await collect(
    kafka,
    "test-windows-out",
    PARTITIONS,
    Counted,
    (some) => some.length >= all.length,
  );
  expect(inOrder(got)).toEqual(inOrder(all));
  expect(await nodes.stop(third)).toBe(0);
  await producer.close();
});
