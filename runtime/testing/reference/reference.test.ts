import { describe, expect, it } from "vitest";
import {
  boundedDisorder,
  codecOf,
  collect,
  type Flow,
  job,
  mapState,
  session,
  sideOutput,
  topic,
  tumbling,
  valueState,
} from "../../index.ts";
import { type InputRecord, Reference, type Taken } from "./index.ts";

const Int = codecOf<number>("int", "int");
const Text = codecOf<string>("text", "string");

/** Each value is "KEY TIME". */
const keyOf = (text: string): string => text.split(" ")[0]!;
const timeOf = (text: string): number => Number(text.split(" ")[1]);
const timed = (flow: Flow, disorderMax = 0) =>
  flow.from(topic("in", Text)).watermark(boundedDisorder<string>({ timeOf, disorderMax }));

/** What a job comes to for records that are taken one by one, by one task. */
function meant(describeJob: (flow: Flow) => void, texts: readonly string[]) {
  const records = texts.map(
    (text): InputRecord => ({ key: keyOf(text), value: Text.encode(text), timestampMs: 0 }),
  );
  const inputs = { records: (_topic: string, partition: number) => (partition === 0 ? records : []) };
  const reference = new Reference(job("meant", describeJob), inputs, {
    partitions: 1,
    parallelism: 1,
    nowMs: 0,
  });
  for (const from of records.keys()) {
    const batches: Taken[] = [{ topic: "in", partition: 0, from, to: from + 1 }];
    const nothing = { tables: [], broadcasts: [], silentBefore: [], silentAfter: [] };
    const reached = Number.NaN;
    reference.follow([{ kind: "turn", section: "in", task: 0, nowMs: 0, batches, reached, ...nothing }]);
  }
  return {
    reference,
    said: (name = "out") =>
      (reference.outputs.get(`${name}/0`) ?? []).flatMap(({ bytes }) => (bytes ? [Text.decode(bytes)] : [])),
    apart: reference.apart[0]!.map(({ step, offset }) => `${step} ${offset}`),
  };
}

const members = collect<string, string>({
  codec: Text,
  result: (texts, { key, start, end, pane, index }) =>
    `${key} [${start},${end}) ${pane}${index}: ${texts.map(timeOf)}`,
});

describe("the reference", () => {
  it("a window says its result when the watermark reaches its last millisecond, and again for what is late", () => {
    const { said, reference } = meant(
      (flow) =>
        timed(flow)
          .keyBy(keyOf)
          .window("w", tumbling(10), members, { allowedLateness: 20 })
          .to(topic("out", Text)),
      ["a 1", "a 9", "a 10", "a 11", "a 2", "a 40", "a 3"],
    );
    expect(said()).toEqual(["a [0,10) on-time0: 1,9", "a [0,10) late1: 1,9,2", "a [10,20) on-time0: 10,11"]);
    expect(reference.late).toBe(1);
  });

  it("sessions that a record lies between are one", () => {
    const { said } = meant(
      (flow) => timed(flow, 100).keyBy(keyOf).window("w", session(10), members).to(topic("out", Text)),
      ["a 0", "a 16", "a 8", "a 200"],
    );
    expect(said()).toEqual(["a [0,26) on-time0: 0,16,8"]);
  });

  it("a record that code throws on leaves nothing but that: no state, no output, no time", () => {
    const { said, apart, reference } = meant(
      (flow) =>
        timed(flow)
          .keyBy(keyOf)
          .process("count", {
            emits: Text,
            state: { count: valueState(Int) },
            process(text, { state, emit, watermark }) {
              const count = (state.count.get() ?? 0) + 1;
              state.count.put(count);
              emit(`${text}: ${count} at ${watermark}`);
              if (timeOf(text) === 50) throw new Error("fifty");
            },
          })
          .to(topic("out", Text)),
      ["a 1", "a 50", "a 3", "a 4"],
    );
    expect(said()).toEqual(["a 1: 1 at -Infinity", "a 3: 2 at 0", "a 4: 3 at 2"]);
    expect(apart).toEqual(["count 1"]);
    expect(reference.watermarkOf({ section: "in", task: 0 })).toBe(3);
  });

  it("what is put has to fit its codec", () => {
    const { said, apart } = meant(
      (flow) =>
        timed(flow)
          .keyBy(keyOf)
          .process("half", {
            emits: Text,
            state: { half: mapState(Int) },
            process(text, { state, emit }) {
              state.half.put("half", timeOf(text) / 2);
              emit(text);
            },
          })
          .to(topic("out", Text)),
      ["a 2", "a 3", "a 4"],
    );
    expect(said()).toEqual(["a 2", "a 4"]);
    expect(apart).toEqual(["half 1"]);
  });

  it("a branch has a time and a key of its own", () => {
    const late = sideOutput<string>("late");
    const { said } = meant(
      (flow) => {
        const texts = timed(flow, 1_000);
        texts
          .timestamps((text) => timeOf(text) - 5)
          .keyBy(() => "other", { reinterpret: true })
          .window("w", tumbling(10), members, { late })
          .to(topic("out-moved", Text));
        texts.keyBy(keyOf).window("v", tumbling(10), members).to(topic("out", Text));
      },
      ["a 12", "a 2000"],
    );
    expect(said()).toEqual(["a [10,20) on-time0: 12"]);
    expect(said("out-moved")).toEqual(["other [0,10) on-time0: 12"]);
  });

  it("timers fire by time, then key; one that is set behind the watermark fires when it moves next", () => {
    const { said } = meant(
      (flow) =>
        timed(flow)
          .keyBy(keyOf)
          .process("alarm", {
            emits: Text,
            timers: ["event"],
            process(text, { timers }) {
              timers.onEventTime(timeOf(text) === 30 ? 1 : 20);
            },
            onTimer: ({ timeMs }, { key, emit, watermark }) => emit(`${key} ${timeMs} at ${watermark}`),
          })
          .to(topic("out", Text)),
      ["b 1", "a 2", "b 30", "c 31"],
    );
    expect(said()).toEqual(["b 1 at 29", "a 20 at 29", "b 20 at 29", "c 20 at 30"]);
  });
});
