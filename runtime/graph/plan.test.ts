import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import {
  boundedDisorder,
  collect,
  countWindow,
  everyRecords,
  type Flow,
  job,
  type KeyedStream,
  session,
  sideOutput,
  sliding,
  topic,
  tumbling,
  valueState,
  type WindowAssigner,
  type WindowOptions,
} from "../index.ts";
import { planJob } from "./plan.ts";

const Text = codecOf<string>("text", "string");
const input = topic("input", Text);
const output = topic("output", Text);
const plan = (describe: (flow: Flow) => void) => () => planJob(job("j", describe));
const step = { emits: Text, process() {} };

describe("a mistake of a job's author is found before anything runs:", () => {
  it("state before a key", () => {
    // @ts-expect-error the types say so already
    expect(plan((flow) => flow.from(input).process("count", step))).toThrow(/"count" needs a key.*keyBy/);
  });
  it("two steps of one name", () => {
    const twice = plan((flow) =>
      flow
        .from(input)
        .map("trim", (text) => text.trim())
        .filter("trim", (text) => text !== "")
        .to(output),
    );
    expect(twice).toThrow(/two steps are named "trim" \(map and filter\)/);
  });
  it("an event-time timer without time", () => {
    const timeless = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .process("close", { emits: Text, timers: ["event"], process() {}, onTimer() {} })
        .to(output),
    );
    expect(timeless).toThrow(/"close" sets event-time timers, but no source before it has a time.*watermark/);
  });
  it("timers nobody hears of", () => {
    const deaf = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .process("s", { emits: Text, timers: ["processing"], process() {} })
        .to(output),
    );
    expect(deaf).toThrow(/"s" sets timers but has no onTimer/);
  });
  it("a watermark behind the key", () => {
    const late = plan((flow) => {
      const keyed = flow
        .from(input)
        .keyBy((text) => text)
        .process("s", step);
      keyed.watermark(boundedDisorder({ timeOf: () => 0, disorderMax: 0 })).to(output);
    });
    expect(late).toThrow(/stands after \.keyBy/);
  });
  it("a job that writes what it reads", () => {
    expect(plan((flow) => flow.from(input).to(topic("input", Text)))).toThrow(/feed itself/);
  });
  it("no output", () => {
    expect(plan((flow) => void flow.from(input))).toThrow(/no output/);
  });
  it("a side output that the step does not declare", () => {
    const undeclared = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .process("s", step)
        .side(sideOutput<string>("odd"))
        .to(output),
    );
    expect(undeclared).toThrow(/\.side\("odd"\) of step "s"/);
  });
  it("a name that cannot be a topic's", () => {
    expect(() => job("My Job", () => {})).toThrow(/lower-case/);
  });
  it("an exchange that leads back to where it comes from", () => {
    const rejoined = plan((flow) => {
      const texts = flow.from(input);
      texts.union(texts.keyBy((text) => text, { exchange: { name: "x", codec: Text } })).to(output);
    });
    expect(rejoined).toThrow(/cannot feed itself, as it does through j.x.exchange/);
  });
  it("a second key without an exchange", () => {
    const rekeyed = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .process("a", { emits: Text, process() {} })
        .keyBy(() => "x")
        .process("b", step)
        .to(output),
    );
    expect(rekeyed).toThrow(/needs its own exchange/);
  });
});

