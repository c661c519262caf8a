import { describe, expect, it } from "vitest";
import * as api from "../index.ts";
import {
  boundedDisorder,
  codecOf,
  collect,
  countWindow,
  type DedupOptions,
  type DeviceClockOptions,
  everyEventTime,
  everyProcessingTime,
  everyRecords,
  type Flow,
  type JoinOptions,
  job,
  mapState,
  type ReorderOptions,
  session,
  sideOutput,
  sliding,
  type TimeToLive,
  topic,
  tumbling,
  valueState,
  type WatermarkOptions,
  type WindowOptions,
  watermarkBy,
} from "../index.ts";
import { type HarnessOptions, JobHarness } from "../testing/job-harness.ts";
import type { TopicOptions } from "./topic.ts";

const Text = codecOf<string>("text", "string");
const input = topic("in", Text);

/** Every option of the public API that takes a number, by its types: one that is added and is not in the table does not compile. */
type Numbers<Options> = {
  [Name in keyof Options & string]-?: NonNullable<Options[Name]> extends number ? Name : never;
}[keyof Options & string];
type TakesNumbers<Name extends keyof typeof api> = (typeof api)[Name] extends (
  ...given: infer Given
) => unknown
  ? NonNullable<Given[number & keyof Given]> extends number
    ? Name
    : never
  : never;
type Durations = "milliseconds" | "seconds" | "minutes" | "hours";
type NumberOption =
  | Exclude<{ [Name in keyof typeof api]: TakesNumbers<Name> }[keyof typeof api], Durations>
  | `watermark.${Numbers<Parameters<typeof boundedDisorder<string>>[0]> | Numbers<WatermarkOptions<string>>}`
  | `watermark.future.${Numbers<NonNullable<WatermarkOptions<string>["future"]>>}`
  | `window.${Numbers<WindowOptions<string>>}`
  | `ttl.${Numbers<TimeToLive>}`
  | `dedup.${Numbers<DedupOptions<string>>}`
  | `deviceClock.${Numbers<DeviceClockOptions<string>>}`
  | `reorder.${Numbers<ReorderOptions<string>>}`
  | `join.${Numbers<JoinOptions<string, string, string>>}`
  | `topic.${Numbers<TopicOptions<string>>}`
  | `harness.${Numbers<HarnessOptions>}`;

interface Case {
  /** As the message names it. */
  readonly named: RegExp;
  /** One that is right. */
  readonly right: number;
  /** Right beside those that are wrong for all. */
  readonly allowed?: readonly number[];
  readonly use: (value: number) => unknown;
}

const inFlow = (describe: (flow: Flow) => void) => job("options", describe).graph();
const timed = (options: Partial<WatermarkOptions<string>> = {}) =>
  boundedDisorder<string>({ timeOf: Number, disorderMax: 0, ...options });
const keyed = (flow: Flow) =>
  flow
    .from(input)
    .watermark(timed())
    .keyBy((text) => text);
const texts = collect({ codec: Text, result: (all: readonly string[]) => all.join() });
const harness = (options: HarnessOptions) =>
  new JobHarness(
    job("options", (flow) => flow.from(input).to(topic("out", Text))),
    options,
  );

