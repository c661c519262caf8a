import { describe, expect, it } from "vitest";
import {
  boundedDisorder,
  calendarDay,
  calendarMonth,
  calendarWeek,
  codecOf,
  collect,
  everyRecords,
  hours,
  JobError,
  job,
  minutes,
  sideOutput,
  topic,
  type WindowAssigner,
  type WindowOptions,
  windowsBy,
} from "../../index.ts";
import { type HarnessOptions, JobHarness } from "../../testing/index.ts";

interface Step {
  who: string;
  at: string;
  zone: string;
}
const Step = codecOf<Step>("step", {
  type: "record",
  name: "Step",
  fields: ["who", "at", "zone"].map((name) => ({ name, type: "string" })),
});
const Text = codecOf<string>("text", "string");
const late = sideOutput<Step>("late");
const BERLIN = "Europe/Berlin";
const utc = (text: string) => Date.parse(text);
const short = (ms: number) => new Date(ms).toISOString().slice(0, 16);

const listed = collect({
  codec: Step,
  result: (all: readonly Step[], { key, start, end, pane }) =>
    `${key} ${short(start)} ${(end - start) / hours(1)}h ${pane}: ${all.length}`,
});
const harnessOf = (
  assigner: WindowAssigner<Step>,
  options: WindowOptions<Step> = {},
  harness: HarnessOptions = { partitions: 1 },
) =>
  new JobHarness(
    job("calendar", (flow) => {
      const windows = flow
        .from(topic("steps", Step))
        .watermark(boundedDisorder({ timeOf: ({ at }) => utc(at), disorderMax: 0 }))
        .keyBy(({ who }) => who)
        .window("w", assigner, listed, { late, ...options });
      windows.to(topic("out", Text));
      windows.side(late).to(topic("late", Step));
    }),
    harness,
  );
function play(harness: JobHarness, ...all: [who: string, at: string, zone?: string][]): JobHarness {
  for (const [who, at, zone = BERLIN] of all) {
    harness.send("steps", Step, who, { who, at, zone });
    harness.run();
  }
  return harness;
}
const END: [string, string] = ["end", "2030-01-01T00:00:00Z"];
const said = (harness: JobHarness, who = "a") =>
  harness.output("out", Text).filter((text) => text.startsWith(who));

