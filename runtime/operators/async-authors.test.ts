import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aggregate,
  aggregatingState,
  boundedDisorder,
  type Context,
  codecOf,
  countWindow,
  type Flow,
  job,
  type KeyedProcess,
  sideOutput,
  topic,
  tumbling,
  valueState,
  watermarkBy,
} from "../index.ts";
import { JobHarness } from "../testing/index.ts";

/** Functions that go on after their call returned: refused by types, by the planner, and where both cannot see it, at the record. */

const Text = codecOf<string>("text", "string");
const Count = codecOf<number>("count", "int");
const input = topic("in", Text);
const out = topic("out", Text);
const late = sideOutput<string>("late");

/** What the types refuse, given all the same. Each throws once waited for: nobody may hear of that. */
type Give = <F>(fn: (...given: never[]) => unknown) => F;
type Describe = (flow: Flow, fn: (...given: never[]) => unknown) => void;

const timed = (flow: Flow) =>
  flow.from(input).watermark(boundedDisorder({ timeOf: () => 1, disorderMax: 0 }));
const keyed = (flow: Flow) => timed(flow).keyBy((text) => text);
const counted = {
  codec: Count,
  create: () => 0,
  add: (count: number, _text: string) => count + 1,
  merge: (a: number, b: number) => a + b,
  result: (count: number) => String(count),
};
const as: Give = (fn) => fn as never;

/** Where a function stands, and what it is called in the message. */
const PLACES: readonly [name: string, says: RegExp, describe: Describe][] = [
  ["map", /map/, (flow, fn) => flow.from(input).map<string>("s", as(fn)).to(out)],
  ["filter", /filter/, (flow, fn) => flow.from(input).filter("s", as(fn)).to(out)],
  ["flatMap", /flatMap/, (flow, fn) => flow.from(input).flatMap<string>("s", as(fn)).to(out)],
  [
    "timeOf",
    /timeOf/,
    (flow, fn) =>
      flow
        .from(input)
        .watermark(boundedDisorder({ timeOf: as(fn), disorderMax: 0 }))
        .to(out),
  ],
  [
    "receivedOf",
    /receivedOf/,
    (flow, fn) =>
      flow
        .from(input)
        .watermark(
          boundedDisorder({ timeOf: () => 1, disorderMax: 0, future: { ahead: 1, receivedOf: as(fn) } }),
        )
        .to(out),
  ],
  ["timestamps", /timeOf/, (flow, fn) => timed(flow).timestamps(as(fn)).to(out)],
  ["keyBy", /keyBy/, (flow, fn) => flow.from(input).keyBy(as(fn)).to(out)],
  [
    "process",
    /process/,
    (flow, fn) =>
      keyed(flow)
        .process("s", { emits: Text, process: as(fn) })
        .to(out),
  ],
  [
    "index",
    /index/,
    (flow, fn) =>
      keyed(flow)
        .process("s", {
          emits: Text,
          index: fn as unknown as () => unknown,
          process: (text, { index, emit }) => emit(`${text}${String(index)}`),
        })
        .to(out),
  ],
  [
    "state's add",
    /add/,
    (flow, fn) =>
      keyed(flow)
        .process("s", {
          emits: Text,
          state: { n: aggregatingState<string, number>(Count, { create: () => 0, add: as(fn) }) },
          process: (text, { state }) => state.n.add(text),
        })
        .to(out),
  ],
  ...(["add", "result"] as const).map((part): [string, RegExp, Describe] => [
    `window's ${part}`,
    new RegExp(part),
    (flow, fn) =>
      keyed(flow)
        .window("s", countWindow(1), aggregate({ ...counted, [part]: as(fn) }))
        .to(out),
  ]),
  [
    "idOf",
    /idOf/,
    (flow, fn) =>
      keyed(flow)
        .dedup("s", { idOf: as(fn), within: 10 })
        .to(out),
  ],
  [
    "sentOf",
    /sentOf/,
    (flow, fn) =>
      keyed(flow)
        .deviceClock("s", { skewMax: 1, sentOf: as(fn), wrong: late })
        .to(out),
  ],
  [
    "join",
    /join/,
    (flow, fn) =>
      keyed(flow)
        .join<string, string>("s", flow.versions(topic("rows", Text)), {
          codec: Text,
          wait: false,
          join: as(fn),
        })
        .to(out),
  ],
];

const unhandled: unknown[] = [];
const hear = (reason: unknown) => unhandled.push(reason);
beforeAll(() => process.on("unhandledRejection", hear));
afterAll(() => {
  process.off("unhandledRejection", hear);
});