const OPTIONS: Readonly<Record<NumberOption, Case | readonly Case[]>> = {
  tumbling: [
    { named: /tumbling.*size/, right: 10, use: (value) => tumbling(value) },
    { named: /tumbling.*offset/, right: 10, allowed: [0, -1], use: (value) => tumbling(10, value) },
  ],
  sliding: [
    { named: /sliding.*size/, right: 10, use: (value) => sliding(value, 10) },
    { named: /sliding.*slide/, right: 10, use: (value) => sliding(10, value) },
    { named: /sliding.*offset/, right: 10, allowed: [0, -1], use: (value) => sliding(10, 10, value) },
  ],
  session: { named: /session.*gap/, right: 10, use: session },
  countWindow: { named: /countWindow.*count/, right: 10, use: countWindow },
  everyEventTime: { named: /everyEventTime.*interval/, right: 10, use: everyEventTime },
  everyProcessingTime: { named: /everyProcessingTime.*interval/, right: 10, use: everyProcessingTime },
  everyRecords: { named: /everyRecords.*count/, right: 10, use: everyRecords },
  "watermark.disorderMax": {
    named: /disorderMax/,
    right: 10,
    allowed: [0],
    use: (disorderMax) => boundedDisorder({ timeOf: Number, disorderMax }),
  },
  "watermark.idleAfter": [
    { named: /idleAfter/, right: 10, allowed: [0], use: (idleAfter) => timed({ idleAfter }) },
    {
      named: /idleAfter/,
      right: 10,
      allowed: [0],
      use: (idleAfter) =>
        watermarkBy({ timeOf: Number, idleAfter, generator: () => ({ onRecord: (_text, ms) => ms }) }),
    },
  ],
  "watermark.quietAfter": {
    named: /quietAfter/,
    right: 10,
    allowed: [0],
    use: (quietAfter) => timed({ idleAfter: 0, quietAfter }),
  },
  "watermark.driftMax": {
    named: /driftMax/,
    right: 10,
    allowed: [0],
    use: (driftMax) => timed({ driftMax }),
  },
  "watermark.future.ahead": {
    named: /future\.ahead/,
    right: 10,
    allowed: [0],
    use: (ahead) => timed({ future: { ahead } }),
  },
  "window.allowedLateness": {
    named: /window "w".*allowedLateness/,
    right: 10,
    allowed: [0],
    use: (allowedLateness) =>
      inFlow((flow) => void keyed(flow).window("w", tumbling(10), texts, { allowedLateness })),
  },
  "ttl.after": [
    {
      named: /ttl\.after/,
      right: 10,
      use: (after) => valueState(Text, { ttl: { after, time: "processing" } }),
    },
    { named: /ttl\.after/, right: 10, use: (after) => mapState(Text, { ttl: { after, time: "event" } }) },
    {
      named: /ttl\.after/,
      right: 10,
      use: (after) => api.reducingState(Text, (a) => a, { ttl: { after, time: "event" } }),
    },
    {
      named: /ttl\.after/,
      right: 10,
      use: (after) =>
        api.aggregatingState(Text, { create: () => "", add: (a) => a }, { ttl: { after, time: "event" } }),
    },
  ],
  "dedup.within": {
    named: /dedup "d": within/,
    right: 10,
    use: (within) => inFlow((flow) => void keyed(flow).dedup("d", { idOf: (text) => text, within })),
  },
  "deviceClock.skewMax": {
    named: /deviceClock "c": skewMax/,
    right: 10,
    use: (skewMax) =>
      inFlow((flow) => void keyed(flow).deviceClock("c", { skewMax, wrong: sideOutput<string>("wrong") })),
  },
  "deviceClock.samples": {
    named: /deviceClock "c": samples/,
    right: 10,
    use: (samples) =>
      inFlow(
        (flow) =>
          void keyed(flow).deviceClock("c", { skewMax: 10, samples, wrong: sideOutput<string>("wrong") }),
      ),
  },
  "topic.partitions": {
    named: /topic "t": partitions/,
    right: 10,
    use: (partitions) => topic("t", Text, { partitions }),
  },
  "harness.partitions": {
    named: /partitions/,
    right: 2,
    use: (partitions) => harness({ partitions, parallelism: 1 }),
  },
  "harness.parallelism": { named: /parallelism/, right: 2, use: (parallelism) => harness({ parallelism }) },
  "harness.nowMs": { named: /nowMs/, right: 10, allowed: [0], use: (nowMs) => harness({ nowMs }) },
  "harness.batchMax": { named: /batchMax/, right: 10, use: (batchMax) => harness({ batchMax }) },
  "harness.turnsAnEpoch": {
    named: /turnsAnEpoch/,
    right: 10,
    use: (turnsAnEpoch) => harness({ turnsAnEpoch }),
  },
};

const HOSTILE: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  0.5,
  -0.5,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  "10",
  null,
  10n,
  {},
  () => 10,
];

describe("a number that is none is refused where it is given, by the option's name:", () => {
  it.each(
    Object.entries(OPTIONS).flatMap(([option, cases]) =>
      [cases].flat().map((one: Case) => ({ option, ...one })),
    ),
  )("$option ($named)", ({ named, right, allowed = [], use }) => {
    for (const value of HOSTILE) {
      if (allowed.includes(value as number)) continue;
      let thrown: unknown;
      try {
        use(value as number);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `${String(value)} is refused`).toBeInstanceOf(api.JobError);
      expect((thrown as Error).message).toMatch(named);
      expect((thrown as Error).message).toContain(typeof value === "string" ? `"${value}"` : String(value));
    }
    for (const value of [right, ...allowed]) expect(() => use(value)).not.toThrow();
  });
});

describe("a choice that is none is refused by the option's name:", () => {
  const odd = "wall clock" as "event";
  it.each([
    [/ttl\.time/, () => valueState(Text, { ttl: { after: 10, time: odd } })],
    [
      /dedup "d": time/,
      () => inFlow((flow) => void keyed(flow).dedup("d", { idOf: (text) => text, within: 1, time: odd })),
    ],
    [
      /delivery/,
      () => inFlow((flow) => flow.from(input).to(topic("out", Text), { delivery: odd as "exactly-once" })),
    ],
  ])("%s", (named, use) => {
    expect(use).toThrow(api.JobError);
    expect(use).toThrow(named);
    expect(use).toThrow('"wall clock"');
  });
});
