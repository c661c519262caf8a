import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, inject, it } from "vitest";
import type { Codec } from "../../schemas/codec.ts";
import { DeadLetter } from "../../schemas/index.ts";
import { ensureTopics } from "../kafka/admin.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { createProducer } from "../kafka/producer.ts";
import { createPartitionReader } from "../kafka/reader.ts";
import { Tally, Word } from "../testing/fixtures/words-job.ts";

const kafka = inject("kafka");
const PARTITIONS = 4;
const JOBS_TOPIC = "test-words.jobs";
const path = (file: string) => fileURLToPath(new URL(`../testing/fixtures/${file}`, import.meta.url));
const children = new Set<ChildProcess>();

async function startProcess(submit?: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [path("node-process.ts"), JSON.stringify({ kafka, jobsTopic: JOBS_TOPIC, submit })],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  children.add(child);
  child.on("exit", () => children.delete(child));
  // Read on after that: a process whose output nobody takes dies of its next line.
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on("line", (line) => line === "running" && resolve());
    child.once("exit", () => reject(new Error("the node ended before it ran")));
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Collects all values of a topic until `done` says so. */
async function collect<T>(
  topic: string,
  partitions: number,
  codec: Codec<T>,
  done: (values: readonly T[]) => boolean,
): Promise<T[]> {
  const reader = createPartitionReader(kafka);
  const values: T[] = [];
  try {
    reader.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
    while (!done(values)) {
      for (const { records } of await reader.poll(200)) {
        while (records.next())
          values.push(codec.decode(records.buffer, records.valueStart, records.valueEnd));
      }
    }
    // What comes after the last that was waited for would be a double.
    for (const { records } of await reader.poll(500)) {
      while (records.next()) values.push(codec.decode(records.buffer, records.valueStart, records.valueEnd));
    }
    return values;
  } finally {
    await reader.close();
  }
}

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

describe("two nodes of one job", () => {
  it("count every word once while one after the other is killed", { timeout: 180_000 }, async () => {
    await ensureTopics(kafka, [{ topic: "test-words", partitions: PARTITIONS }]);
    const producer = await createProducer(kafka, { clientId: "test" });
    const WORDS = 6_000;
    const texts = Array.from({ length: WORDS }, (_, i) => (i % 1_000 === 7 ? "bad" : `w${i % 50}`));
    let sent = 0;
    const feed = async (upTo: number) => {
      for (; sent < upTo; sent++) {
        await producer.send(
          "test-words",
          partitionOf(texts[sent]!, PARTITIONS),
          texts[sent]!,
          Word.encode(texts[sent]!),
          Date.now(),
        );
        if (sent % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await producer.flush();
    };

    const first = await startProcess(path("words-job.ts"));
    await feed(1_500);
    const second = await startProcess();
    const feeding = feed(4_500);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await kill(first);
    await feeding;
    const third = await startProcess();
    await kill(second);
    await feed(WORDS);
    const good = texts.filter((text) => text !== "bad").length;

    const tallies = await collect("test-tallies", PARTITIONS, Tally, (all) => all.length >= good);
    const totals = await collect("test-totals", PARTITIONS, Tally, (all) => all.length >= good);
    const letters = await collect(
      "test-words.dead-letters",
      1,
      DeadLetter,
      (all) => all.length >= WORDS - good,
    );
    third.stdin!.end();
    await once(third, "exit");

    const byWord = Map.groupBy(tallies, ({ text }) => text);
    for (const [text, counts] of byWord) {
      const times = texts.filter((other) => other === text).length;
      expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: times }, (_, i) => i + 1));
    }
    expect(totals.map(({ count }) => count)).toEqual(Array.from({ length: good }, (_, i) => i + 1));
    expect(letters.map(({ step, reason }) => `${step}: ${reason}`)).toEqual(
      Array(WORDS - good).fill("count: a bad word"),
    );
    expect(third.exitCode).toBe(0);
    await producer.close();
  });
});
