import { describe, expect, it } from "vitest";
import {
  aggregate,
  boundedDisorder,
  codecOf,
  hours,
  job,
  seconds,
  sideOutput,
  topic,
  tumbling,
  type WatermarkOptions,
  type WatermarkStrategy,
  type Window,
  watermarkBy,
} from "../index.ts";
import { partitionOf } from "../kafka/partitioner.ts";
import { type HarnessOptions, JobHarness } from "../testing/index.ts";
import { EventTime } from "./event-time.ts";
import type { InputPartition } from "./input-partition.ts";

interface Reading {
  key: string;
  atMs: number;
}
const Reading = codecOf<Reading>("reading", {
  type: "record",
  name: "Reading",
  fields: [
    { name: "key", type: "string" },
    { name: "atMs", type: "long" },
  ],
});
const Text = codecOf<string>("text", "string");
const fromTheFuture = sideOutput<Reading>("from-the-future");
const T0 = 1_700_000_000_000;

const countOf = aggregate({
  codec: codecOf<number>("count", "int"),
  create: () => 0,
  add: (count: number, _reading: Reading) => count + 1,
  merge: (a: number, b: number) => a + b,
  result: (count: number, { key, start }: Window) => `${key} ${(start - T0) / 1000} ${count}`,
});

/** Counts the readings of each key in windows of ten seconds, as "key start count" with the start in seconds since T0. */
const counting = (strategy: WatermarkStrategy<Reading>) =>
  job("counting", (flow) => {
    const timed = flow.from(topic("readings", Reading)).watermark(strategy);
    if (strategy.future?.to) timed.side(strategy.future.to).to(topic("future", Reading));
    timed
      .map("seen", ({ key, atMs }) => `${key} ${(atMs - T0) / 1000}`)
      .to(topic("seen", Text, { partitionBy: () => "one partition, so that their order can be seen" }));
    timed
      .keyBy(({ key }) => key)
      .window("tens", tumbling(seconds(10)), countOf)
      .to(topic("counts", Text));
  });

const disorder = (options: Partial<WatermarkOptions<Reading>> = {}) =>
  boundedDisorder<Reading>({ timeOf: ({ atMs }) => atMs, disorderMax: seconds(1), ...options });

function harnessOf(strategy: WatermarkStrategy<Reading>, options: HarnessOptions = {}) {
  const harness = new JobHarness(counting(strategy), { partitions: 1, nowMs: T0, ...options });
  const send = (key: string, ...seconds: number[]) => {
    for (const second of seconds) harness.send("readings", Reading, key, { key, atMs: T0 + second * 1000 });
    harness.run();
  };
  return { harness, send, counts: () => harness.output("counts", Text) };
}

describe("a record that is set apart", () => {
  it("moves no time, though a branch had found its time before another one threw", () => {
    const branching = job("branching", (flow) => {
      const readings = flow.from(topic("readings", Reading));
      readings
        .watermark(disorder())
        .keyBy(({ key }) => key)
        .window("tens", tumbling(seconds(10)), countOf)
        .to(topic("counts", Text));
      readings
        .map("refused", ({ key }) => {
          if (key === "bad") throw new Error("no such key");
          return key;
        })
        .to(topic("keys", Text));
    });
    const harness = new JobHarness(branching, { partitions: 1, nowMs: T0 });
    const send = (key: string, second: number) => {
      harness.send("readings", Reading, key, { key, atMs: T0 + second * 1000 });
      harness.run();
    };
    send("a", 1);
    send("bad", 100);
    send("a", 2);
    send("a", 20);
    expect(harness.deadLetters()).toHaveLength(1);
    expect(harness.output("counts", Text)).toEqual(["a 0 2"]);
  });
});

