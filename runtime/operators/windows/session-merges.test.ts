import { describe, expect, it } from "vitest";
import {
  boundedDisorder,
  codecOf,
  collect,
  everyRecords,
  type Flow,
  job,
  type KeyedStream,
  session,
  sideOutput,
  topic,
  type WindowOptions,
} from "../../index.ts";
import { JobHarness } from "../../testing/index.ts";

/** Sessions that late records lengthen, bring together, or would touch too late. */

interface Read {
  key: string;
  atMs: number;
}
const Read = codecOf<Read>("read", {
  type: "record",
  name: "Read",
  fields: [
    { name: "key", type: "string" },
    { name: "atMs", type: "long" },
  ],
});
interface Said {
  row: string;
  says: string;
}
const Said = codecOf<Said>("said", {
  type: "record",
  name: "Said",
  fields: [
    { name: "row", type: "string" },
    { name: "says", type: "string" },
  ],
});
const reads = topic("reads", Read);
const rows = topic("rows", Said, { key: ({ row }) => row });
const late = sideOutput<Read>("late");

const listed = collect({
  codec: Read,
  result: (all: readonly Read[], { key, start, end, pane, index, retracted }): Said => ({
    row: `${key}@${start}`,
    says: `[${start},${end}) ${retracted ? "taken back" : pane}${index} ${all
      .map(({ atMs }) => atMs)
      .sort((a, b) => a - b)
      .join()}`,
  }),
});

/** Sessions of a gap of 60; `b` carries the watermark on. */
const sessions = (
  options: WindowOptions<Read> = {},
  below: (stream: KeyedStream<Said>, flow: Flow) => void = (stream) => stream.to(rows),
) =>
  job("sessions", (flow) => {
    const said = flow
      .from(reads)
      .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }))
      .keyBy(({ key }) => key)
      .window("w", session(60), listed, { late, ...options });
    below(said, flow);
    said.side(late).to(topic("late", Read));
  });

function play(harness: JobHarness, ...all: [key: string, atMs: number][]): JobHarness {
  for (const [key, atMs] of all) {
    harness.send("reads", Read, key, { key, atMs });
    harness.run();
  }
  return harness;
}
const harnessOf = (...given: Parameters<typeof sessions>) =>
  new JobHarness(sessions(...given), { partitions: 1 });
/** What is written of `a`, tombstones too. */
const written = (harness: JobHarness, name = "rows") =>
  harness
    .records(name)
    .filter(({ key }) => key?.startsWith("a"))
    .map(({ key, value }) => (value === null ? `${key} deleted` : Said.decode(Buffer.from(value)).says));
const standing = (harness: JobHarness) =>
  harness
    .output("rows", Said)
    .filter(({ row }) => row.startsWith("a"))
    .map(({ says }) => says);

describe("a record near a session that is closed", () => {
  it("is late, though by itself it is not: there is no second session beside the first", () => {
    const harness = play(harnessOf(), ["a", 0], ["b", 65], ["a", 50], ["b", 1_000]);
    expect(written(harness)).toEqual(["[0,60) on-time0 0"]);
    expect(harness.output("late", Read)).toEqual([{ key: "a", atMs: 50 }]);
  });
  it("is so over a restart, and until every such record is late by itself", () => {
    const harness = play(harnessOf(), ["a", 0], ["a", 40], ["b", 100]);
    harness.restart();
    // [0,100) is closed: 100 and less is within its gap, 101 is not.
    play(harness, ["a", 100], ["a", 101], ["b", 1_000]);
    expect(written(harness)).toEqual(["[0,100) on-time0 0,40", "[101,161) on-time0 101"]);
    expect(harness.output("late", Read)).toEqual([{ key: "a", atMs: 100 }]);
    expect(harness.changelogKeys("w").filter((key) => key.includes("\0a\0"))).toEqual([]);
  });
  it("is taken while lateness is allowed", () => {
    const harness = play(
      harnessOf({ allowedLateness: 500 }),
      ["a", 0],
      ["a", 40],
      ["b", 110],
      ["a", 90],
      ["b", 1_000],
    );
    expect(written(harness)).toEqual(["[0,100) on-time0 0,40", "[0,150) on-time1 0,40,90"]);
  });
  it("is late where it would bring an open one together with it, which stays as it is", () => {
    const harness = play(harnessOf(), ["a", 0], ["a", 110], ["a", 55], ["b", 1_000]);
    expect(written(harness)).toEqual(["[0,60) on-time0 0", "[110,170) on-time0 110"]);
    expect(harness.output("late", Read)).toEqual([{ key: "a", atMs: 55 }]);
  });
});

