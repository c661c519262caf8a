/** Windows of every kind, with early and late results. */
import { codecOf } from "../../../../schemas/codec.ts";
import { type Aggregate, aggregate, collect } from "../../../dsl/aggregate.ts";
import { sideOutput } from "../../../dsl/process.ts";
import type { KeyedStream } from "../../../dsl/stream.ts";
import {
  countWindow,
  type EarlyResults,
  everyEventTime,
  everyProcessingTime,
  everyRecords,
  session,
  sliding,
  tumbling,
  type Window,
  type WindowAssigner,
  windowsBy,
} from "../../../dsl/window.ts";
import type { Random } from "../../random.ts";
import type { AnyStream, Scope } from "../scope.ts";
import type { Params } from "../spec.ts";
import type { V } from "../value.ts";
import { keyed, keyedAndTimed, type Operator, type Traits } from "./operator.ts";

export const late = sideOutput<V>("late");

interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

const Summary = codecOf<Summary>("summary", {
  type: "record",
  name: "Summary",
  fields: ["count", "sum", "max"].map((name) => ({ name, type: "double" })),
});

const said = (window: Window, n: number, x: number, list: readonly number[]): V => ({
  id: `[${window.start},${window.end})${window.pane}${window.index}`,
  k: window.key,
  sub: window.key,
  c: window.key,
  n,
  x,
  t: window.end - 1,
  list,
});

const NONE = { count: 0, sum: 0, max: Number.NEGATIVE_INFINITY };

/** Whole numbers alone, so that the order of adding does not matter. */
const summary = (throwsAt: number): Aggregate<V, Summary, V> =>
  aggregate<V, Summary, V>({
    codec: Summary,
    create: () => NONE,
    add: ({ count, sum, max }, { n }) => {
      if (n === throwsAt) throw new Error(`add: n is ${n}`);
      return { count: count + 1, sum: sum + n, max: Math.max(max, n) };
    },
    merge: (a, b) => ({ count: a.count + b.count, sum: a.sum + b.sum, max: Math.max(a.max, b.max) }),
    result: ({ count, sum, max }, window) => {
      if (count === throwsAt) throw new Error(`result: ${count} records`);
      return said(window, count, sum, [max]);
    },
  });

/** The accumulator is changed in place. */
const counts = (): Aggregate<V, Record<string, number>, V> =>
  aggregate<V, Record<string, number>, V>({
    codec: codecOf("counts", { type: "map", values: "double" }),
    create: () => ({}),
    add: (counts, { c }) => {
      counts[`_${c}`] = (counts[`_${c}`] ?? 0) + 1;
      return counts;
    },
    merge: (a, b) => {
      for (const [name, count] of Object.entries(b)) a[name] = (a[name] ?? 0) + count;
      return a;
    },
    copy: (counts) => ({ ...counts }),
    result: (counts, window) => {
      const names = Object.keys(counts).sort();
      return said(
        window,
        names.length,
        0,
        names.map((name) => counts[name]!),
      );
    },
  });

/** All of them; sorted, since a window that is put together from parts has them part by part. */
const all = (scope: Scope, throwsAt: number): Aggregate<V, V[], V> =>
  collect<V, V>({
    codec: scope.codec,
    result: (values, window) => {
      if (values.length === throwsAt) throw new Error(`result: ${values.length} values`);
      const numbers = values.map(({ n }) => n).sort((a, b) => a - b);
      return said(window, values.length, values.length, numbers.slice(0, 20));
    },
  });

function aggregateOf(scope: Scope, { of, throwsAt }: Params): Aggregate<V, unknown, V> {
  const made =
    of === "all" ? all(scope, Number(throwsAt)) : of === "counts" ? counts() : summary(Number(throwsAt));
  return made as Aggregate<V, unknown, V>;
}

const drawAggregate = (random: Random): Params => ({
  of: random.pick(["summary", "all", "counts"]),
  throwsAt: random.chance(0.2) ? random.between(1, 5) : -99,
});

const drawOptions = (random: Random): Params => ({
  ...drawAggregate(random),
  lateness: random.pick([0, 30, 400]),
  late: random.chance(0.5),
  final: random.chance(0.15),
  early: random.pick(["", "", "event", "processing", "records"]),
});

const windowed = ({ late }: Params, input: Traits): Traits => ({
  ...input,
  settled: true,
  sides: late === true ? ["late"] : [],
});

const of =
  (assigner: (params: Params) => WindowAssigner<V>): Operator["build"] =>
  (scope: Scope, [input]: readonly AnyStream[], params: Params, name: string): AnyStream => {
    const { lateness, late: toSide, final } = params;
    const early = earlyOf(String(params.early));
    return (input as KeyedStream<V>).window(name, assigner(params), aggregateOf(scope, params), {
      allowedLateness: Number(lateness),
      ...(final === true && { finalOnly: true }),
      ...(toSide === true && { late }),
      ...(early && { early }),
    });
  };

function earlyOf(kind: string): EarlyResults | undefined {
  if (kind === "event") return everyEventTime(35);
  if (kind === "processing") return everyProcessingTime(700);
  return kind === "records" ? everyRecords(2) : undefined;
}

export const tumblingWindow: Operator = {
  weight: 4,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({
    ...drawOptions(random),
    size: random.pick([10, 100, 1_000]),
    offset: random.pick([0, 7, -3]),
  }),
  traits: windowed,
  build: of(({ size, offset }) => tumbling(Number(size), Number(offset))),
};

export const slidingWindow: Operator = {
  weight: 3,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => {
    const slide = random.pick([10, 40, 100]);
    return {
      ...drawOptions(random),
      slide,
      size: slide * random.between(1, 3) + random.pick([0, 0, 5]),
      offset: random.pick([0, 3]),
    };
  },
  traits: windowed,
  build: of(({ size, slide, offset }) => sliding(Number(size), Number(slide), Number(offset))),
};

export const sessionWindow: Operator = {
  weight: 5,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({ ...drawOptions(random), gap: random.pick([5, 30, 200]) }),
  traits: windowed,
  build: of(({ gap }) => session(Number(gap))),
};

/** Windows of a key that overlap, begin together and end apart. */
export const assignedWindow: Operator = {
  weight: 2,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({
    ...drawOptions(random),
    odd: random.pick([20, 50]),
    even: random.pick([20, 30, 400]),
  }),
  traits: windowed,
  build: of(({ odd, even }) =>
    windowsBy<V>(`${odd} or ${even}`, (timeMs, { n }) => {
      const size = Number(n % 2 === 0 ? even : odd);
      const start = Math.floor(timeMs / size) * size;
      return { start, end: start + size };
    }),
  ),
};

export const countedWindow: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: (random) => ({ ...drawAggregate(random), count: random.between(1, 4) }),
  traits: (_params, input) => ({ ...input!, settled: true, sides: [] }),
  build: (scope, [input], params, name) =>
    (input as KeyedStream<V>).window(name, countWindow(Number(params.count)), aggregateOf(scope, params)),
};
