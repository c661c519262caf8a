import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { boundedDisorder, type Flow, job, sideOutput, topic, valueState } from "../index.ts";
import { planJob } from "./plan.ts";

const Text = codecOf<string>("text", "string");
const input = topic("input", Text);
const output = topic("output", Text);
const plan = (describe: (flow: Flow) => void) => () => planJob(job("j", describe));
const step = { emits: Text, process() {} };

describe("a mistake of a job's author is found before anything runs:", () => {
  it("state before a key", () => {
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
