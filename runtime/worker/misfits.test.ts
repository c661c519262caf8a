/**
 * A value that cannot be kept or written is the fault of the record that brought it, wherever it would have gone: that record is a
 * dead letter that names the step, and nothing else is hurt, before a restart or after.
 */
import { describe, expect, it } from "vitest";
import {
  aggregate,
  boundedDisorder,
  codecOf,
  collect,
  countWindow,
  type JobDefinition,
  job,
  type KeyedStream,
  listState,
  mapState,
  reducingState,
  type Stream,
  session,
  sideOutput,
  sliding,
  topic,
  tumbling,
  valueState,
} from "../index.ts";
import { JobHarness } from "../testing/index.ts";

interface In {
  key: string;
  atMs: number;
  value: number;
}
const In = codecOf<In>("in", {
  type: "record",
  name: "In",
  fields: [
    { name: "key", type: "string" },
    { name: "atMs", type: "long" },
    { name: "value", type: "double" },
  ],
});
const Whole = codecOf<number>("whole", "long");
const Text = codecOf<string>("text", "string");
const Row = codecOf<number>("row", "double");

const sums = aggregate({
  codec: Whole,
  create: () => 0,
  add: (sum: number, { value }: In) => sum + value,
  merge: (a, b) => a + b,
  result: (sum, { key }) => `${key} ${sum}`,
});
const out = topic("out", Text);

/** Half of a character where the value is not whole. */
const odd = ({ value }: In): string => (Number.isInteger(value) ? `n${value}` : "half \ud83d");
const say = ({ key, value }: In): string => `${key} ${value}`;

/** Each keeps or writes what a record holds; 0.5 is what none of them can. */
const DOORS: Readonly<Record<string, (keyed: KeyedStream<In>) => Stream<string>>> = {
  "a value": (keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: valueState(Whole) },
      process(record, { state, emit }) {
        emit(say(record));
        state.s.put((state.s.get() ?? 0) + record.value);
      },
    }),
  "an entry of a map": (keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: mapState(Whole), before: valueState(Whole) },
      process(record, { state, emit }) {
        emit(say(record));
        state.before.put(1);
        state.s.put("name", record.value);
      },
    }),
  "the name of an entry": (keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: mapState(Row, { ttl: { after: 1_000, time: "event" } }) },
      process(record, { state, emit }) {
        state.s.put(odd(record), 1);
        emit(say(record));
      },
    }),
  "a list": (keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: listState(Whole) },
      process(record, { state, emit }) {
        state.s.add(1);
        state.s.add(record.value);
        emit(say(record));
      },
    }),
  "an aggregate": (keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: reducingState(Whole, (a, b) => a + b) },
      process(record, { state, emit }) {
        emit(say(record));
        state.s.add(record.value);
      },
    }),
  "a tumbling window": (keyed) => keyed.window("step", tumbling(10), sums),
  "a sliding window": (keyed) => keyed.window("step", sliding(20, 10), sums),
  "a session": (keyed) => keyed.window("step", session(5), sums),
  "a window of a number": (keyed) => keyed.window("step", countWindow(2), sums),
  "a window that collects": (keyed) =>
    keyed
      .map("value", ({ value }) => value)
      .keyBy(String)
      .window(
        "step",
        tumbling(10),
        collect({ codec: Whole, result: (all, { key }) => `${key} ${all.join()}` }),
      ),
  "what waits for its turn": (keyed) =>
    keyed
      .map("value", ({ value }) => value)
      .keyBy(String)
      .reorder("step", { codec: Whole, late: sideOutput<number>("too-late") })
      .map("say", String),
  "an id": (keyed) => keyed.dedup("step", { idOf: odd, within: 1_000 }).map("say", say),
  "a key": (keyed) =>
    keyed
      .keyBy(odd, { reinterpret: true })
      .dedup("step", { idOf: () => "x", within: 1 })
      .map("say", say),
  "the key of an exchange": (keyed) =>
    keyed
      .keyBy(odd, { exchange: { name: "step", codec: In } })
      .dedup("after", { idOf: () => "x", within: 1 })
      .map("say", say),
  "a value of an exchange": (keyed) =>
    keyed
      .map("value", ({ value }) => value)
      .keyBy(() => "all", { exchange: { name: "step", codec: Whole } })
      .process("sum", {
        emits: Text,
        state: { s: reducingState(Whole, (a, b) => a + b) },
        process(value, { state, emit }) {
          state.s.add(value);
          emit(`${state.s.get()}`);
        },
      }),
  "a result": (keyed) => keyed.map("step", odd),
};

const harnessOf = (define: JobDefinition) => new JobHarness(define, { partitions: 1 });
const door = (build: (keyed: KeyedStream<In>) => Stream<string>, target = out) =>
  job("doors", (flow) => {
    const timed = flow
      .from(topic("in", In))
      .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 10 }));
    build(timed.keyBy(({ key }) => key)).to(target);
  });

