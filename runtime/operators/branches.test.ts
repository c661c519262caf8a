import { describe, expect, it } from "vitest";
import {
  aggregate,
  boundedDisorder,
  codecOf,
  type Flow,
  type JobDefinition,
  job,
  type KeyedStream,
  seconds,
  sideOutput,
  topic,
  tumbling,
  valueState,
  watermarkBy,
} from "../index.ts";
import { type HarnessOptions, JobHarness } from "../testing/index.ts";

/** What one branch of a stream does must not be seen by the branch beside it, nor by the code above that emitted. */

interface Upload {
  device: string;
  atMs: number;
  readings: number[];
}
const Upload = codecOf<Upload>("upload", {
  type: "record",
  name: "Upload",
  fields: [
    { name: "device", type: "string" },
    { name: "atMs", type: "long" },
    { name: "readings", type: { type: "array", items: "long" } },
  ],
});
const Text = codecOf<string>("text", "string");
const Count = codecOf<number>("count", "int");
const uploads = topic("uploads", Upload);
const byTime = boundedDisorder<Upload>({ timeOf: ({ atMs }) => atMs, disorderMax: seconds(20) });

const counts = <T>() =>
  aggregate({
    codec: Count,
    create: () => 0,
    add: (count: number, _value: T) => count + 1,
    merge: (a, b) => a + b,
    result: (count, { key, start }) => `${key} ${start}: ${count}`,
  });

/** Both orders of description have to say the same. */
function inBothOrders(
  branches: (flow: Flow) => readonly (() => void)[],
  play: (harness: JobHarness) => void,
  output: string,
  options: HarnessOptions = { partitions: 1 },
): string[][] {
  return [false, true].map((reversed) => {
    const definition = job("branches", (flow) => {
      const described = [...branches(flow)];
      if (reversed) described.reverse();
      for (const describe of described) describe();
    });
    const harness = new JobHarness(definition, options);
    play(harness);
    return harness.output(output, Text);
  });
}

const send = (harness: JobHarness, ...all: [atMs: number, ...readings: number[]][]) => {
  for (const [atMs, ...readings] of all)
    harness.send("uploads", Upload, "d", { device: "d", atMs, readings });
  harness.run();
};

describe("a branch has the event time of its own records", () => {
  const readings = (stream: KeyedStream<Upload>) =>
    stream.flatMap("readings", (upload) => upload.readings).timestamps((atMs) => atMs);

  it("whatever .timestamps of another says", () => {
    const outputs = inBothOrders(
      (flow) => {
        const keyed = flow
          .from(uploads)
          .watermark(byTime)
          .keyBy(({ device }) => device);
        return [
          () =>
            readings(keyed).window("by-reading", tumbling(1_000), counts()).to(topic("readings-out", Text)),
          () => keyed.window("by-upload", tumbling(1_000), counts()).to(topic("uploads-out", Text)),
        ];
      },
      (harness) => send(harness, [10_000, 1_000, 2_000], [100_000]),
      "uploads-out",
    );
    expect(outputs).toEqual([["d 10000: 1"], ["d 10000: 1"]]);
  });

  it("and has none, whatever .watermark of another says", () => {
    const outputs = inBothOrders(
      (flow) => {
        const source = flow.from(uploads);
        return [
          () =>
            source
              .watermark(byTime)
              .map("timed", ({ device }) => device)
              .to(topic("others", Text)),
          () =>
            source
              .keyBy(({ device }) => device)
              .process("untimed", {
                emits: Text,
                process: (_upload, { timestamp, emit }) => emit(String(timestamp)),
              })
              .to(topic("untimed-out", Text)),
        ];
      },
      (harness) => send(harness, [10_000]),
      "untimed-out",
    );
    expect(outputs).toEqual([["undefined"], ["undefined"]]);
  });

  it("and so has a step after emit and after a side output", () => {
    const side = sideOutput<Upload>("side");
    const seen: (number | undefined)[] = [];
    const definition = job("step", (flow) => {
      const step = flow
        .from(uploads)
        .watermark(byTime)
        .keyBy(({ device }) => device)
        .process("step", {
          emits: Upload,
          sides: [side],
          process(upload, context) {
            context.emit(upload);
            seen.push(context.timestamp);
            context.side(side, upload);
            seen.push(context.timestamp);
          },
        });
      readings(step.union(step.side(side)))
        .map("text", String)
        .to(topic("out", Text));
    });
    const harness = new JobHarness(definition, { partitions: 1 });
    send(harness, [10_000, 1_000]);
    expect(seen).toEqual([10_000, 10_000]);
    expect(harness.output("out", Text)).toEqual(["1000", "1000"]);
  });
});

