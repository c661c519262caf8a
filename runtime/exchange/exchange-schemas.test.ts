import { describe, expect, it } from "vitest";
import { type Codec, codecOf } from "../../schemas/codec.ts";
import { job, reducingState, topic } from "../index.ts";
import { JobHarness } from "../testing/index.ts";
import { encodeSchema, SCHEMA } from "./exchange-record.ts";
import { TOLD_EVERY_MS } from "./exchange-schemas.ts";

interface Part {
  k: string;
  n: number | null;
}
const fields = (...more: object[]) => ({
  type: "record",
  name: "Part",
  fields: [...more, { name: "k", type: "string" }],
});
const V1 = codecOf<Part>("part", fields({ name: "n", type: "int" }));
const V2 = codecOf<Part>(
  "part",
  fields({ name: "extra", type: "string", default: "?" }, { name: "n", type: ["int", "null"], default: 0 }),
);
const Text = codecOf<string>("text", "string");
const Sum = codecOf<number>("sum", "int");

const EXCHANGE = "sums.x.exchange";
const sums = (codec: Codec<Part>, exchange = "x") =>
  job("sums", (flow) => {
    flow
      .from(topic("in", Text))
      .map("part", (text): Part => ({ k: text[0]!, n: text.length }))
      .keyBy(({ k }) => k, { exchange: { name: exchange, codec } })
      .process("sum", {
        emits: Text,
        state: { sum: reducingState(Sum, (a, b) => a + b) },
        process({ k, n }, { state, emit }) {
          state.sum.add(n!);
          emit(`${k} ${state.sum.get()}`);
        },
      })
      .to(topic("out", Text));
  });

/** One whose second stage does not run while `held`. */
function harnessOf(codec: Codec<Part>, options: { batchMax?: number } = {}) {
  const dies = { always: false };
  const held = { is: false };
  const harness = new JobHarness(sums(codec), {
    partitions: 1,
    ...options,
    crash: () => {
      if (held.is && harness.output("out", Text).length === 0 && reads++ > 0) throw new Error("held");
      return dies.always ? "after-commit" : undefined;
    },
  });
  let reads = 0;
  /** Lets the first stage alone commit. */
  const write = (...texts: string[]) => {
    for (const text of texts) harness.send("in", Text, text, text);
    held.is = true;
    reads = 0;
    expect(() => harness.run()).toThrow("held");
    held.is = false;
  };
  return { harness, write, dies };
}

const toldIn = (harness: JobHarness) =>
  harness.records(EXCHANGE).filter(({ value }) => value![0] === SCHEMA).length;

describe("what travels between two stages", () => {
  it.each([
    ["the next version", V1, V2],
    ["the version before", V2, V1],
  ])("is read by %s", (_what, before, next) => {
    const { harness, write } = harnessOf(before);
    write("a", "aa", "b");
    harness.restart(sums(next));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1", "a 3", "b 1"]);
    expect(harness.deadLetters()).toEqual([]);
  });

  it.each([V1, V2])("is read, of two versions side by side, by either", (reader) => {
    const { harness, write } = harnessOf(V1);
    for (const [codec, text] of [
      [V1, "a"],
      [V2, "aa"],
      [V1, "aaa"],
      [V2, "aaaa"],
    ] as const) {
      harness.restart(sums(codec));
      write(text);
    }
    harness.restart(sums(reader));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1", "a 3", "a 6", "a 10"]);
  });

  it("is read by the next version where the one before had read what was told, and no further", () => {
    const { harness, write } = harnessOf(V1, { batchMax: 1 });
    write("a", "aa", "aaa");
    harness.restart();
    while (harness.output("out", Text).length === 0) harness.run(1);
    expect(harness.output("out", Text)).toEqual(["a 1"]);
    harness.restart(sums(V2));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1", "a 3", "a 6"]);
    expect(harness.deadLetters()).toEqual([]);
  });

  it("is read after a restart beyond what was told, wherever the reader stands", () => {
    const { harness, write, dies } = harnessOf(V1, { batchMax: 1 });
    write("a", "aa", "aaa");
    // Its task dies after each record that it took, what was told among them.
    dies.always = true;
    harness.restart(sums(V2));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1", "a 3", "a 6"]);
    // The reader kept what it was told, with its progress: by the version before, and by its own.
    expect(
      harness.changelogKeys("sum").filter((key) => key.startsWith(`s\0@exchange.${EXCHANGE}\0`)),
    ).toHaveLength(2);
  });

  it("was written by a program that named no schema: it is read as the job's own", () => {
    const { harness } = harnessOf(V2);
    const head = Buffer.alloc(9);
    head.writeDoubleLE(Number.NaN, 1);
    harness.sendBytes(EXCHANGE, "a", Buffer.concat([head, V2.encode({ k: "a", n: 4 })]));
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 4"]);
  });

  it("is a dead letter where nobody told what it is written with any more", () => {
    const { harness, write } = harnessOf(V1);
    write("a");
    const data = harness.records(EXCHANGE).find(({ value }) => value![0] !== SCHEMA)!;
    const later = harnessOf(V2).harness;
    later.sendBytes(EXCHANGE, "a", data.value);
    later.send("in", Text, "b", "b");
    later.run();
    expect(later.output("out", Text)).toEqual(["b 1"]);
    expect(later.deadLetters().map(({ reason }) => reason)).toEqual([
      `it is written with a schema that ${EXCHANGE} does not hold any more`,
    ]);
    later.sendBytes(EXCHANGE, "a", encodeSchema(V1.schema));
    later.sendBytes(EXCHANGE, "a", data.value);
    later.run();
    expect(later.output("out", Text)).toEqual(["b 1", "a 1"]);
  });

  it("stops the task where the job's schema cannot read it, so that nothing is lost", () => {
    const { harness, write } = harnessOf(V1);
    write("a");
    const data = harness.records(EXCHANGE).find(({ value }) => value![0] !== SCHEMA)!;
    const other = codecOf<Part>("part", fields({ name: "n", type: "int" }, { name: "more", type: "int" }));
    const later = harnessOf(other).harness;
    later.sendBytes(EXCHANGE, "a", encodeSchema(V1.schema));
    later.sendBytes(EXCHANGE, "a", data.value);
    expect(() => later.run()).toThrow(
      /which this one cannot read: part: Part\.more is not in what was written/,
    );
  });

  it("is told again each hour that records come, for topics forget", () => {
    const { harness } = harnessOf(V1);
    for (let hour = 0; hour < 4; hour++) {
      harness.send("in", Text, "a", "a");
      harness.send("in", Text, "a", "a");
      harness.run();
      expect(toldIn(harness)).toBe(hour + 1);
      harness.advance(TOLD_EVERY_MS);
    }
    expect(toldIn(harness)).toBe(4);
  });
});
