import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { job } from "../dsl/job.ts";
import { valueState } from "../dsl/state.ts";
import type { KeyedStream } from "../dsl/stream.ts";
import { topic } from "../dsl/topic.ts";
import { JobHarness } from "../testing/job-harness.ts";

const Key = codecOf<string>("key", "string");
const Count = codecOf<string>("count", "string");
const Number_ = codecOf<number>("number", "int");

const numbered = (write: (counted: KeyedStream<string>) => void) =>
  job("numbered", (flow) => {
    const counted = flow
      .from(topic("in", Key))
      .keyBy((key) => key)
      .process("number", {
        emits: Count,
        state: { count: valueState(Number_) },
        process(key, { state, emit }) {
          const count = (state.count.get() ?? 0) + 1;
          emit(`${key}${count}`);
          if (key === "bad") throw new Error("after it has emitted");
          state.count.put(count);
        },
      });
    write(counted);
  });

describe("results that leave before their epoch", () => {
  it("are there before the epoch ends, and those of a record that throws are not", () => {
    const early = numbered((counted) => counted.to(topic("out", Count), { delivery: "at-least-once" }));
    const crash = (epoch: number) => (epoch === 0 ? "before-commit" : undefined);
    const harness = new JobHarness(early, { partitions: 1, crash });
    for (const key of ["a", "bad", "a"]) harness.send("in", Key, key, key);
    harness.run();
    // Twice: the first time by the epoch that was lost.
    expect(harness.output("out", Count)).toEqual(["a1", "a2", "a1", "a2"]);
    expect(harness.deadLetters().length).toBe(1);
  });

  it("come again after a crash, none is lost, and state is exact", () => {
    const both = numbered((counted) => {
      counted.to(topic("early", Count), { delivery: "at-least-once" });
      counted.to(topic("exact", Count));
    });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 30 }),
        fc.array(fc.constantFrom(undefined, "before-commit", "after-commit"), { maxLength: 8 }),
        (keys, crashes) => {
          const harness = new JobHarness(both, { batchMax: 3, crash: (epoch) => crashes[epoch] });
          for (const key of keys) harness.send("in", Key, key, key);
          harness.run();
          const exact = harness.output("exact", Count);
          const early = harness.output("early", Count);
          expect(exact.length).toBe(keys.length);
          expect(new Set(exact).size).toBe(keys.length);
          expect(new Set(early)).toEqual(new Set(exact));
          if (!crashes.includes("before-commit")) expect(early.length).toBe(keys.length);
        },
      ),
    );
  });
});