describe("a branch has its own key", () => {
  const counting = (name: string, stream: KeyedStream<Upload>) =>
    stream
      .process(name, {
        emits: Text,
        state: { count: valueState(Count) },
        process(_upload, { key, state, emit }) {
          const count = (state.count.get() ?? 0) + 1;
          state.count.put(count);
          emit(`${key}: ${count}`);
        },
      })
      .to(topic(`out-${name}`, Text));

  it("whatever .keyBy of another says", () => {
    const outputs = inBothOrders(
      (flow) => {
        const byDevice = flow.from(uploads).keyBy(({ device }) => device);
        return [
          () =>
            counting(
              "by-time",
              byDevice.keyBy(({ atMs }) => String(atMs), { reinterpret: true }),
            ),
          () => counting("by-device", byDevice),
        ];
      },
      (harness) => send(harness, [1], [2]),
      "out-by-device",
    );
    expect(outputs).toEqual([
      ["d: 1", "d: 2"],
      ["d: 1", "d: 2"],
    ]);
  });

  it("also when it is taken back: an index that a record changed before another branch threw is made anew", () => {
    const outputs = inBothOrders(
      (flow) => {
        const byDevice = flow.from(uploads).keyBy(({ device }) => device);
        return [
          () =>
            byDevice
              .process("step", {
                emits: Text,
                index: () => ({ count: 0 }),
                process({ atMs }, { emit, index }) {
                  index.count++;
                  emit(`${index.count} ${atMs}`);
                },
              })
              .to(topic("out", Text)),
          () =>
            byDevice
              .keyBy(({ atMs }) => String(atMs), { reinterpret: true })
              .filter("not-two", ({ atMs }) => {
                if (atMs === 2) throw new Error("no twos");
                return true;
              })
              .to(topic("others", Upload)),
        ];
      },
      (harness) => send(harness, [1], [2], [3]),
      "out",
    );
    // Made anew where the step had come to use it; else as it was.
    expect(outputs).toEqual([
      ["1 1", "1 3"],
      ["1 1", "2 3"],
    ]);
  });
});

it("a side output goes to every stream that is made of it", () => {
  const odd = sideOutput<string>("odd");
  const twice = job("twice", (flow) => {
    const step = flow
      .from(topic("in", Text))
      .keyBy((text) => text)
      .process("p", { emits: Text, sides: [odd], process: (text, { side }) => side(odd, text) });
    step.side(odd).to(topic("first", Text));
    step.side(odd).to(topic("second", Text));
  });
  const harness = new JobHarness(twice, { partitions: 1 });
  harness.send("in", Text, "a", "a");
  harness.run();
  expect([harness.output("first", Text), harness.output("second", Text)]).toEqual([["a"], ["a"]]);
});

describe("what throws below a step", () => {
  it.each(["process", "flatMap"] as const)("ends the record, though %s catches it", (kind) => {
    const calm = (emit: () => void) => {
      try {
        emit();
      } catch {}
    };
    const definition = job("caught", (flow) => {
      const keyed = flow.from(uploads).keyBy(({ device }) => device);
      const emitted: KeyedStream<Upload> =
        kind === "process"
          ? keyed.process("step", {
              emits: Upload,
              state: { last: valueState(Count) },
              process(upload, { emit, state }) {
                calm(() => emit(upload));
                state.last.put(upload.atMs);
              },
            })
          : keyed.flatMap("step", (upload, emit: (each: Upload) => void) => calm(() => emit(upload)));
      emitted.map("first", ({ atMs }) => String(atMs)).to(topic("out", Text));
      emitted
        .map("second", ({ atMs }) => {
          if (atMs === 2) throw new Error("no twos");
          return String(atMs);
        })
        .to(topic("out-too", Text));
    });
    const harness = new JobHarness(definition, { partitions: 1 });
    send(harness, [1], [2], [3]);
    expect(harness.output("out", Text)).toEqual(["1", "3"]);
    expect(harness.deadLetters().map(({ step, reason }) => `${step}: ${reason}`)).toEqual([
      "second: no twos",
    ]);
  });
});

