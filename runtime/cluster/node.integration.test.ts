import { afterAll, describe, expect, inject, it } from "vitest";
import { DeadLetter } from "../../schemas/index.ts";
import { ensureTopics } from "../kafka/admin.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { createProducer } from "../kafka/producer.ts";
import { Tally, Word } from "../testing/fixtures/words-job.ts";
import { collect, fixture, NodeProcesses } from "./node.fixture.ts";

const kafka = inject("kafka");
const PARTITIONS = 4;
const JOBS_TOPIC = "test-words.jobs";
const nodes = new NodeProcesses(kafka, JOBS_TOPIC);

afterAll(() => nodes.killAll());

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

    const first = await nodes.start(fixture("words-job.ts"));
    await feed(1_500);
    const second = await nodes.start();
    const feeding = feed(4_500);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await nodes.kill(first);
    await feeding;
    const third = await nodes.start();
    await nodes.kill(second);
    await feed(WORDS);
    const good = texts.filter((text) => text !== "bad").length;

    const tallies = await collect(kafka, "test-tallies", PARTITIONS, Tally, (all) => all.length >= good);
    const totals = await collect(kafka, "test-totals", PARTITIONS, Tally, (all) => all.length >= good);
    const letters = await collect(
      kafka,
      "test-words.dead-letters",
      1,
      DeadLetter,
      (all) => all.length >= WORDS - good,
    );
    const exitCode = await nodes.stop(third);

    const byWord = Map.groupBy(tallies, ({ text }) => text);
    for (const [text, counts] of byWord) {
      const times = texts.filter((other) => other === text).length;
      expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: times }, (_, i) => i + 1));
    }
    expect(totals.map(({ count }) => count)).toEqual(Array.from({ length: good }, (_, i) => i + 1));
    expect(letters.map(({ step, reason }) => `${step}: ${reason}`)).toEqual(
      Array(WORDS - good).fill("count: a bad word"),
    );
    expect(exitCode).toBe(0);
    await producer.close();
  });
});