describe("a stream on which all has gone quiet", () => {
  it("keeps its windows open for ever by default", () => {
    const { harness, send, counts } = harnessOf(disorder());
    send("a", 1, 2);
    harness.advance(seconds(1_000_000));
    expect(counts()).toEqual([]);
  });

  it("goes on with the clock after `quietAfter`, and closes windows as it passes their ends", () => {
    const { harness, send, counts } = harnessOf(disorder({ quietAfter: seconds(30) }));
    send("a", 1, 2);
    harness.advance(seconds(30));
    harness.advance(seconds(7));
    expect(counts()).toEqual([]);
    harness.advance(seconds(1));
    expect(counts()).toEqual(["a 0 2"]);
  });

  it("does not go back in time when it is restored: what came too late for that advance is late for good", () => {
    const { harness, send, counts } = harnessOf(disorder({ quietAfter: seconds(30) }));
    send("a", 1, 2);
    harness.advance(seconds(40));
    expect(counts()).toEqual(["a 0 2"]);
    harness.restart();
    send("a", 3, 4);
    harness.restart();
    send("a", 12, 100);
    expect(counts()).toEqual(["a 0 2", "a 10 1"]);
  });

  it("closes windows behind an exchange, too", () => {
    const exchanged = job("exchanged", (flow) => {
      flow
        .from(topic("readings", Reading))
        .watermark(disorder({ quietAfter: seconds(30) }))
        .keyBy(({ key }) => key, { exchange: { name: "by-key", codec: Reading } })
        .window("tens", tumbling(seconds(10)), countOf)
        .to(topic("counts", Text));
    });
    const harness = new JobHarness(exchanged, { partitions: 3, parallelism: 2, nowMs: T0 });
    for (const key of ["a", "b"]) harness.send("readings", Reading, key, { key, atMs: T0 + 1_000 });
    harness.run();
    harness.advance(seconds(39));
    expect(harness.output("counts", Text).sort()).toEqual(["a 0 1", "b 0 1"]);
    harness.restart();
    harness.advance(seconds(100));
    expect(harness.output("counts", Text)).toHaveLength(2);
  });

  it("starts to be quiet anew with each record", () => {
    const { harness, send, counts } = harnessOf(disorder({ quietAfter: seconds(30) }));
    send("a", 1);
    for (let i = 0; i < 10; i++) {
      harness.advance(seconds(29));
      send("a", 2);
    }
    expect(counts()).toEqual([]);
  });

  it("is not quiet while one of the task's partitions still speaks", () => {
    const { harness, send, counts } = harnessOf(disorder({ quietAfter: seconds(30) }), {
      partitions: 2,
      parallelism: 1,
    });
    send("a", 1);
    for (let i = 0; i < 10; i++) {
      harness.advance(seconds(20));
      send("b", 1);
      send("c", 1);
      send("d", 1);
    }
    expect(counts()).toEqual([]);
  });
});

describe("the delay of a watermark", () => {
  it("is how far it is behind the highest time seen, and nothing where it is ahead of that", () => {
    const { harness, send } = harnessOf(disorder({ quietAfter: seconds(20) }));
    send("a", 5);
    expect(harness.watermarkDelaysMs).toEqual([1_001]);
    harness.advance(seconds(30));
    harness.advance(hours(3));
    expect(harness.watermarkDelaysMs).toEqual([0]);
    harness.restart();
    send("a", 6);
    expect(harness.watermarkDelaysMs).toEqual([0]);
  });
});

describe("a record from the future", () => {
  const ahead = seconds(60);
  it("does not move the watermark, so that it makes nobody else late", () => {
    const { harness, send, counts } = harnessOf(disorder({ future: { ahead } }));
    send("a", 1, 10_000, 2);
    harness.nowMs = T0 + seconds(12);
    send("a", 12);
    expect(counts()).toEqual(["a 0 2"]);
  });

  it("moves the watermark to when it was received at most, if it is one that a clock a little fast may give", () => {
    const { harness, send, counts } = harnessOf(disorder({ future: { ahead } }));
    harness.nowMs = T0 + seconds(5);
    send("a", 1, 50, 2);
    expect(counts()).toEqual([]);
    harness.nowMs = T0 + seconds(12);
    send("a", 3, 11);
    expect(counts()).toEqual(["a 0 3"]);
  });

  it("goes to the side output that is named for it, and into no window", () => {
    const { harness, send } = harnessOf(disorder({ future: { ahead, to: fromTheFuture } }));
    send("a", 1, 61, 60);
    expect(harness.output("future", Reading)).toEqual([{ key: "a", atMs: T0 + 61_000 }]);
  });

  it("is judged by when Kafka got it, not by when it is read", () => {
    const { harness, send } = harnessOf(disorder({ future: { ahead, to: fromTheFuture } }));
    harness.send("readings", Reading, "a", { key: "a", atMs: T0 + 100_000 });
    harness.advance(seconds(1_000));
    expect(harness.output("future", Reading)).toHaveLength(1);
    send("a", 100);
    expect(harness.output("future", Reading)).toHaveLength(1);
  });
});

describe("partitions that are read at different speeds", () => {
  /** Two partitions: "a" lies in the one, "b" in the other. */
  const [a, b] = (() => {
    const harness = new JobHarness(counting(disorder()), { partitions: 2 });
    const keys = ["k0", "k1", "k2", "k3", "k4", "k5"];
    return [
      keys.find((key) => harness.partitionOf(key) === 0)!,
      keys.find((key) => harness.partitionOf(key) === 1)!,
    ];
  })();

  it("are aligned: the one that is ahead waits until the other has followed", () => {
    const { harness, counts } = harnessOf(disorder({ driftMax: seconds(20) }), {
      partitions: 2,
      parallelism: 1,
      batchMax: 1,
      turnsAnEpoch: 3,
    });
    // A second in each record of the slow one, a minute in each of the fast one.
    for (let i = 1; i <= 100; i++) harness.send("readings", Reading, a, { key: a, atMs: T0 + i * 1000 });
    for (let i = 1; i <= 3; i++) harness.send("readings", Reading, b, { key: b, atMs: T0 + i * 60_000 });
    harness.run();
    const seen = harness.output("seen", Text);
    for (const second of [120, 180]) {
      const slow = seen.slice(0, seen.indexOf(`${b} ${second}`)).filter((line) => line.startsWith(a));
      // Not before the fast one's last record is within 20 s of the slow one's.
      expect(slow.length).toBeGreaterThanOrEqual(Math.min(second - 60 - 20, 100));
    }
    // With the slow one read to its end, the fast one is only waited for as long as it is not idle.
    harness.advance(seconds(5));
    harness.run();
    expect(counts().filter((line) => line.startsWith(b))).toEqual([`${b} 60 1`, `${b} 120 1`]);
    expect(counts().filter((line) => line.startsWith(a))).toHaveLength(11);
  });

  it("that never had a record does not hold the others up", () => {
    const { harness, counts } = harnessOf(disorder({ driftMax: seconds(20) }), {
      partitions: 2,
      parallelism: 1,
      batchMax: 1,
    });
    for (const second of [1, 100, 200])
      harness.send("readings", Reading, a, { key: a, atMs: T0 + second * 1000 });
    harness.run();
    harness.advance(seconds(5));
    expect(counts()).toEqual([`${a} 0 1`, `${a} 100 1`]);
  });
});