describe("each .watermark says by itself how far its branch has come:", () => {
  /** Two branches of one source: one takes the uploads' time, the other lags far behind it. */
  const branches = (name: string, lag: number, more: (flow: Flow) => void = () => {}): JobDefinition =>
    job(name, (flow) => {
      const source = flow.from(uploads);
      const fast = source
        .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }))
        .keyBy(({ device }) => device);
      const slow = source
        .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs - lag, disorderMax: 0 }))
        .keyBy(({ device }) => device);
      fast.window("fast", tumbling(10), counts()).to(topic("fast-out", Text));
      slow.window("slow", tumbling(10), counts()).to(topic("slow-out", Text));
      more(flow);
    });

  it("the slower holds the task's, so that nothing of it is late", () => {
    const harness = new JobHarness(branches("two", 1_000), { partitions: 1 });
    for (const atMs of [1_005, 2_000, 2_011]) send(harness, [atMs]);
    expect(harness.output("slow-out", Text)).toEqual(["d 0: 1", "d 1000: 1"]);
    expect(harness.output("fast-out", Text)).toEqual(["d 1000: 1"]);
  });

  it("also when the flows read the topic each for itself, and over a restart", () => {
    const definition = (reversed: boolean) =>
      job("twice", (flow) => {
        const windows = [
          () =>
            flow
              .from(uploads)
              .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }))
              .keyBy(({ device }) => device)
              .window("fast", tumbling(10), counts()),
          () =>
            flow
              .from(uploads)
              .watermark(
                watermarkBy({ timeOf: ({ atMs }) => atMs, generator: () => ({ onRecord: () => 5 }) }),
              )
              .keyBy(({ device }) => device)
              .window("slow", tumbling(10), counts()),
        ];
        if (reversed) windows.reverse();
        const [one, other] = windows.map((describe) => describe());
        one!.union(other!).to(topic("out", Text));
      });
    const harness = new JobHarness(definition(false), { partitions: 1 });
    send(harness, [1_005], [2_000]);
    harness.restart(definition(true));
    send(harness, [2_001]);
    expect(harness.output("out", Text)).toEqual([]);
    expect(harness.deadLetters()).toEqual([]);
  });

  it("a branch whose filter lets nothing of a partition pass becomes idle there, and holds nobody back", () => {
    const definition = job("filtered", (flow) => {
      const source = flow.from(uploads);
      for (const device of ["a", "d"])
        source
          .filter(`only-${device}`, (upload) => upload.device === device)
          .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0, idleAfter: seconds(5) }))
          .keyBy((upload) => upload.device)
          .window(`of-${device}`, tumbling(10), counts())
          .to(topic(`out-${device}`, Text));
    });
    const harness = new JobHarness(definition, { partitions: 1 });
    for (let second = 0; second < 10; second++) {
      send(harness, [second * 1_000]);
      harness.advance(seconds(1));
    }
    expect(harness.output("out-d", Text)).toContain("d 0: 1");
  });

  it("a job that gets a second one goes on from where the first had come", () => {
    const one = job("grows", (flow) => {
      flow
        .from(uploads)
        .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }))
        .keyBy(({ device }) => device)
        .window("fast", tumbling(10), counts())
        .to(topic("fast-out", Text));
    });
    const harness = new JobHarness(one, { partitions: 1 });
    send(harness, [1_005], [2_000]);
    harness.restart(branches("grows", 100));
    send(harness, [2_005], [2_120]);
    expect(harness.output("fast-out", Text)).toEqual(["d 1000: 1", "d 2000: 2"]);
  });
});
