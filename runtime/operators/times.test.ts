import { describe, expect, it } from "vitest";
import {
  boundedDisorder,
  codecOf,
  collect,
  everyEventTime,
  job,
  type KeyedStream,
  seconds,
  session,
  sliding,
  topic,
  tumbling,
  type WatermarkStrategy,
  type WindowAssigner,
  watermarkBy,
} from "../index.ts";
import { type HarnessOptions, JobHarness } from "../testing/index.ts";

interface Reading {
  key: string;
  atMs: number;
  /** What a generator says at it. */
  says: number;
}
const Reading = codecOf<Reading>("reading", {
  type: "record",
  name: "Reading",
  fields: [
    { name: "key", type: "string" },
    { name: "atMs", type: "double" },
    { name: "says", type: "double" },
  ],
});
const Text = codecOf<string>("text", "string");
const readings = topic("readings", Reading);
const input = topic("in", Text);
const out = topic("out", Text);
const told = watermarkBy<Reading>({
  timeOf: ({ atMs }) => atMs,
  generator: () => ({ onRecord: ({ says }) => says }),
});

const all = collect({
  codec: Reading,
  result: (readings: readonly Reading[], { key, start, pane }) =>
    `${key} ${start} ${pane}: ${readings.length}`,
});
const send = (harness: JobHarness, ...all: [key: string, atMs: number, says?: number][]) => {
  for (const [key, atMs, says = Number.NEGATIVE_INFINITY] of all)
    harness.send("readings", Reading, key, { key, atMs, says });
  harness.run();
};
const harnessOf = (
  describe: (stream: KeyedStream<Reading>) => KeyedStream<string>,
  options: HarnessOptions = { partitions: 1 },
  strategy: WatermarkStrategy<Reading> = told,
) =>
  new JobHarness(
    job("times", (flow) => {
      describe(
        flow
          .from(readings)
          .watermark(strategy)
          .keyBy(({ key }) => key),
      ).to(out);
    }),
    options,
  );
const reasons = (harness: JobHarness) =>
  harness.deadLetters().map(({ step, reason }) => `${step}: ${reason}`);

describe("Infinity as a watermark is the end of time:", () => {
  const assigners: [string, WindowAssigner, string[]][] = [
    ["tumbling", tumbling(10), ["k 0 on-time: 1", "k 10 on-time: 1"]],
    ["sliding", sliding(20, 10), ["k -10 on-time: 1", "k 0 on-time: 2", "k 10 on-time: 1"]],
    ["session", session(5), ["k 1 on-time: 1", "k 11 on-time: 1"]],
  ];
  it.each(assigners)("all %s windows close", (_kind, assigner, expected) => {
    for (const options of [{}, { allowedLateness: 100 }, { finalOnly: true, allowedLateness: 100 }]) {
      const harness = harnessOf((stream) => stream.window("w", assigner, all, options));
      send(harness, ["k", 1], ["k", 11, Number.POSITIVE_INFINITY]);
      expect(harness.output("out", Text)).toEqual(expected);
      // And stay closed, over a restart, too.
      harness.restart();
      send(harness, ["k", 1], ["k", 50]);
      harness.advance(seconds(60));
      expect(harness.output("out", Text)).toEqual(expected);
    }
  });

  it("also where they say early what they have, and behind an exchange", () => {
    const harness = harnessOf(
      (stream) =>
        stream
          .keyBy(() => "all", { exchange: { name: "again", codec: Reading } })
          .window("w", tumbling(10), all, { early: everyEventTime(5) }),
      { partitions: 2 },
    );
    // A key for each partition: time ends where all of them are complete.
    const [a, b] = [0, 1].map((partition) =>
      ["a", "b", "c", "d"].find((key) => harness.partitionOf(key) === partition),
    ) as [string, string];
    send(harness, [a, 1, 6], [b, 2, 6]);
    expect(harness.output("out", Text)).toEqual(["all 0 early: 2"]);
    send(harness, [a, 3, Number.POSITIVE_INFINITY]);
    harness.restart();
    send(harness, [b, 4, 7]);
    expect(harness.output("out", Text)).toEqual(["all 0 early: 2"]);
    send(harness, [b, 5, Number.POSITIVE_INFINITY]);
    expect(harness.output("out", Text)).toEqual(["all 0 early: 2", "all 0 on-time: 5"]);
  });

  it("a partition that is complete holds nobody back, and ends nothing while another may still speak", () => {
    const harness = harnessOf((stream) => stream.window("w", tumbling(10), all), {
      partitions: 2,
      parallelism: 1,
    });
    const [a, b] = [0, 1].map((partition) =>
      ["a", "b", "c", "d"].find((key) => harness.partitionOf(key) === partition),
    ) as [string, string];
    send(harness, [a, 1, Number.POSITIVE_INFINITY], [b, 2, 2]);
    // The other becomes idle: not the end.
    harness.advance(seconds(60));
    send(harness, [b, 12, 12]);
    expect(harness.output("out", Text).sort()).toEqual([`${a} 0 on-time: 1`, `${b} 0 on-time: 1`].sort());
    send(harness, [b, 21, Number.POSITIVE_INFINITY]);
    expect(harness.output("out", Text)).toHaveLength(4);
  });

  it("all event timers fire, those that timers or later records set, too; and the program ends", () => {
    const harness = harnessOf((stream) =>
      stream.process("step", {
        emits: Text,
        timers: ["event"],
        process({ key, atMs }, { timers }) {
          timers.onEventTime(atMs + (key === "endless" ? 1 : 100));
        },
        onTimer({ timeMs }, { key, timers, emit }) {
          if (key === "endless") timers.onEventTime(timeMs + 1);
          else if (timeMs < 200) timers.onEventTime(timeMs + 100);
          emit(`${key} ${timeMs}`);
        },
      }),
    );
    send(harness, ["k", 1], ["k", 50, Number.POSITIVE_INFINITY]);
    expect(harness.output("out", Text)).toEqual(["k 101", "k 150", "k 201", "k 250"]);
    send(harness, ["k", 70]);
    expect(harness.output("out", Text).slice(4)).toEqual(["k 170", "k 270"]);
    send(harness, ["endless", 1]);
    expect(reasons(harness)).toEqual([expect.stringMatching(/^step: at the end of time.*never end$/)]);
  });
});