describe("a mistake with windows and other keyed steps is found before anything runs:", () => {
  const texts = collect({ codec: Text, result: (all) => all.join() });
  const timed = boundedDisorder<string>({ timeOf: () => 0, disorderMax: 0 });
  const windowed = (assigner: WindowAssigner, options: WindowOptions<string> = {}, side = "late") =>
    plan((flow) => {
      const windows = flow
        .from(input)
        .watermark(timed)
        .keyBy((text) => text)
        .window("w", assigner, texts, options);
      windows.to(output);
      windows.side(sideOutput<string>(side)).to(topic("late", Text));
    });

  it("a keyed step before a key", () => {
    for (const kind of ["window", "dedup", "reorder", "deviceClock", "join"] as const) {
      // As from JavaScript: the types know no such step here.
      const untyped = (flow: Flow) => flow.from(input) as unknown as Record<string, (name: string) => void>;
      expect(plan((flow) => untyped(flow)[kind]!("s"))).toThrow(new RegExp(`${kind} "s" needs a key.*keyBy`));
    }
  });
  it("a window of event time where there is none", () => {
    const timeless = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .window("w", tumbling(10), texts)
        .to(output),
    );
    expect(timeless).toThrow(/window "w" is of event time, but no source before it has a time.*watermark/);
  });
  it("sizes that are none", () => {
    expect(() => tumbling(0)).toThrow(/tumbling.*size is 0/);
    expect(() => tumbling(1.5)).toThrow(/whole milliseconds/);
    expect(() => tumbling(10, 0.5)).toThrow(/offset/);
    expect(() => sliding(10, -5)).toThrow(/sliding.*slide is -5/);
    expect(() => sliding(10, 20)).toThrow(/leave records out/);
    expect(() => session(Number.NaN)).toThrow(/session.*gap is NaN/);
    expect(() => countWindow(0)).toThrow(/at least 1/);
    expect(() => everyRecords(0.5)).toThrow(/at least 1/);
    expect(windowed(tumbling(10), { allowedLateness: -1 })).toThrow(/window "w": allowedLateness is -1/);
  });
  it("an early or late result of a count window", () => {
    expect(windowed(countWindow(3), { early: everyRecords(1) })).toThrow(/"w" counts records/);
  });
  it("a side output that a window does not have", () => {
    const late = sideOutput<string>("late");
    expect(windowed(tumbling(10), { late }, "other")).toThrow(/\.side\("other"\) of window "w"/);
    expect(windowed(tumbling(10), { late })).not.toThrow();
  });
  it("two steps of one name, a window among them", () => {
    const twice = plan((flow) =>
      flow
        .from(input)
        .watermark(timed)
        .keyBy((text) => text)
        .window("w", tumbling(10), texts)
        .process("w", step)
        .to(output),
    );
    expect(twice).toThrow(/two steps are named "w" \(window and process\)/);
  });
  it("state that lives in event time where there is none", () => {
    const mortal = plan((flow) =>
      flow
        .from(input)
        .keyBy((text) => text)
        .dedup("once", { idOf: (text) => text, within: 10 })
        .to(output),
    );
    expect(mortal).toThrow(/"once", state "seen": its ttl is of event time/);
    expect(() => valueState(Text, { ttl: { after: 0, time: "event" } })).toThrow(/ttl.after is 0/);
  });
  it("a topic that is read in two ways", () => {
    const both = plan((flow) => {
      flow.from(input).to(output);
      flow
        .from(topic("more", Text))
        .watermark(timed)
        .keyBy((text) => text)
        .join("j", flow.versions(input), { codec: Text, join: (text) => text })
        .to(topic("joined", Text));
    });
    expect(both).toThrow(/"input" is read both by .from and by .versions/);
  });
  it("a broadcast of event time where there is none", () => {
    const timeless = plan((flow) => {
      const rules = flow.broadcast(topic("rules", Text), { keyOf: (rule) => rule, activeFrom: () => 0 });
      flow
        .from(input)
        .keyBy((text) => text)
        .process("s", { ...step, tables: { rules } })
        .to(output);
    });
    expect(timeless).toThrow(/broadcast "rules", whose versions hold from an event time on/);
  });
});

describe("a plan", () => {
  it("cuts the job into stages at its exchanges, upstream first", () => {
    const { stages } = plan((flow) => {
      const first = flow
        .from(input)
        .union(flow.from(topic("more", Text)))
        .keyBy((text) => text)
        .process("first", { emits: Text, state: { n: valueState(Text) }, process() {} });
      first.to(output);
      first
        .keyBy(() => "x", { exchange: { name: "by-x", codec: Text } })
        .process("second", step)
        .to(topic("other", Text));
    })();
    expect(
      stages.map(({ name, inputs, outputs }) => [name, inputs.map(({ topic }) => topic), outputs]),
    ).toEqual([
      ["first", ["input", "more"], ["j.first.changelog", "j.dead-letters", "j.by-x.exchange", "output"]],
      ["second", ["j.by-x.exchange"], ["j.second.changelog", "j.dead-letters", "other"]],
    ]);
  });
});

