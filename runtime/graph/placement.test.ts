import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { type Flow, job, topic, valueState } from "../index.ts";
import { JobHarness } from "../testing/job-harness.ts";
import { type Placement, placeStages } from "./placement.ts";
import { planJob } from "./plan.ts";

const Text = codecOf<string>("text", "string");
const Count = codecOf<number>("count", "int");
const input = topic("in", Text);
const counting = {
  emits: Text,
  state: { n: valueState(Count) },
  process(
    _value: string,
    {
      state,
      emit,
    }: { state: { n: { get(): number | undefined; put(n: number): void } }; emit(t: string): void },
  ) {
    const n = (state.n.get() ?? 0) + 1;
    state.n.put(n);
    emit(String(n));
  },
};
const passing = {
  emits: Text,
  process: (value: string, { emit }: { emit(text: string): void }) => emit(value),
};
const edited = (describe: (flow: Flow) => void) => job("edited", describe);
const keyed = (flow: Flow) => flow.from(input).keyBy((text) => text);
const original = edited((flow) => {
  const stream = keyed(flow);
  stream.process("count-a", counting).to(topic("out-a", Text));
  stream.process("count-b", counting).to(topic("out-b", Text));
});

describe("a stage keeps its state when the job is edited:", () => {
  const edits: [string, ReturnType<typeof edited>][] = [
    [
      "outputs in another order",
      edited((flow) => {
        const stream = keyed(flow);
        stream.process("count-b", counting).to(topic("out-b", Text));
        stream.process("count-a", counting).to(topic("out-a", Text));
      }),
    ],
    [
      "a new keyed step before the old ones",
      edited((flow) => {
        const stream = keyed(flow).process("added", passing);
        stream.process("count-a", counting).to(topic("out-a", Text));
        stream.process("count-b", counting).to(topic("out-b", Text));
      }),
    ],
    [
      "a new output, described first",
      edited((flow) => {
        const stream = keyed(flow);
        stream.to(topic("out-c", Text));
        stream.process("count-a", counting).to(topic("out-a", Text));
        stream.process("count-b", counting).to(topic("out-b", Text));
      }),
    ],
    [
      "the step that named the stage is gone",
      edited((flow) => {
        keyed(flow).process("count-b", counting).to(topic("out-b", Text));
      }),
    ],
    [
      "one more topic to read",
      edited((flow) => {
        const stream = flow
          .from(topic("more", Text))
          .union(flow.from(input))
          .keyBy((text) => text);
        stream.process("count-b", counting).to(topic("out-b", Text));
        stream.process("count-a", counting).to(topic("out-a", Text));
      }),
    ],
    [
      "a stage of its own before it in the description",
      edited((flow) => {
        flow
          .from(topic("other", Text))
          .keyBy((text) => text)
          .process("another", counting)
          .to(topic("out-other", Text));
        const stream = keyed(flow);
        stream.process("count-a", counting).to(topic("out-a", Text));
        stream.process("count-b", counting).to(topic("out-b", Text));
      }),
    ],
  ];
  it.each(edits)("%s", (_what, next) => {
    const harness = new JobHarness(original, { partitions: 1 });
    const send = () => harness.send("in", Text, "k", "k");
    send();
    send();
    harness.run();
    harness.restart(next, { dropState: ["count-a"] });
    send();
    harness.run();
    // Once more, by the placement that the edit left.
    harness.restart(original, { dropState: ["another"] });
    send();
    harness.run();
    expect(harness.output("out-b", Text)).toEqual(["1", "2", "3", "4"]);
  });

  it("a stage without keyed steps goes on where it was in its input when it gets one", () => {
    const plain = edited((flow) => flow.from(input).to(topic("out", Text)));
    const harness = new JobHarness(plain, { partitions: 1 });
    harness.send("in", Text, "k", "first");
    harness.run();
    harness.restart(edited((flow) => keyed(flow).process("pass", passing).to(topic("out", Text))));
    harness.send("in", Text, "k", "second");
    harness.run();
    expect(harness.output("out", Text)).toEqual(["first", "second"]);
  });
});

describe("names of stages", () => {
  const marks = (steps: string[], inputs: string[], outputs: string[] = []) => ({ steps, inputs, outputs });
  const placed = (stages: Placement["stages"]): Placement => ({ stages, generations: {} });

  it("are the same in a plan that is placed by its own placement", () => {
    const plan = planJob(original);
    const again = planJob(original, plan.placement);
    expect(again.placement).toEqual(plan.placement);
    expect(again.stages.map(({ outputs }) => outputs)).toEqual(plan.stages.map(({ outputs }) => outputs));
  });
  it("of a job that is new do not depend on the order of its description", () => {
    const branches = (names: readonly string[]) =>
      planJob(
        edited((flow) => {
          const stream = keyed(flow);
          for (const name of names)
            stream
              .process(name, passing)
              .process(`after-${name}`, passing)
              .to(topic(`out-${name}`, Text));
        }),
      ).stages[0]!.name;
    const plain = (names: readonly string[]) =>
      planJob(
        edited((flow) => {
          const stream = flow.from(input);
          for (const name of names) stream.to(topic(name, Text));
        }),
      ).stages[0]!.name;
    expect([branches(["b", "c"]), branches(["c", "b"])]).toEqual(["b", "b"]);
    expect([plain(["b", "c"]), plain(["c", "b"])]).toEqual(["to-b", "to-b"]);
  });
  it("stay with whoever has more of the old stage's steps when it is cut in two", () => {
    const before = placed([{ name: "x", ...marks(["x", "y", "z"], ["in"]) }]);
    const next = [
      { ...marks(["x"], ["in"]), candidates: ["x"] },
      { ...marks(["y", "z"], ["ex"]), candidates: ["y", "z"] },
    ];
    expect(placeStages(next, before)).toEqual(["x-2", "x"]);
  });
  it("of two stages that read one topic do not change places with their order", () => {
    const before = placed([
      { name: "to-a", ...marks([], ["in"], ["a"]) },
      { name: "to-b", ...marks([], ["in"], ["b"]) },
    ]);
    const next = [
      { ...marks([], ["in"], ["b"]), candidates: ["to-b"] },
      { ...marks([], ["in"], ["a"]), candidates: ["to-a"] },
    ];
    expect(placeStages(next, before)).toEqual(["to-b", "to-a"]);
  });
  it("of a stage that is gone are not given to another", () => {
    const before = placed([
      { name: "gone", ...marks(["one"], ["a"]) },
      { name: "stays", ...marks(["two"], ["b"]) },
    ]);
    const next = [
      { ...marks(["two"], ["b"]), candidates: ["two"] },
      { ...marks(["gone"], ["c"]), candidates: ["gone"] },
    ];
    expect(placeStages(next, before)).toEqual(["stays", "gone-2"]);
  });
});