describe("a day of the calendar", () => {
  const overTheChange: [string, string][] = [
    ["a", "2024-03-30T22:59:00Z"],
    ["a", "2024-03-30T23:01:00Z"],
    ["a", "2024-03-31T21:59:00Z"],
    ["a", "2024-03-31T22:01:00Z"],
    ["a", "2024-04-02T12:00:00Z"],
  ];
  const days = [
    "a 2024-03-29T23:00 24h on-time: 1",
    "a 2024-03-30T23:00 23h on-time: 2",
    "a 2024-03-31T22:00 24h on-time: 1",
    "a 2024-04-01T22:00 24h on-time: 1",
  ];
  it("has 23 hours when clocks go forward", () => {
    expect(said(play(harnessOf(calendarDay(BERLIN)), ...overTheChange, END))).toEqual(days);
  });
  it("is the same however the work is cut, and whatever crashes", () => {
    for (const crash of ["before-commit", "after-commit"] as const) {
      let epoch = 0;
      const harness = harnessOf(
        calendarDay(BERLIN),
        {},
        {
          partitions: 1,
          crash: () => (epoch++ % 2 === 1 ? crash : undefined),
        },
      );
      expect(said(play(harness, ...overTheChange, END))).toEqual(days);
    }
  });
  it("has 25 when they go back, and is each record's own where the zone is", () => {
    const harness = play(
      harnessOf(calendarDay(({ zone }) => zone)),
      ["a", "2023-11-05T04:30:00Z", "America/New_York"],
      ["b", "2023-11-05T04:30:00Z", "Asia/Kathmandu"],
      ["a", "2023-11-06T04:30:00Z", "America/New_York"],
      END,
    );
    expect(said(harness)).toEqual(["a 2023-11-05T04:00 25h on-time: 2"]);
    expect(said(harness, "b")).toEqual(["b 2023-11-04T18:15 24h on-time: 1"]);
  });
  it("of two zones that begin together and end apart is two windows, over a restart, too", () => {
    const harness = play(
      harnessOf(calendarDay(({ zone }) => zone)),
      ["a", "2024-03-31T05:00:00Z"],
      ["a", "2024-03-31T05:00:00Z", "Africa/Lagos"],
    );
    harness.restart();
    play(harness, ["a", "2024-03-31T06:00:00Z"], ["a", "2024-03-31T22:30:00Z", "Africa/Lagos"], END);
    expect(said(harness)).toEqual(["a 2024-03-30T23:00 23h on-time: 2", "a 2024-03-30T23:00 24h on-time: 2"]);
    expect(harness.changelogKeys("w").filter((key) => key.includes("\0a\0"))).toEqual([]);
  });
  it("says early and late results, and what is too late, as every window", () => {
    const harness = play(
      harnessOf(calendarDay(BERLIN), { early: everyRecords(2), allowedLateness: minutes(30) }),
      ["a", "2024-03-31T05:00:00Z"],
      ["a", "2024-03-31T06:00:00Z"],
      ["b", "2024-03-31T22:10:00Z"],
      ["a", "2024-03-31T21:00:00Z"],
      ["b", "2024-03-31T22:40:00Z"],
      ["a", "2024-03-31T21:00:00Z"],
    );
    expect(said(harness)).toEqual([
      "a 2024-03-30T23:00 23h early: 2",
      "a 2024-03-30T23:00 23h on-time: 2",
      "a 2024-03-30T23:00 23h late: 3",
    ]);
    expect(harness.output("late", Step)).toHaveLength(1);
  });
  it("in a zone that nobody knows is refused: of all at once, of a record where it comes", () => {
    expect(() => calendarDay("Mars")).toThrow(JobError);
    expect(() => calendarDay("Mars")).toThrow(/calendar day: time zone: "Mars" is not known.*IANA/);
    const harness = play(
      harnessOf(calendarDay(({ zone }) => zone)),
      ["a", "2024-03-31T05:00:00Z", "Mars"],
      END,
    );
    expect(said(harness)).toEqual([]);
    expect(harness.deadLetters().map(({ step, reason }) => `${step}: ${reason}`)).toEqual([
      expect.stringMatching(/^w: time zone: "Mars" is not known/),
    ]);
  });
});

it("weeks and months of the calendar are as long as they are", () => {
  const at: [string, string] = ["a", "2024-03-31T05:00:00Z"];
  expect(said(play(harnessOf(calendarWeek(BERLIN)), at, END))).toEqual([
    "a 2024-03-24T23:00 167h on-time: 1",
  ]);
  expect(said(play(harnessOf(calendarMonth(BERLIN)), at, END))).toEqual([
    "a 2024-02-29T23:00 743h on-time: 1",
  ]);
});

describe("a rule of the job's own", () => {
  it("puts each record where it says", () => {
    // Shifts of eight hours, from six o'clock on; the night's is as long as it takes.
    const shifts = windowsBy<Step>("shifts", (timeMs) => {
      const start = Math.floor((timeMs - hours(6)) / hours(8)) * hours(8) + hours(6);
      return { start, end: start + hours(8) };
    });
    const harness = play(
      harnessOf(shifts),
      ["a", "2024-03-31T05:00:00Z"],
      ["a", "2024-03-31T07:00:00Z"],
      END,
    );
    expect(said(harness)).toEqual(["a 2024-03-30T22:00 8h on-time: 1", "a 2024-03-31T06:00 8h on-time: 1"]);
  });
  it.each([
    ["no window", () => ({ start: Number.NaN, end: 0 })],
    ["one without the record", (timeMs: number) => ({ start: timeMs + 1, end: timeMs + 2 })],
    ["one without an end", (timeMs: number) => ({ start: timeMs, end: Number.POSITIVE_INFINITY })],
    ["one of fractions", (timeMs: number) => ({ start: timeMs - 0.5, end: timeMs + 0.5 })],
    ["a promise", () => Promise.resolve({ start: 0, end: 1 }) as never],
  ])("that gives %s sets the record apart", (_what, assign) => {
    const harness = play(harnessOf(windowsBy("rule", assign)), ["a", "2024-03-31T05:00:00Z"], END);
    expect(said(harness)).toEqual([]);
    expect(harness.deadLetters().map(({ reason }) => reason)).toContainEqual(
      expect.stringMatching(/^rule (gave|must)/),
    );
  });
});
