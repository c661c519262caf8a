/**
 * Mistakes that an author of a job can make, each of which has to be a `JobError` before anything runs. A small part of the random jobs
 * is one of these; a job that is none and is refused all the same is passed over.
 */
import { codecOf } from "../../../schemas/codec.ts";
import { aggregate } from "../../dsl/aggregate.ts";
import type { Flow } from "../../dsl/flow.ts";
import { job } from "../../dsl/job.ts";
import { sideOutput } from "../../dsl/process.ts";
import { mapState } from "../../dsl/state.ts";
import type { KeyedStream } from "../../dsl/stream.ts";
import { topic } from "../../dsl/topic.ts";
import { boundedDisorder } from "../../dsl/watermark.ts";
import { tumbling } from "../../dsl/window.ts";
import { JobError } from "../../errors.ts";
import { planJob } from "../../graph/plan.ts";
import { V } from "./value.ts";

const Count = codecOf<number>("count", "int");
const out = topic("out", V);

const timed = (flow: Flow, disorderMax = 0) =>
  flow.from(topic("in-a", V)).watermark(boundedDisorder<V>({ timeOf: ({ t }) => t, disorderMax }));

/** A stream a part of which has no time. */
const mixed = (flow: Flow): KeyedStream<V> =>
  timed(flow)
    .keyBy(({ k }) => k)
    .union(flow.from(topic("in-b", V)).keyBy(({ k }) => k));

const counts = aggregate<V, number, V>({
  codec: Count,
  create: () => 0,
  add: (count) => count + 1,
  merge: (a, b) => a + b,
  result: (n, { key, start }) => ({ id: "", k: key, sub: key, c: key, n, x: 0, t: start, list: [] }),
});

const NOT_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5];

const forEach = (name: string, describe: (flow: Flow, value: number) => void) =>
  NOT_NUMBERS.map((value): [string, (flow: Flow) => void] => [
    `${name} ${value}`,
    (flow) => describe(flow, value),
  ]);

export const MISTAKES: Readonly<Record<string, (flow: Flow) => void>> = {
  "a window over a union in which a part has no time": (flow) =>
    mixed(flow).window("w", tumbling(10), counts).to(out),
  "dedup over a union in which a part has no time": (flow) =>
    mixed(flow)
      .dedup("d", { idOf: ({ id }) => id, within: 10 })
      .to(out),
  "reorder over a union in which a part has no time": (flow) =>
    mixed(flow)
      .reorder("r", { codec: V, late: sideOutput<V>("late") })
      .to(out),
  "a join of a union in which a part has no time": (flow) =>
    mixed(flow)
      .join("j", flow.versions(topic("rows", V)), { codec: V, join: (value: V) => value })
      .to(out),
  "state that lives in event time over a union in which a part has no time": (flow) =>
    mixed(flow)
      .process("p", {
        emits: V,
        state: { seen: mapState(V, { ttl: { after: 10, time: "event" } }) },
        process: (value, { emit }) => emit(value),
      })
      .to(out),
  "a union of what is before an exchange with what is behind it": (flow) => {
    const values = flow.from(topic("in-a", V));
    values.union(values.keyBy(({ c }) => c, { exchange: { name: "x", codec: V } })).to(out);
  },
  "an async step": (flow) =>
    timed(flow)
      .keyBy(({ k }) => k)
      .process("p", { emits: V, process: (async () => {}) as unknown as () => void })
      .to(out),
  ...Object.fromEntries([
    ...forEach("a disorder of", (flow, ms) => timed(flow, ms).to(out)),
    ...forEach("a window's size of", (flow, ms) =>
      timed(flow)
        .keyBy(({ k }) => k)
        .window("w", tumbling(ms), counts)
        .to(out),
    ),
    ...forEach("a lateness of", (flow, allowedLateness) =>
      timed(flow)
        .keyBy(({ k }) => k)
        .window("w", tumbling(10), counts, { allowedLateness })
        .to(out),
    ),
    ...forEach(
      "a time to live of",
      (_flow, after) => void mapState(V, { ttl: { after, time: "processing" } }),
    ),
    ...forEach("dedup within", (flow, within) =>
      timed(flow)
        .keyBy(({ k }) => k)
        .dedup("d", { idOf: ({ id }) => id, within })
        .to(out),
    ),
  ]),
};

export type Mistake = keyof typeof MISTAKES & string;

/** @returns what is wrong if it is not refused */
export function expectRefusal(mistake: Mistake): string[] {
  try {
    planJob(job("mistaken", MISTAKES[mistake]!));
  } catch (error) {
    if (error instanceof JobError) return [];
    return [`${mistake} is not refused by a JobError, but by: ${(error as Error).message}`];
  }
  return [`${mistake} is not refused before anything runs`];
}
