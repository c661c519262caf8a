import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import {
  aggregate,
  boundedDisorder,
  collect,
  countWindow,
  type Flow,
  job,
  mapState,
  session,
  sliding,
  topic,
  tumbling,
  valueState,
  type WindowAssigner,
} from "../index.ts";
import { describePlan } from "./describe.ts";
import { planJob } from "./plan.ts";
import { type Allowed, judgeUpgrade, upgradeWords } from "./upgrade.ts";

const Text = codecOf<string>("text", "string");
const Int = codecOf<number>("n", "int");
const Long = codecOf<number>("n", "long");
const record = (fields: readonly unknown[]) =>
  codecOf<Record<string, unknown>>("r", { type: "record", name: "R", fields });
const A = { name: "a", type: "int" };
const step = (state = {}) => ({ emits: Text, state, process() {} });
const byText = (text: string) => text;
const keyed = (flow: Flow) =>
  flow
    .from(topic("in", Text))
    .watermark(boundedDisorder({ timeOf: () => 0, disorderMax: 0 }))
    .keyBy(byText);
const to = (name: string) => topic(name, Text);

/** What stands against the second version after the first. */
function judged(first: (flow: Flow) => void, second: (flow: Flow) => void, allowed?: Allowed) {
  const before = planJob(job("j", first));
  const next = planJob(job("j", second), before.placement);
  return judgeUpgrade(describePlan(before), describePlan(next), allowed);
}
const subjects = (...of: Parameters<typeof judged>) => judged(...of).findings.map(({ subject }) => subject);

const counts = (flow: Flow) =>
  keyed(flow)
    .process("count", step({ n: valueState(Int) }))
    .to(to("out"));
const count = (state: object) => (flow: Flow) => keyed(flow).process("count", step(state)).to(to("out"));

describe("an edit that keeps what is kept goes through:", () => {
  it.each<[string, (flow: Flow) => void]>([
    ["none", counts],
    [
      "another output",
      (flow) =>
        keyed(flow)
          .process("count", step({ n: valueState(Int) }))
          .to(to("elsewhere")),
    ],
    [
      "a new step before it",
      (flow) =>
        keyed(flow)
          .process("new", step())
          .process("count", step({ n: valueState(Int) }))
          .to(to("out")),
    ],
    ["a new state", count({ n: valueState(Int), more: mapState(Text) })],
    ["a wider type", count({ n: valueState(Long) })],
    ["a time to live", count({ n: valueState(Int, { ttl: { after: 10, time: "event" } }) })],
    [
      "a step without state that is renamed",
      (flow) =>
        keyed(flow)
          .map("m", byText)
          .process("count", step({ n: valueState(Int) }))
          .to(to("out")),
    ],
  ])("%s", (_what, second) => expect(subjects(counts, second)).toEqual([]));

  it("a field with a default, and one that is gone", () => {
    const first = count({ r: valueState(record([A])) });
    const second = count({ r: valueState(record([A, { name: "b", type: "int", default: 0 }])) });
    expect(subjects(first, second)).toEqual([]);
    expect(subjects(second, first)).toEqual([]);
  });
});