describe("a watermark of the job's own", () => {
  it("is what its generator says, for each partition by itself", () => {
    // A reading of second n says that everything before n - 20 is there; an odd one says nothing.
    const strategy = watermarkBy<Reading>({
      timeOf: ({ atMs }) => atMs,
      generator: () => {
        let complete = Number.NEGATIVE_INFINITY;
        return {
          onRecord: ({ atMs }) => {
            if (atMs % 2000 === 0) complete = Math.max(complete, atMs - 20_001);
            return complete;
          },
        };
      },
    });
    const { send, counts } = harnessOf(strategy);
    send("a", 1, 29, 31);
    expect(counts()).toEqual([]);
    send("a", 30);
    expect(counts()).toEqual(["a 0 1"]);
  });
});

describe("options of a watermark", () => {
  it("that cannot be are refused where they are written", () => {
    expect(() => disorder({ idleAfter: -1 })).toThrow(/idleAfter is -1/);
    expect(() => disorder({ idleAfter: seconds(10), quietAfter: seconds(1) })).toThrow(/quietAfter.*shorter/);
    expect(() => disorder({ future: { ahead: Number.NaN } })).toThrow(/future.ahead is NaN/);
  });
});

describe("an input of an exchange, restored", () => {
  it("is as idle as its last progress record says, not as an earlier one did", () => {
    const time = new EventTime();
    const channels = ["x/0/0", "x/0/1"];
    const input = {
      input: { topic: "x", nodes: [], upstream: "up" },
      partition: 0,
      channels,
      sources: [],
    } as unknown as InputPartition;
    time.add(input);
    const saved = { topic: "x", next: 0, watermarks: { "x/0/0": 100, "x/0/1": null } };
    time.restoreInput(input, { ...saved, idle: ["x/0/1"] });
    time.restoreInput(input, { ...saved, idle: [] });
    expect(time.watermark()).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("a partition that goes on after a pause", () => {
  const [first, second] = [0, 1].map(
    (partition) => ["a", "b", "c", "d"].find((key) => partitionOf(key, 2) === partition)!,
  ) as [string, string];

  it("is waited for by those that are read before it", () => {
    const { harness, send, counts } = harnessOf(disorder(), { partitions: 2, parallelism: 1 });
    for (const key of [first, second]) send(key, 1);
    harness.advance(seconds(60));
    for (const second of [21, 300])
      harness.send("readings", Reading, first, { key: first, atMs: T0 + second * 1000 });
    send(second, 22, 290, 300);
    expect(counts().sort()).toEqual(
      [`${first} 0 1`, `${first} 20 1`, `${second} 0 1`, `${second} 20 1`].sort(),
    );
  });

  it("is not idle while a transaction is open in it", () => {
    const time = new EventTime();
    const partition = (name: string): InputPartition =>
      ({
        input: { topic: "readings", nodes: [], upstream: undefined },
        channels: [name],
        sources: [{ node: undefined, name, idleAfterMs: seconds(5), lastTimeMs: 0 }],
        quietAfterMs: Number.POSITIVE_INFINITY,
        next: 10,
        end: 10,
        writtenTo: 10,
        lastRecordMs: 0,
      }) as unknown as InputPartition;
    const [ahead, open] = [partition("ahead"), partition("open")];
    for (const input of [ahead, open]) {
      time.add(input);
      time.advance(input.channels[0]!, 100);
    }
    time.tick(seconds(60), 100);
    expect(time.isIdle).toBe(true);
    open.writtenTo = 12;
    time.announced(open);
    time.advance("ahead", 5_000);
    expect(time.watermark()).toBe(100);
    time.tick(seconds(120), 100);
    expect(time.watermark()).toBe(100);
    open.next = 12;
    time.tick(seconds(121), 100);
    expect(time.watermark()).toBe(5_000);
  });
});
