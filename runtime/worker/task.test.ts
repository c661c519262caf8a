import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { boundedDisorder, job, mapState, sideOutput, topic, valueState } from "../index.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { JobHarness } from "../testing/job-harness.ts";

interface Word {
  text: string;
  atMs: number;
}

const record = (name: string, fields: object[]) => ({ type: "record", name, fields });
const Word = codecOf<Word>(
  "word",
  record("Word", [
    { name: "text", type: "string" },
    { name: "atMs", type: "long" },
  ]),
);
const Count = codecOf<number>("count", "int");
interface Tally {
  text: string;
  count: number;
}
const Tally = codecOf<Tally>(
  "tally",
  record("Tally", [
    { name: "text", type: "string" },
    { name: "count", type: "int" },
  ]),
);
const Text = codecOf<string>("text", "string");

/** A key that Kafka would put elsewhere than `key`, among four partitions. */
const elsewhereOf = (key: string): string =>
  ["k1", "k2", "k3", "k4", "k5"].find((other) => partitionOf(other, 4) !== partitionOf(key, 4))!;
const shouted = sideOutput<Word>("shouted");

/** Counts words; throws on "bad" after it has changed state; sets "LOUD" words apart; closes a word 10 s after it. */
const words = job("words", (flow) => {
  const counted = flow
    .from(topic("words", Word))
    .filter("not-empty", (word) => word.text !== "")
    .watermark(boundedDisorder({ timeOf: (word) => word.atMs, disorderMax: 1_000, idleAfter: 5_000 }))
    .keyBy((word) => word.text)
    .process("count", {
      emits: Tally,
      state: { count: valueState(Count), seenAt: mapState(Count) },
      sides: [shouted],
      timers: ["event", "processing"],
      process(word, { state, timers, side, emit }) {
        const count = (state.count.get() ?? 0) + 1;
        state.count.put(count);
        state.seenAt.put(String(word.atMs), count);
        timers.onEventTime(word.atMs + 10_000);
        emit({ text: word.text, count });
        if (word.text === "bad" && count === 2) throw new Error("a bad word");
        if (word.text === "LOUD") side(shouted, word);
      },
      onTimer({ timeMs }, { key, state, emit }) {
        emit({
          text: `${key} closed at ${timeMs} with ${state.seenAt.size}`,
          count: -(state.count.get() ?? 0),
        });
      },
    });
  counted.to(topic("tallies", Tally));
  counted.side(shouted).to(topic("shouts", Word));
  counted
    .keyBy(() => "all", { exchange: { name: "by-all", codec: Tally } })
    .process("total", {
      emits: Tally,
      state: { total: valueState(Count) },
      process(tally, { state, emit }) {
        state.total.put((state.total.get() ?? 0) + Math.max(0, Math.sign(tally.count)));
        emit({ text: "total", count: state.total.get() ?? 0 });
      },
    })
    .to(topic("totals", Tally));
});

const say = (harness: JobHarness, text: string, atMs: number) =>
  harness.send("words", Word, text, { text, atMs });
const tallies = (harness: JobHarness) =>
  harness.output("tallies", Tally).map(({ text, count }) => `${text} ${count}`);