describe("an async function", () => {
  it.each(PLACES)("is refused by the planner as %s", (_name, says, describe) => {
    const described = () => new JobHarness(job("async", (flow) => describe(flow, async () => "text")));
    expect(described).toThrow(says);
    expect(described).toThrow(/must not be async/);
  });

  it.each(PLACES)(
    "that does not look like one sets its record apart, as %s",
    async (_name, says, describe) => {
      const given = (text: unknown) =>
        text === "right" ? undefined : Promise.reject(new Error("what came of waiting"));
      const harness = new JobHarness(
        job("async", (flow) => describe(flow, given)),
        { partitions: 1 },
      );
      harness.send("in", Text, "k", "k");
      harness.run();
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(harness.deadLetters().map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/must not be async/),
      ]);
      expect(harness.deadLetters()[0]!.reason).toMatch(says);
      expect(harness.output("out", Text)).toEqual([]);
      expect(harness.changelogKeys("s").filter((key) => /^[vm]/.test(key))).toEqual([]);
      expect(unhandled).toEqual([]);
    },
  );

  it("as a timer's or a watermark's is found as well", async () => {
    const harness = new JobHarness(
      job("async", (flow) => {
        flow
          .from(input)
          .watermark(
            watermarkBy({
              timeOf: Number,
              generator: () => ({
                onRecord: (_text, ms) => (ms === 2 ? (Promise.reject(new Error("2")) as never) : ms),
              }),
            }),
          )
          .keyBy(() => "k")
          .process("s", {
            emits: Text,
            timers: ["event"],
            process: (text, { timers }) => timers.onEventTime(Number(text)),
            onTimer: ({ timeMs }, { emit }) => {
              emit("left behind");
              return Promise.reject(new Error(String(timeMs))) as never;
            },
          })
          .to(out);
      }),
      { partitions: 1 },
    );
    for (const text of ["1", "2", "3"]) harness.send("in", Text, "k", text);
    harness.run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(harness.deadLetters().map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^the watermark's generator must not be async/),
      expect.stringMatching(/^onTimer must not be async/),
      expect.stringMatching(/^onTimer must not be async/),
    ]);
    expect(harness.output("out", Text)).toEqual([]);
    expect(unhandled).toEqual([]);
  });

  it("is refused by the types as process and onTimer", () => {
    const step: KeyedProcess<string, string> = {
      emits: Text,
      // @ts-expect-error a promise is not nothing
      async process() {},
      // @ts-expect-error nor here
      onTimer: async () => {},
    };
    expect(step.emits).toBe(Text);
  });
});

describe("a generator", () => {
  it("is refused where nobody asks for what it gives, and gives many values where it may", () => {
    const described = () =>
      new JobHarness(
        job("generator", (flow) =>
          flow
            .from(input)
            .keyBy((text) => text)
            .process("s", { emits: Text, process: as(function* () {}) })
            .to(out),
        ),
      );
    expect(described).toThrow(/step "s": process must not be a generator/);
    const harness = new JobHarness(
      job("generator", (flow) =>
        flow
          .from(input)
          .flatMap("letters", function* (text) {
            yield* text;
          })
          .to(out),
      ),
      { partitions: 1 },
    );
    harness.send("in", Text, "k", "abc");
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a", "b", "c"]);
  });
});

describe("a context that is kept", () => {
  const use: [string, (context: Kept) => unknown][] = [
    ["key", (context) => context.key],
    ["timestamp", (context) => context.timestamp],
    ["ingestMs", (context) => context.ingestMs],
    ["watermark", (context) => context.watermark],
    ["now", (context) => context.now],
    ["index", (context) => context.index],
    ["emit", (context) => context.emit("too late")],
    ["side", (context) => context.side(late, "too late")],
    ["state", (context) => context.state.n.put(1)],
    ["state that is read", (context) => context.state.n.get()],
    ["timers", (context) => context.timers.onEventTime(1)],
    ["timers that are deleted", (context) => context.timers.deleteEventTime(1)],
  ];
  type Kept = Context<string, { n: ReturnType<typeof valueState<number>> }, Record<never, never>, undefined>;
  const kept = () => {
    let context: Kept | undefined;
    const harness = new JobHarness(
      job("kept", (flow) => {
        const step = timed(flow)
          .keyBy((text) => text)
          .process("s", {
            emits: Text,
            state: { n: valueState(Count) },
            sides: [late],
            timers: ["event"],
            process(_text, given) {
              context = given;
            },
            onTimer() {},
          });
        step.to(out);
        step.side(late).to(topic("late", Text));
        timed(flow)
          .keyBy((text) => text)
          .window("w", tumbling(10), aggregate(counted))
          .to(topic("windows", Text));
      }),
      { partitions: 1 },
    );
    harness.send("in", Text, "k", "k");
    harness.run();
    return { context: context!, harness };
  };

  it.each(use)("says that its call is over: %s", (_name, use) => {
    const { context, harness } = kept();
    expect(() => use(context)).toThrow(/context was used after its call was over/);
    harness.run();
    expect(harness.output("out", Text)).toEqual([]);
    expect(harness.changelogKeys("s").filter((key) => /^[vt]/.test(key))).toEqual([]);
  });
});
