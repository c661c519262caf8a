/** Where records come from, where they go, and what steps give aside. */
import { sideOutput } from "../../../dsl/process.ts";
import type { KeyedStream } from "../../../dsl/stream.ts";
import { topic } from "../../../dsl/topic.ts";
import { V } from "../value.ts";
import type { Operator } from "./operator.ts";

export const source: Operator = {
  weight: 0,
  takes: 0,
  fits: () => false,
  draw: (random) => ({ topic: random.pick(["in-a", "in-a", "in-b"]) }),
  traits: () => ({ timed: false, keyed: false, behindKey: false, settled: false, sides: [] }),
  build: (scope, _inputs, params) => scope.source(String(params.topic)),
};

export const side: Operator = {
  weight: 6,
  takes: 1,
  fits: (input) => input!.sides.length > 0,
  draw: (random, input) => ({ output: random.pick(input!.sides) }),
  traits: (_params, input) => ({ ...input!, sides: [] }),
  build: (_scope, [input], { output }) => (input as KeyedStream<V>).side(sideOutput<V>(String(output))),
};

/** Weight 0: each stream that nothing follows gets one. */
export const sink: Operator = {
  weight: 0,
  takes: 1,
  fits: () => true,
  draw: (random) => {
    const key = random.pick(["", "k", "c"]);
    const partitionBy = random.pick(["", "", "c"]);
    if (random.chance(0.1)) return { key, partitionBy, delivery: "at-least-once", to: "own" };
    return { key, partitionBy, delivery: "exactly-once", to: random.chance(0.2) ? "shared" : "own" };
  },
  traits: () => undefined,
  build: (_scope, [input], { key, partitionBy, delivery, to }, name) => {
    const place = (by: string | number | boolean | undefined) => (value: V) =>
      by === "k" ? value.k : value.c;
    // One topic for several, or one for each.
    const out = topic(to === "shared" ? "out-shared" : `out-${name}`, V, {
      ...(key !== "" && { key: place(key) }),
      ...(partitionBy !== "" && { partitionBy: place(partitionBy) }),
    });
    input!.to(out, { delivery: delivery === "at-least-once" ? "at-least-once" : "exactly-once" });
    return undefined;
  },
};