describe("a task", () => {
  it("counts by key and passes results through an exchange", () => {
    const harness = new JobHarness(words, { partitions: 1 });
    for (const text of ["a", "b", "a", ""]) say(harness, text, 0);
    harness.run();
    expect(tallies(harness)).toEqual(["a 1", "b 1", "a 2"]);
    expect(harness.output("totals", Tally).at(-1)).toEqual({ text: "total", count: 3 });
  });

  it("goes on from its changelog as if it had never stopped", () => {
    const harness = new JobHarness(words, { partitions: 2 });
    for (const text of ["a", "b", "c"]) say(harness, text, 100);
    harness.run();
    harness.restart();
    for (const text of ["a", "b", "a"]) say(harness, text, 200);
    harness.run();
    expect(tallies(harness).sort()).toEqual(["a 1", "a 2", "a 3", "b 1", "b 2", "c 1"]);
    expect(harness.output("totals", Tally).at(-1)?.count).toBe(6);
  });

  it("keeps timers through a restart and fires them once, when all partitions have come to their time", () => {
    const harness = new JobHarness(words, { partitions: 2 });
    say(harness, "a", 0);
    say(harness, "b", 0);
    harness.run();
    harness.restart();
    for (const text of ["a", "b", "c", "d"]) say(harness, text, 11_002);
    harness.run();
    harness.restart();
    harness.run();
    const closed = tallies(harness).filter((line) => line.includes("closed"));
    expect(closed.sort()).toEqual(["a closed at 10000 with 2 -2", "b closed at 10000 with 2 -2"]);
  });

  it("sets a record apart that its code throws on, and takes back what it had done", () => {
    const harness = new JobHarness(words, { partitions: 1 });
    for (const text of ["bad", "bad", "bad", "fine"]) say(harness, text, 0);
    harness.run();
    // The second and third both find a count of 1: neither left a trace.
    expect(tallies(harness)).toEqual(["bad 1", "fine 1"]);
    expect(harness.deadLetters()).toMatchObject([
      { step: "count", topic: "words", partition: 0, offset: 1, reason: "a bad word" },
      { step: "count", offset: 2, reason: "a bad word" },
    ]);
  });

  it("sets a record apart that cannot be decoded, with its bytes, and goes on", () => {
    const harness = new JobHarness(words, { partitions: 1 });
    harness.sendBytes("words", "x", Buffer.from([200]));
    harness.sendBytes("words", "x", null);
    say(harness, "a", 0);
    harness.run();
    expect(tallies(harness)).toEqual(["a 1"]);
    expect(harness.deadLetters().map(({ step, reason, value }) => [step, reason, value?.length])).toEqual([
      ["decode", "word: the value is truncated", 1],
      ["decode", "the value is null", undefined],
    ]);
  });

  it("gives side outputs their own topic", () => {
    const harness = new JobHarness(words, { partitions: 1 });
    say(harness, "LOUD", 7);
    harness.run();
    expect(harness.output("shouts", Word)).toEqual([{ text: "LOUD", atMs: 7 }]);
  });

  it("does not let a silent partition hold time back for ever", () => {
    const harness = new JobHarness(words, { partitions: 2, parallelism: 1 });
    say(harness, "a", 0);
    say(harness, "a", 20_000);
    harness.run();
    const closed = () => tallies(harness).filter((line) => line.includes("closed"));
    expect(closed()).toEqual([]);
    harness.advance(5_000);
    expect(closed()).toEqual(["a closed at 10000 with 2 -2"]);
  });

  it("does not wait again, after a restart, for an upstream task that said once that it is idle", () => {
    const closing = job("closing", (flow) => {
      flow
        .from(topic("words", Word))
        .watermark(boundedDisorder({ timeOf: (word) => word.atMs, disorderMax: 1_000, idleAfter: 5_000 }))
        .keyBy((word) => word.text)
        .process("pass", { emits: Word, process: (word, { emit }) => emit(word) })
        .keyBy(() => "all", { exchange: { name: "by-all", codec: Word } })
        .process("close", {
          emits: Tally,
          timers: ["event"],
          process: (word, { timers }) => timers.onEventTime(word.atMs + 10_000),
          onTimer: ({ timeMs }, { emit }) => emit({ text: "closed", count: timeMs }),
        })
        .to(topic("tallies", Tally));
    });
    // One partition of two has words: the other's task has nothing to do.
    const harness = new JobHarness(closing, { partitions: 2 });
    say(harness, "a", 0);
    harness.run();
    harness.advance(5_000);
    harness.restart();
    say(harness, "a", 20_000);
    harness.run();
    expect(tallies(harness)).toEqual(["closed 10000"]);
  });

  it("has the watermark after a restart that it had before, though a silent partition was left out of it", () => {
    const seen: number[] = [];
    const watching = job("watching", (flow) => {
      flow
        .from(topic("words", Word))
        .watermark(boundedDisorder({ timeOf: (word) => word.atMs, disorderMax: 1_000, idleAfter: 5_000 }))
        .keyBy((word) => word.text)
        .process("watch", { emits: Tally, process: (_word, { watermark }) => void seen.push(watermark) })
        .to(topic("tallies", Tally));
    });
    const harness = new JobHarness(watching, { partitions: 2, parallelism: 1 });
    say(harness, "a", 20_000);
    harness.run();
    harness.advance(5_000);
    harness.restart();
    say(harness, "a", 20_001);
    harness.run();
    expect(seen).toEqual([Number.NEGATIVE_INFINITY, 18_999]);
  });

  it("sets every record apart that a producer put where its own rule says, late in the stream and be it most of them", () => {
    const harness = new JobHarness(words, { partitions: 4 });
    for (let i = 0; i < 2_000; i++) say(harness, `w${i}`, 0);
    // As by librdkafka's default, which is a CRC of the key.
    const keys = Array.from({ length: 3_000 }, (_, i) => `r${i}`);
    for (const key of keys) harness.sendBytes("words", elsewhereOf(key), Word.encode({ text: key, atMs: 0 }));
    say(harness, "right", 0);
    harness.run();
    expect(tallies(harness)).toHaveLength(2_001);
    expect(harness.deadLetters()).toHaveLength(keys.length);
    const { step, partition, reason } = harness.deadLetters()[0]!;
    const [, key, own] = /key "(r\d+)", which belongs to partition (\d)/.exec(reason)!;
    expect([step, Number(own)]).toEqual(["key-by", partitionOf(key!, 4)]);
    expect(partition).not.toBe(Number(own));
    expect(reason).toMatch(/partitioner=murmur2_random.*exchange/);
  });

  it("takes them where the job says that another rule holds", () => {
    const harness = new JobHarness(
      job("reinterpret", (flow) =>
        flow
          .from(topic("words", Word))
          .keyBy(({ text }) => text, { reinterpret: true })
          .map("text", ({ text }) => text)
          .to(topic("out", Text)),
      ),
      { partitions: 4 },
    );
    harness.sendBytes("words", elsewhereOf("r1"), Word.encode({ text: "r1", atMs: 0 }));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["r1"]);
  });

  it("sets a record apart that stands in another partition than its key's, and goes on", () => {
    const harness = new JobHarness(words, { partitions: 4 });
    for (let i = 0; i < 20; i++) say(harness, `w${i}`, 0);
    const elsewhere = elsewhereOf("same");
    harness.send("words", Word, elsewhere, { text: "same", atMs: 0 });
    for (let i = 0; i < 20; i++) say(harness, `w${i}`, 0);
    harness.run();
    expect(tallies(harness)).toHaveLength(40);
    expect(harness.deadLetters().map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/key "same", which belongs to partition/),
    ]);
  });

  it("sets a record apart whose key is without end, and keeps the beginning of it", () => {
    const harness = new JobHarness(words, { partitions: 1 });
    const long = "x".repeat(999_500);
    say(harness, "a", 0);
    say(harness, long, 0);
    say(harness, "a", 1);
    harness.run();
    expect(tallies(harness)).toEqual(["a 1", "a 2"]);
    const [letter] = harness.deadLetters();
    expect(letter?.reason).toMatch(/999500 characters.*cut short/);
    expect(letter?.value?.length).toBe(800_000);
  });
});
