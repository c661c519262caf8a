import { Registry } from "prom-client";
import { afterAll, expect, inject, it } from "vitest";
import { DeadLetter } from "../../schemas/index.ts";
import { ensureTopics } from "../kafka/admin.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { createProducer } from "../kafka/producer.ts";
import { DEEDS, Text } from "../testing/fixtures/stubborn-job.ts";
import { collect } from "./node.fixture.ts";
import { type RuntimeNode, startNode } from "./node.ts";

const kafka = inject("kafka");
const PARTITIONS = 2;
let node: RuntimeNode | undefined;

afterAll(() => node?.stop());

it("a record that takes its thread down is set apart with the reason, and everything else counts once", {
  timeout: 240_000,
}, async () => {
  await ensureTopics(kafka, [{ topic: "stubborn-words", partitions: PARTITIONS }]);
  const producer = await createProducer(kafka, { clientId: "test" });
  const KEYS = ["a", "b", "c", "d"];
  const words = Array.from({ length: 200 }, (_, n) => `${KEYS[n % KEYS.length]} word-${n}`);
  for (const [n, deed] of DEEDS.entries()) words.splice(40 * (n + 1), 0, `bad-${n} ${deed}`);
  for (const word of words) {
    const key = word.split(" ")[0]!;
    await producer.send("stubborn-words", partitionOf(key, PARTITIONS), key, Text.encode(word), Date.now());
  }
  await producer.flush();
  const lines: string[] = [];
  node = await startNode({
    kafka,
    registry: new Registry(),
    jobsTopic: "stubborn.jobs",
    threads: { hangAfterMs: 3_000, heapMaxMb: 128 },
    log: (line) => lines.push(line),
  });
  await node.submit({ module: "runtime/testing/fixtures/stubborn-job.ts", parallelism: 1 });

  const counts = await collect(kafka, "stubborn-counts", PARTITIONS, Text, (all) => all.length >= 200);
  expect(counts.toSorted()).toEqual(
    KEYS.flatMap((key) => Array.from({ length: 50 }, (_, n) => `${key} ${n + 1}`)).toSorted(),
  );
  const letters = await collect(
    kafka,
    "stubborn.dead-letters",
    1,
    DeadLetter,
    (all) => all.length >= DEEDS.length,
  );
  const reasons = new Map(letters.map(({ step, key, reason }) => [key?.toString(), `${step}: ${reason}`]));
  expect(reasons.size).toBe(DEEDS.length);
  expect(reasons.get("bad-0")).toMatch(
    /^count: isolated: does not come back: 3000 ms at the same place, at stubborn-words\/\d offset \d+ in step "count"/,
  );
  // Collecting garbage in vain may take so long that the thread is taken for one that hangs.
  expect(reasons.get("bad-1")).toMatch(/its thread needs more than the 128 MB|does not come back/);
  expect(reasons.get("bad-2")).toMatch(/^count: isolated after 3 failures: .*exit/);
  expect(reasons.get("bad-3")).toMatch(/^count: isolated: does not come back.*timer.*"bad-3"/);
  expect(lines.filter((line) => line.includes("is set apart")).length).toBe(DEEDS.length);
  await expect.poll(() => node!.problems(), { timeout: 60_000 }).toEqual([]);

  // One that hangs now does not hold a stop up.
  await producer.send("stubborn-words", 0, "late", Text.encode(`late ${DEEDS[0]}`), Date.now());
  await producer.flush();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const began = performance.now();
  await node.cancel("stubborn");
  expect(performance.now() - began).toBeLessThan(12_000);
  await producer.close();
});