describe("what would lose state, or not fit it, is found:", () => {
  it.each<[string, (flow: Flow) => void, string, RegExp]>([
    ["a step that is gone", (flow) => keyed(flow).to(to("out")), "count", /step "count" is gone/],
    [
      "a step that is renamed",
      (flow) =>
        keyed(flow)
          .process("tally", step({ n: valueState(Int) }))
          .to(to("out")),
      "count",
      /called "tally" now, call it "count" as before/,
    ],
    ["a state that is gone", count({}), "count.n", /state "n" of step "count" is gone/],
    ["a state of another kind", count({ n: mapState(Int) }), "count.n", /was a value and is a map/],
    ["a codec that cannot read it", count({ n: valueState(Text) }), "count.n", /cannot be read any more/],
    [
      "a new field without a default",
      count({ n: valueState(record([A])) }),
      "count.n",
      /cannot be read any more/,
    ],
    [
      "another key",
      (flow) =>
        flow
          .from(topic("in", Text))
          .keyBy((text) => text.slice(1))
          .process("count", step({ n: valueState(Int) }))
          .to(to("out")),
      "count",
      /key of step "count" was computed by/,
    ],
    [
      "a step that moves behind an exchange",
      (flow) => {
        const first = keyed(flow).process("first", step({ m: valueState(Int) }));
        first.to(to("out"));
        first
          .keyBy(byText, { exchange: { name: "ex", codec: Text } })
          .process("count", step({ n: valueState(Int) }))
          .to(to("other"));
      },
      "in",
      /read by another stage/,
    ],
    [
      "a window in place of a step",
      (flow) =>
        keyed(flow)
          .window("count", tumbling(10), collect({ codec: Text, result: String }))
          .to(to("out")),
      "count",
      /was a process and is a window/,
    ],
  ])("%s", (_what, second, subject, message) => {
    const { findings } = judged(counts, second);
    expect(findings).toEqual(
      expect.arrayContaining([expect.objectContaining({ subject, message: expect.stringMatching(message) })]),
    );
  });

  const windowed =
    (assigner: WindowAssigner, listed = true) =>
    (flow: Flow) => {
      const texts = collect({ codec: Text, result: (all) => all.join() });
      const joined = aggregate({
        codec: Text,
        create: () => "",
        add: (all: string, text: string) => all + text,
        merge: (a: string, b: string) => a + b,
        result: (all: string) => all,
      });
      const stream = keyed(flow);
      (listed ? stream.window("w", assigner, texts) : stream.window("w", assigner, joined)).to(to("out"));
    };
  it.each<[string, (flow: Flow) => void, string[]]>([
    ["the same window", windowed(tumbling(10)), []],
    ["another size", windowed(tumbling(20)), ["w"]],
    ["another offset", windowed(tumbling(10, 5)), ["w"]],
    ["another slide", windowed(sliding(10, 5)), ["w"]],
    ["sessions", windowed(session(10)), ["w", "w.window"]],
    ["counted windows", windowed(countWindow(10)), ["w", "w.window"]],
    ["another accumulator", windowed(tumbling(10), false), ["w.window"]],
  ])("of a window: %s", (_what, second, found) => {
    expect([...new Set(subjects(windowed(tumbling(10)), second))]).toEqual(found);
    expect(subjects(windowed(tumbling(10)), second, { dropState: ["w"] })).toEqual([]);
  });

  it("an exchange that is gone, and one whose codec cannot read what it holds", () => {
    const through = (name: string, codec: typeof Text | typeof Int) => (flow: Flow) => {
      keyed(flow)
        .process("first", { emits: codec as typeof Text, process() {} })
        .keyBy(byText, { exchange: { name, codec: codec as typeof Text } })
        .process("second", step())
        .to(to("out"));
    };
    expect(subjects(through("ex", Text), through("other", Text))).toEqual(["ex"]);
    expect(subjects(through("ex", Text), through("ex", Int))).toEqual(["ex"]);
    expect(subjects(through("ex", Text), through("ex", Text))).toEqual([]);
  });

  it("two stages that become one: a topic would be read again", () => {
    const apart = (flow: Flow) => {
      counts(flow);
      flow
        .from(topic("more", Text))
        .keyBy(byText)
        .process("other", step({ n: valueState(Int) }))
        .to(to("more-out"));
    };
    const together = (flow: Flow) => {
      const stream = flow.from(topic("more", Text)).keyBy(byText).union(keyed(flow));
      stream.process("count", step({ n: valueState(Int) })).to(to("out"));
      stream.process("other", step({ n: valueState(Int) })).to(to("more-out"));
    };
    expect(subjects(apart, together)).toEqual(expect.arrayContaining(["other", "more"]));
  });
});

describe("what is found can be allowed by name", () => {
  const gone = (flow: Flow) => keyed(flow).to(to("out"));

  it("to be given up, and is not read again when a step of that name comes back", () => {
    const dropped = judged(counts, gone, { dropState: ["count"] });
    expect(dropped.findings).toEqual([]);
    const back = planJob(job("j", counts), dropped.next.placement);
    expect(back.stages[0]!.generations).toEqual({ count: 1 });
  });
  it("a single state of a step", () => {
    expect(subjects(counts, count({}), { dropState: ["count.n"] })).toEqual([]);
  });
  it("to fit, where only the author can know: keys that are the same", () => {
    const rewritten = (flow: Flow) =>
      flow
        .from(topic("in", Text))
        .keyBy((word) => word)
        .process("count", step({ n: valueState(Int) }))
        .to(to("out"));
    expect(subjects(counts, rewritten)).toEqual(["count"]);
    expect(subjects(counts, rewritten, { keepState: ["count"] })).toEqual([]);
    expect(subjects(counts, gone, { keepState: ["count"] })).toEqual(["count"]);
  });
  it("but not by a name that means nothing", () => {
    const upgrade = judged(counts, counts, { dropState: ["cuont"] });
    expect(upgrade.unknown).toEqual(["cuont"]);
    expect(upgradeWords(upgrade)).toMatch(
      /keeps nothing that is called "cuont"; what it keeps: count, count.n/,
    );
  });
  it("and how, is said with each", () => {
    const words = upgradeWords(judged(counts, gone));
    expect(words).toMatch(/nothing was changed:\n {2}- step "count" is gone.*--drop-state count/);
  });
});
