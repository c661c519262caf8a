/**
 * `npm run bench -- crowd`: what a record costs a step when ever more come of one key and one millisecond, or are kept, or are kept
 * and deleted again. One task in this thread, changelog included, no Kafka. The cost has to be flat.
 */
import { planJob } from "../../runtime/graph/plan.ts";
import {
  aggregate,
  boundedDisorder,
  codecOf,
  collect,
  countWindow,
  type Flow,
  hours,
  job,
  type KeyedProcess,
  type KeyedStream,
  listState,
  mapState,
  type Stream,
  seconds,
  session,
  sideOutput,
  sliding,
  topic,
  tumbling,
  valueState,
} from "../../runtime/index.ts";
import { polled } from "../../runtime/testing/memory-log.ts";
import { Task } from "../../runtime/worker/task.ts";

export interface CrowdBench {
  readonly step: string;
  /** CPU of a record, by how many records there were. */
  readonly costs: readonly { readonly records: number; readonly nanoseconds: number }[];
  /** The dearest of the larger sizes by the first, which has the engine's warming-up in it. */
  readonly growth: number;
}

const N = codecOf<number>("n", "long");
/** How much dearer a record may become from the first size to any other: caches end, garbage is collected. */
const GROWTH_MAX = 4;
const START_MS = 1_700_000_000_000;
const CHUNK = 5_000;

const count = aggregate<number, number, number>({
  codec: N,
  create: () => 0,
  add: (sum) => sum + 1,
  merge: (a, b) => a + b,
  result: (sum) => sum,
});
const all = collect({ codec: N, result: (values: readonly number[]) => values.length });

/** A step that keeps something of each record, by its number. */
const keeping = (step: Omit<KeyedProcess<number, number>, "emits">): KeyedProcess<number, number> => ({
  emits: N,
  ...step,
});

type Crowd = (keyed: KeyedStream<number>, flow: Flow) => Stream<number>;

/** All records of one key and millisecond, unless `spread` says their time. */
const CROWDS: Readonly<Record<string, Crowd>> = {
  "tumbling window": (keyed) => keyed.window("step", tumbling(seconds(1)), count),
  "tumbling window that collects": (keyed) => keyed.window("step", tumbling(seconds(1)), all),
  "sliding window that collects": (keyed) => keyed.window("step", sliding(seconds(3), seconds(1)), all),
  session: (keyed) => keyed.window("step", session(seconds(1)), count),
  "session that collects": (keyed) => keyed.window("step", session(seconds(1)), all),
  "sessions, one a record": (keyed) => keyed.window("step", session(5), count),
  "count window": (keyed) => keyed.window("step", countWindow(1e9), all),
  reorder: (keyed) => keyed.reorder("step", { codec: N, late: sideOutput<number>("late") }),
  dedup: (keyed) => keyed.dedup("step", { idOf: String, within: seconds(5) }),
  join: (keyed, flow) =>
    keyed.join("step", flow.versions(topic("rows", N), { timeOf: () => START_MS }), {
      codec: N,
      join: (n) => n,
    }),
  "join, one version a record": (keyed, flow) =>
    keyed.join("step", flow.versions(topic("rows", N), { timeOf: (n) => START_MS + 10 * n }), {
      codec: N,
      join: (n) => n,
    }),
  "list state": (keyed) =>
    keyed.process("step", {
      emits: N,
      state: { s: listState(N) },
      process: (n, { state }) => state.s.add(n),
    }),
  "map state": (keyed) =>
    keyed.process("step", {
      emits: N,
      state: { s: mapState(N) },
      process: (n, { state }) => state.s.put(`${n}`, n),
    }),
  "map state, each entry deleted": (keyed) =>
    keyed.process("step", {
      emits: N,
      state: { s: mapState(N, { ttl: { after: hours(1), time: "event" } }) },
      process(n, { state }) {
        state.s.put(`${n}`, n);
        state.s.delete(`${n}`);
      },
    }),
  "timers, one a record": (keyed) =>
    keyed.process(
      "step",
      keeping({
        timers: ["event"],
        process: (n, { timers, timestamp }) => timers.onEventTime(timestamp! + n),
        onTimer() {},
      }),
    ),
  "a timer set anew by each record": (keyed) =>
    keyed.process("step", {
      emits: N,
      state: { due: valueState(N) },
      timers: ["processing"],
      process(n, { state, timers }) {
        const due = state.due.get();
        if (due !== undefined) timers.deleteProcessingTime(due);
        state.due.put(START_MS + hours(1) + n);
        timers.onProcessingTime(START_MS + hours(1) + n);
      },
      onTimer() {},
    }),
  "time to live, less than what comes in a turn": (keyed) =>
    keyed.process("step", {
      emits: N,
      state: { s: mapState(N, { ttl: { after: 1, time: "event" } }) },
      process: (n, { state }) => state.s.put(`${n}`, n),
    }),
};

