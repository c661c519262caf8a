import { describe, expect, it } from "vitest";
import {
  aggregate,
  aggregatingState,
  codecOf,
  collect,
  countWindow,
  type Flow,
  job,
  listState,
  mapState,
  sideOutput,
  topic,
  valueState,
} from "../index.ts";
import { JobHarness } from "./job-harness.ts";

/** What is changed in place, though others have it, is a dead letter in the harness, with the step and what to do. */

interface R {
  v: number;
  list: number[];
}
const R = codecOf<R>("r", {
  type: "record",
  name: "R",
  fields: [
    { name: "v", type: "double" },
    { name: "list", type: { type: "array", items: "int" } },
  ],
});
const Rs = codecOf<R[]>("rs", {
  type: "array",
  items: {
    type: "record",
    name: "R",
    fields: [
      { name: "v", type: "double" },
      { name: "list", type: { type: "array", items: "int" } },
    ],
  },
});
const Text = codecOf<string>("text", "string");
const input = topic("in", R);
const out = topic("out", R);
const side = sideOutput<R>("side");
const keyed = (flow: Flow) => flow.from(input).keyBy(() => "k");
/** A step that does this to its state after it was put there by the record before. */
const stateful = (flow: Flow, change: (context: StepContext) => void) =>
  keyed(flow)
    .process("s", {
      emits: R,
      state: {
        value: valueState(R),
        map: mapState(R),
        list: listState(R),
        sum: aggregatingState<R, R>(R, {
          create: () => ({ v: 0, list: [] }),
          add: (sum, { v }) => ({ ...sum, v: sum.v + v }),
        }),
      },
      sides: [side],
      process(value, context) {
        const { state } = context;
        if (state.value.get() !== undefined) change(context as unknown as StepContext);
        state.value.put(value);
        state.map.put("x", value);
        state.list.add(value);
        state.sum.add(value);
      },
    })
    .to(out);
interface StepContext {
  readonly state: {
    readonly value: { get(): R; put(value: R): void };
    readonly map: {
      get(name: string): R;
      values(): IterableIterator<R>;
      entries(): IterableIterator<[string, R]>;
    };
    readonly list: { get(): R[] };
    readonly sum: { get(): R };
  };
  emit(value: R): void;
  side(output: typeof side, value: R): void;
}

const changes: [string, (flow: Flow) => void][] = [
  [
    "a record, in a branch",
    (flow) => {
      const source = flow.from(input);
      source
        .map("s", (r) => {
          r.v *= 2;
          return r;
        })
        .to(out);
      source.to(topic("raw", R));
    },
  ],
  [
    "a list in a record",
    (flow) =>
      flow
        .from(input)
        .filter("s", ({ list }) => list.push(1) > 0)
        .to(out),
  ],
  [
    "a value that was emitted already",
    (flow) =>
      flow
        .from(input)
        .flatMap("s", (r, emit: (each: R) => void) => {
          const made = { ...r };
          emit(made);
          made.v++;
          emit(made);
        })
        .to(out),
  ],
  ["a value got from state", (flow) => stateful(flow, ({ state }) => void state.value.get().v++)],
  ["an entry of a map", (flow) => stateful(flow, ({ state }) => void state.map.get("x").v++)],
  [
    "a value of a map, from its values",
    (flow) => stateful(flow, ({ state }) => void [...state.map.values()][0]!.v++),
  ],
  ["one of its entries", (flow) => stateful(flow, ({ state }) => void [...state.map.entries()][0]![1].v++)],
  [
    "a list of state",
    (flow) => stateful(flow, ({ state }) => void state.list.get().push({ v: 1, list: [] })),
  ],
  ["a value in a list of state", (flow) => stateful(flow, ({ state }) => void state.list.get()[0]!.v++)],
  ["an aggregate of state", (flow) => stateful(flow, ({ state }) => void state.sum.get().v++)],
  [
    "what was put into state",
    (flow) =>
      stateful(flow, ({ state }) => {
        const value = { v: 1, list: [] };
        state.value.put(value);
        value.v = 2;
      }),
  ],
  [
    "what was emitted by a step",
    (flow) =>
      stateful(flow, ({ emit }) => {
        const value = { v: 1, list: [] };
        emit(value);
        value.v = 2;
      }),
  ],
  [
    "an accumulator without copy",
    (flow) =>
      keyed(flow)
        .window(
          "s",
          countWindow(2),
          aggregate({
            codec: Rs,
            create: () => [] as R[],
            add: (all: R[], r: R) => {
              all.push(r);
              return all;
            },
            merge: (a, b) => [...a, ...b],
            result: (all) => all[0]!,
          }),
        )
        .to(out),
  ],
  [
    "an accumulator by result, though it has copy",
    (flow) =>
      keyed(flow)
        .window("s", countWindow(2), collect({ codec: R, result: (all) => (all as R[]).reverse()[0]! }))
        .to(out),
  ],
  [
    "a row of a table",
    (flow) => {
      const rows = flow.table(topic("rows", R), { keyOf: () => "row" });
      keyed(flow)
        .process("s", {
          emits: R,
          tables: { rows },
          process(_value, { tables }) {
            tables.rows.get("row")!.v++;
          },
        })
        .to(out);
    },
  ],
];

describe("what is changed in place is set apart, with what to do:", () => {
  it.each(changes)("%s", (_what, describe) => {
    const harness = new JobHarness(job("changes", describe), { partitions: 1 });
    if (describe.toString().includes('"rows"')) harness.send("rows", R, "row", { v: 1, list: [] });
    for (let v = 1; v <= 2; v++) harness.send("in", R, "k", { v, list: [] });
    harness.run();
    const letters = harness.deadLetters();
    expect(letters.map(({ step }) => step)).toContain("s");
    expect(letters[0]!.reason).toMatch(/changed in place.*make a new one/);
    expect(harness.output("raw", R)).toEqual([]);
  });
});

it("what is one's own may be changed: an index, an accumulator with copy, what has not been handed on", () => {
  const harness = new JobHarness(
    job("own", (flow) => {
      keyed(flow)
        .process("s", {
          emits: R,
          index: () => ({ seen: [] as number[] }),
          process({ v }, { index, emit }) {
            index.seen.push(v);
            const made: R = { v: 0, list: [] };
            made.v = index.seen.length;
            emit(made);
          },
        })
        .window("w", countWindow(2), collect({ codec: R, result: (all) => all.map(({ v }) => v).join() }))
        .to(topic("text", Text));
    }),
    { partitions: 1 },
  );
  for (let v = 1; v <= 4; v++) harness.send("in", R, "k", { v, list: [] });
  harness.run();
  expect(harness.deadLetters()).toEqual([]);
  expect(harness.output("text", Text)).toEqual(["1,2", "3,4"]);
});