/** What comes out of good records, with a bad one among them or without. */
function outcome(definition: JobDefinition, bad: boolean, restarts: boolean) {
  const harness = harnessOf(definition);
  const send = (key: string, atMs: number, value: number) =>
    harness.send("in", In, key, { key, atMs, value });
  for (let i = 0; i < 4; i++) {
    send("a", 10 * i, i);
    if (bad) send("b", 10 * i, 0.5);
    if (bad) send("a", 10 * i + 1, 0.5);
    send("b", 10 * i + 2, i);
    harness.run();
    if (restarts) harness.restart();
  }
  send("a", 1_000, 9);
  harness.run();
  return { said: harness.output("out", Text).sort(), dead: harness.deadLetters() };
}

describe.each(Object.entries(DOORS))("%s", (_what, build) => {
  it.each([false, true])(
    "that cannot be kept is its record's dead letter, which names the step (restarts: %s)",
    (restarts) => {
      const definition = door(build);
      const { said, dead } = outcome(definition, true, restarts);
      expect(said).toEqual(outcome(definition, false, false).said);
      expect(said.length).toBeGreaterThan(0);
      expect(dead).toHaveLength(8);
      for (const { step, reason, value } of dead) {
        expect(["step", "key-by", "to out"]).toContain(step);
        expect(reason).toMatch(/cannot hold it: .* is \d\.5|value is 0\.5|half of a surrogate pair|\\ud83d/);
        expect(In.decode(value!).value).toBe(0.5);
      }
    },
  );
});

it("a key of a sink that cannot be written is its record's dead letter", () => {
  const keyed = door(
    (stream) => stream.map("say", (record) => odd(record)),
    topic("out", Text, { key: (text) => text }),
  );
  expect(outcome(keyed, true, false).dead).toHaveLength(8);
  const placed = topic("out", Text, { partitionBy: (text) => `${text.slice(0, 2)}\udc00` });
  const { dead } = outcome(
    door((stream) => stream.map("say", say), placed),
    false,
    false,
  );
  expect(dead[0]).toMatchObject({ step: "to out", reason: expect.stringContaining("partitionBy gave") });
});

it("a timer whose code puts a misfit is a dead letter of the timer", () => {
  const definition = door((keyed) =>
    keyed.process("step", {
      emits: Text,
      timers: ["event"],
      state: { s: valueState(Whole) },
      process({ value }, { timers, state }) {
        state.s.put(7);
        timers.onEventTime(100 + 2 * value);
      },
      onTimer({ timeMs }, { key, state, emit }) {
        emit(`${key} at ${timeMs} with ${state.s.get()}`);
        if (timeMs === 102) state.s.put(timeMs / 4);
      },
    }),
  );
  const { said, dead } = outcome(definition, false, true);
  expect(dead.map(({ step, reason, key }) => `${step} ${key} ${reason}`)).toEqual([
    'step a state "step.s" cannot hold it: whole: the value is 25.5, not a long (a whole number within ±(2^53 - 1))',
    'step b state "step.s" cannot hold it: whole: the value is 25.5, not a long (a whole number within ±(2^53 - 1))',
  ]);
  expect(said).toContain("a at 104 with 7");
});

it("a value that was changed in place after it was put stops the task, and says whose it is", () => {
  const List = codecOf<number[]>("list", { type: "array", items: "long" });
  const definition = door((keyed) =>
    keyed.process("step", {
      emits: Text,
      state: { s: valueState(List) },
      process({ value }, { state }) {
        const list: number[] = [];
        state.s.put(list);
        list.push(value);
      },
    }),
  );
  const harness = new JobHarness(definition, { partitions: 1, freeze: false });
  harness.send("in", In, "a", { key: "a", atMs: 0, value: 0.5 });
  expect(() => harness.run()).toThrow(
    /state "step\.s", changelog key "v\\u0000step\.s\\u0000a": .*changed in place/,
  );
});

it("all values of a window in one epoch, and of two sessions that become one, may be more than Kafka takes in a record", () => {
  const big = "x".repeat(100);
  const collected = (window: ReturnType<typeof session>) =>
    job("collected", (flow) => {
      flow
        .from(topic("in", In))
        .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 100 }))
        .map("text", ({ value }) => `${value}${big}`)
        .keyBy(() => "all")
        .window(
          "step",
          window,
          collect({ codec: Text, result: (all) => `${all.length} ${new Set(all).size}` }),
          { late: lateTexts },
        )
        .to(out);
    });
  const lateTexts = sideOutput<string>("late-texts");
  for (const window of [tumbling(1_000), session(40)]) {
    const harness = harnessOf(collected(window));
    // Two sessions of 12 000 each, then one between them.
    for (const atMs of [10, 90])
      for (let i = 0; i < 12_000; i++) harness.send("in", In, "a", { key: "a", atMs, value: i });
    harness.run();
    harness.restart();
    harness.send("in", In, "a", { key: "a", atMs: 50, value: -1 });
    harness.run();
    harness.restart();
    harness.send("in", In, "a", { key: "a", atMs: 10_000, value: 0 });
    harness.run();
    expect(harness.output("out", Text)).toEqual(["24001 12001"]);
    expect(harness.deadLetters()).toEqual([]);
  }
});