/** Those whose records have times of their own, ten milliseconds apart. */
const SPREAD = /one a record$|one version|time to live/;

export function benchCrowd(sizes: readonly number[], only?: string): CrowdBench[] {
  const names = Object.keys(CROWDS).filter((name) => only === undefined || name.includes(only));
  return names.map((step) => {
    const costs = sizes.map((records) => ({ records, nanoseconds: costOf(step, records) }));
    const [first, ...larger] = costs;
    const growth = Math.max(...larger.map(({ nanoseconds }) => nanoseconds)) / first!.nanoseconds;
    return { step, costs, growth };
  });
}

function costOf(step: string, records: number): number {
  const spread = SPREAD.test(step);
  // The last record is far ahead: all that waits for time is due.
  const timeOf = (n: number) => (n < 0 ? START_MS + 1e12 : spread ? START_MS + 10 * n : START_MS);
  const disorderMax = step.startsWith("time to live") ? 0 : 100 * records;
  const definition = job("crowd", (flow) => {
    const keyed = flow
      .from(topic("in", N))
      .watermark(boundedDisorder({ timeOf, disorderMax }))
      .keyBy(() => "k");
    CROWDS[step]!(keyed, flow).to(topic("out", N));
  });
  const plan = planJob(definition).stages[0]!;
  const partitions = Object.fromEntries(plan.outputs.map((name) => [name, 1]));
  const task = new Task(
    plan,
    { job: "crowd", slot: 0, parallelism: 1, inputPartitions: 1, partitions, watermarkEveryMs: 0 },
    1,
  );
  task.seal(() => ({ first: 0, end: 0 }), START_MS);
  const topics = plan.inputs.map((input) => input.topic);
  const before = process.cpuUsage();
  for (let at = 0; at <= records; at += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, records - at) }, (_, i) => at + i);
    const values = numbers.map((n) => ({ key: "k", value: N.encode(n) }));
    for (const name of topics) task.process(polled(name, 0, at, values), START_MS);
    task.tick(START_MS);
    task.cut();
  }
  for (const name of topics)
    task.process(polled(name, 0, records, [{ key: "k", value: N.encode(-1) }]), START_MS);
  task.tick(START_MS);
  task.cut();
  const { user, system } = process.cpuUsage(before);
  if (task.counters.deadLetters > 0) throw new Error(`${step}: ${task.counters.deadLetters} dead letters`);
  return ((user + system) * 1_000) / records;
}

export const isFlat = ({ growth }: CrowdBench): boolean => growth <= GROWTH_MAX;

export function describeCrowd(results: readonly CrowdBench[]): string {
  return results
    .map((result) => {
      const costs = result.costs.map(
        ({ records, nanoseconds }) => `${records}: ${nanoseconds.toFixed(0)} ns`,
      );
      return `${result.step.padEnd(46)} ${costs.join("  ")}${isFlat(result) ? "" : `  not flat: × ${result.growth.toFixed(1)}`}`;
    })
    .join("\n");
}