describe("what is no time is refused at the record, by name:", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1_700_000_000_000_000])(
    "%d from timeOf",
    (atMs) => {
      const harness = harnessOf((stream) => stream.map("text", ({ key }) => key));
      send(harness, ["k", atMs], ["right", 1]);
      expect(harness.output("out", Text)).toEqual(["right"]);
      expect(reasons(harness)).toEqual([
        expect.stringContaining(`watermark: timeOf gave ${atMs}, which is not a time`),
      ]);
    },
  );

  it("from .timestamps, receivedOf, and a watermark's generator", () => {
    const strategy = watermarkBy<Reading>({
      timeOf: ({ atMs }) => atMs,
      future: { ahead: 10, receivedOf: ({ key, atMs }) => (key === "received" ? Number.NaN : atMs) },
      generator: () => ({ onRecord: ({ says }) => says }),
    });
    const harness = harnessOf(
      (stream) =>
        stream
          .timestamps(({ key, atMs }) => (key === "own" ? Number.NaN : atMs))
          .map("text", ({ key }) => key),
      { partitions: 1 },
      strategy,
    );
    send(harness, ["own", 1], ["received", 1], ["generator", 1, Number.NaN], ["right", 1]);
    expect(harness.output("out", Text)).toEqual(["right"]);
    expect(reasons(harness)).toEqual([
      "timestamps: timeOf gave NaN, which is not a time",
      "watermark: receivedOf gave NaN, which is not a time",
      "watermark: the watermark's generator gave NaN, which is not a time",
    ]);
  });

  it.each(["onEventTime", "onProcessingTime"] as const)("a timer that %s is asked for", (on) => {
    const wrong = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, Number.MAX_VALUE];
    const harness = new JobHarness(
      job("timers", (flow) => {
        flow
          .from(input)
          .watermark(boundedDisorder({ timeOf: () => 1_000, disorderMax: 0 }))
          .keyBy((text) => text)
          .process("step", {
            emits: Text,
            timers: ["event", "processing"],
            process(text, { timers, emit }) {
              emit("left behind");
              timers[on](5_000);
              timers[on](text === "undefined" ? (undefined as unknown as number) : Number(text));
            },
            onTimer: ({ timeMs }, { emit }) => emit(String(timeMs)),
          })
          .to(out);
      }),
      { partitions: 1 },
    );
    if (on === "onProcessingTime") wrong.push(-1);
    const texts = [...wrong.map(String), "undefined"];
    for (const text of texts) harness.send("in", Text, text, text);
    harness.run();
    harness.restart();
    harness.advance(seconds(10));
    expect(harness.output("out", Text)).toEqual([]);
    expect(reasons(harness)).toEqual(
      texts.map((text) => expect.stringContaining(`step: timers.${on}(${text}): a timer's time is whole`)),
    );
  });
});

it("event time is whole milliseconds: what timeOf gives is rounded down, so that nothing within the disorder is late", () => {
  const harness = harnessOf(
    (stream) => stream.window("w", tumbling(10), all),
    { partitions: 1 },
    boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }),
  );
  send(harness, ["k", 10.2]);
  send(harness, ["k", 10.1]);
  send(harness, ["k", 9.9], ["k", 20]);
  expect(harness.output("out", Text)).toEqual(["k 10 on-time: 2"]);
});

it("a timer at -0 is one at 0, before a restart as after it", () => {
  const times: number[] = [];
  const zero = job("zero", (flow) => {
    flow
      .from(topic("in", Text))
      .watermark(boundedDisorder<string>({ timeOf: Number, disorderMax: 0 }))
      .keyBy(() => "k")
      .process("p", {
        emits: Text,
        timers: ["event"],
        process: (_text, { timers }) => timers.onEventTime(-0),
        onTimer: ({ timeMs }) => void times.push(timeMs),
      })
      .to(topic("out", Text));
  });
  const harness = new JobHarness(zero, { partitions: 1 });
  for (const text of ["-5", "5"]) harness.send("in", Text, "k", text);
  harness.run();
  expect(times).toEqual([0]);
});