describe("a session that has said its result and becomes part of an earlier one", () => {
  const options = { allowedLateness: 1_000 };

  it("is taken back: its row is deleted before the one of both is said", () => {
    const harness = play(harnessOf(options), ["a", 0], ["a", 110], ["b", 200]);
    harness.restart();
    play(harness, ["a", 55]);
    expect(written(harness)).toEqual([
      "[0,60) on-time0 0",
      "[110,170) on-time0 110",
      "a@110 deleted",
      "[0,170) late1 0,55,110",
    ]);
    expect(standing(harness)).toEqual(["[0,60) on-time0 0", "[0,170) late1 0,55,110"]);
  });
  it("and so is one that starts earlier than it said, and one that said early results alone", () => {
    const early = play(harnessOf({ ...options, early: everyRecords(1) }), ["a", 100], ["a", 50], ["b", 300]);
    expect(written(early)).toEqual([
      "[100,160) early0 100",
      "a@100 deleted",
      "[50,160) early1 50,100",
      "[50,160) on-time2 50,100",
    ]);
  });
  it("but not one that has said nothing yet, or that only ends later", () => {
    const harness = play(harnessOf(options), ["a", 100], ["a", 50], ["a", 120], ["b", 190], ["a", 170]);
    play(harness, ["b", 2_000]);
    expect(written(harness)).toEqual(["[50,180) on-time0 50,100,120", "[50,230) on-time1 50,100,120,170"]);
  });

  it("passes through steps without state as its result did, and deletes the row that came of it", () => {
    const below = (stream: KeyedStream<Said>) => {
      const stays = stream.filter("stays", ({ says }) => !says.includes("early"));
      stays
        .flatMap("twice", ({ row, says }) => ["x", "y"].map((half) => ({ row: `${row}/${half}`, says })))
        .map("shorter", ({ row, says }) => ({ row: row.replace("@", " "), says }))
        .to(topic("halves", Said, { key: ({ row }) => row }));
      stays.to(topic("at-once", Said, { key: ({ row }) => row }), { delivery: "at-least-once" });
      // Without a key every result stands.
      stays.to(topic("log", Said));
    };
    const harness = play(harnessOf(options, below), ["a", 0], ["a", 110], ["b", 200], ["a", 55]);
    const deleted = (name: string) =>
      harness.records(name).flatMap(({ key, value }) => (value === null ? [key] : []));
    expect(deleted("halves")).toEqual(["a 110/x", "a 110/y"]);
    expect(deleted("at-once")).toEqual(["a@110"]);
    expect(deleted("log")).toEqual([]);
    expect(harness.output("log", Said)).toHaveLength(3);
  });

  it("is nothing that a step with state hears of, or what stands behind an exchange", () => {
    const below = (stream: KeyedStream<Said>) => {
      stream
        .process("step", { emits: Said, process: (said, { emit }) => emit(said) })
        .to(topic("stepped", Said, { key: ({ row }) => row }));
      stream
        .keyBy(({ row }) => row, { exchange: { name: "again", codec: Said } })
        .to(topic("exchanged", Said, { key: ({ row }) => row }));
    };
    const harness = play(harnessOf(options, below), ["a", 0], ["a", 110], ["b", 200], ["a", 55]);
    for (const name of ["stepped", "exchanged"]) {
      expect(written(harness, name).filter((text) => text.endsWith("deleted"))).toEqual([]);
      expect(harness.output(name, Said).map(({ says }) => says)).toContain("[110,170) on-time0 110");
    }
  });

  it("stands as it was when the record that would have changed it throws", () => {
    const below = (stream: KeyedStream<Said>) =>
      stream
        .filter("no-three", ({ says }) => {
          if (says.includes("0,55,110")) throw new Error("no three");
          return true;
        })
        .to(rows);
    const harness = play(harnessOf(options, below), ["a", 0], ["a", 110], ["b", 200], ["a", 55], ["a", 120]);
    expect(written(harness)).toEqual([
      "[0,60) on-time0 0",
      "[110,170) on-time0 110",
      "[110,180) late1 110,120",
    ]);
    expect(harness.deadLetters().map(({ reason }) => reason)).toEqual(["no three"]);
  });
});