describe("a union in which some records have no time is refused before what needs one:", () => {
  const late = sideOutput<string>("late");
  const withTime = boundedDisorder<string>({ timeOf: () => 0, disorderMax: 0 });
  const mixed = (flow: Flow) =>
    flow
      .from(input)
      .watermark(withTime)
      .union(flow.from(topic("untimed", Text)))
      .keyBy((text) => text);
  const texts = collect({ codec: Text, result: (all) => all.join() });
  const stepWith = (more: object) => ({ emits: Text, process() {}, ...more });
  const cases: [string, (stream: KeyedStream<string>, flow: Flow) => KeyedStream<string>][] = [
    ["a window", (stream) => stream.window("x", tumbling(10), texts)],
    ["a session", (stream) => stream.window("x", session(10), texts)],
    ["dedup", (stream) => stream.dedup("x", { idOf: (text) => text, within: 1 })],
    ["reorder", (stream) => stream.reorder("x", { codec: Text, late })],
    [
      "join",
      (stream, flow) =>
        stream.join("x", flow.versions(topic("rows", Text)), { codec: Text, join: (text) => text }),
    ],
    ["deviceClock", (stream) => stream.deviceClock("x", { skewMax: 1, wrong: late })],
    [
      "a time to live of event time",
      (stream) =>
        stream.process(
          "x",
          stepWith({ state: { last: valueState(Text, { ttl: { after: 1, time: "event" } }) } }),
        ),
    ],
    [
      "a broadcast whose versions hold from a time on",
      (stream, flow) =>
        stream.process("x", {
          emits: Text,
          tables: {
            rules: flow.broadcast(topic("rules", Text), { keyOf: (text) => text, activeFrom: () => 0 }),
          },
          process() {},
        }),
    ],
    ["a step that says so", (stream) => stream.process("x", stepWith({ timed: true }))],
  ];
  it.each(cases)("%s", (_what, step) => {
    const named = /"x".*topic "untimed" has none.*\.watermark/;
    expect(plan((flow) => step(mixed(flow), flow).to(output))).toThrow(named);
    expect(
      plan((flow) =>
        step(
          mixed(flow).map("m", (text) => text),
          flow,
        ).to(output),
      ),
    ).toThrow(named);
    const exchanged = plan((flow) =>
      step(
        mixed(flow).keyBy((text) => text, { exchange: { name: "again", codec: Text } }),
        flow,
      ).to(output),
    );
    expect(exchanged).toThrow(named);
    const timedAfter = plan((flow) =>
      step(
        mixed(flow).timestamps(() => 0),
        flow,
      ).to(output),
    );
    expect(timedAfter).not.toThrow();
  });

  it("the left side of a join alone is as wrong", () => {
    const untimed = plan((flow) =>
      flow
        .from(topic("untimed", Text))
        .keyBy((text) => text)
        .join("x", flow.versions(topic("rows", Text)), { codec: Text, join: (text) => text })
        .to(output),
    );
    expect(untimed).toThrow(/"x".*topic "untimed" has none/);
  });

  it("but not before timers that say their time themselves, or what needs no time", () => {
    const timers = { timers: ["event" as const], onTimer() {} };
    expect(plan((flow) => mixed(flow).process("x", stepWith(timers)).to(output))).not.toThrow();
    expect(plan((flow) => mixed(flow).window("x", countWindow(2), texts).to(output))).not.toThrow();
    const byClock = { idOf: (text: string) => text, within: 1, time: "processing" as const };
    expect(plan((flow) => mixed(flow).dedup("x", byClock).to(output))).not.toThrow();
  });
});
