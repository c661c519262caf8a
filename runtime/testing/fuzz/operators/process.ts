/** Keyed steps with state of every kind, timers, side outputs, tables and broadcasts. Each is small, and now and then throws. */
import { codecOf } from "../../../../schemas/codec.ts";
import { type KeyedProcess, type States, sideOutput, type Tables } from "../../../dsl/process.ts";
import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  type TimeToLive,
  valueState,
} from "../../../dsl/state.ts";
import type { KeyedStream } from "../../../dsl/stream.ts";
import type { Random } from "../../random.ts";
import type { AnyStream } from "../scope.ts";
import type { Params } from "../spec.ts";
import type { V } from "../value.ts";
import { keyed, keyedAndTimed, type Operator, type Traits } from "./operator.ts";

const Int = codecOf<number>("int", "int");
const Long = codecOf<number>("long", "long");
const Double = codecOf<number>("double", "double");
const Text = codecOf<string>("text", "string");

export const odd = sideOutput<V>("odd");

const settled = (_params: Params, input: Traits): Traits => ({ ...input, settled: true, sides: [] });
const throwsAt = (random: Random): number => (random.chance(0.3) ? random.between(0, 9) : -99);

function step<S extends States, T extends Tables, I>(
  input: AnyStream | undefined,
  name: string,
  process: KeyedProcess<V, V, S, T, I>,
): AnyStream {
  return (input as KeyedStream<V>).process(name, process);
}

/** After its state and outputs have changed. */
function throwIf({ n }: V, at: unknown): void {
  if (n === at) throw new Error(`process: n is ${n}`);
}

const drawTtl = (random: Random, { timed }: Traits): Params => ({
  ttl: random.pick([0, 0, 30, 200]),
  ttlTime: timed && random.chance(0.7) ? "event" : "processing",
});

const ttlOf = ({ ttl, ttlTime }: Params): { readonly ttl?: TimeToLive } =>
  ttl === 0 ? {} : { ttl: { after: Number(ttl), time: ttlTime === "event" ? "event" : "processing" } };

/** How many, and a sum that may be no number. */
export const counting: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({ ...drawTtl(random, input!), throwsAt: throwsAt(random) }),
  traits: settled,
  build: (_scope, [input], params, name) =>
    step(input, name, {
      state: { count: valueState(Long, ttlOf(params)), sum: valueState(Double) },
      process(value, { key, state, emit, timestamp, ingestMs }) {
        const count = (state.count.get() ?? 0) + 1;
        const sum = (state.sum.get() ?? 0) + value.x;
        state.count.put(count);
        state.sum.put(sum);
        emit({
          ...value,
          c: key,
          n: count,
          x: sum,
          list: [timestamp === undefined ? 0 : 1, ingestMs % 1000],
        });
        throwIf(value, params.throwsAt);
      },
    }),
};

/** What is put does not always fit. */
export const halving: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: (random) => ({ as: random.pick(["int", "long", "text"]) }),
  traits: settled,
  build: (_scope, [input], { as }, name) =>
    step(input, name, {
      state: {
        last: valueState(as === "int" ? Int : as === "long" ? Long : (Text as unknown as typeof Int)),
      },
      process(value, { state, emit }) {
        emit({ ...value, id: `${value.id}<${state.last.get()}` });
        state.last.put((as === "text" ? value.c.slice(0, 4) : value.x) as number);
      },
    }),
};

/** Sets, overwrites and deletes entries, and says all there are. */
export const byName: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({ ...drawTtl(random, input!), throwsAt: throwsAt(random) }),
  traits: settled,
  build: (scope, [input], params, name) =>
    step(input, name, {
      state: { seen: mapState(scope.codec, ttlOf(params)) },
      process(value, { state, emit }) {
        const { seen } = state;
        if (value.n === 0) seen.clear();
        else if (value.n % 4 === 1) seen.delete(value.c);
        else seen.put(value.c, value);
        const names = [...seen.entries()].map(([name, { n }]) => `${name}${n}`).sort();
        emit({
          ...value,
          id: names.join(),
          n: seen.size,
          x: seen.has("x") ? 1 : 0,
          list: [seen.get("y")?.n ?? -1],
        });
        throwIf(value, params.throwsAt);
      },
    }),
};

export const listing: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: (random) => ({ most: random.between(1, 4), throwsAt: throwsAt(random) }),
  traits: settled,
  build: (scope, [input], { most, throwsAt }, name) =>
    step(input, name, {
      state: { last: listState(scope.codec) },
      process(value, { state, emit }) {
        const { last } = state;
        last.add(value);
        if (value.n === 0) last.clear();
        else if (last.get().length > Number(most)) last.put(last.get().slice(-2));
        emit({ ...value, list: last.get().map(({ n }) => n) });
        throwIf(value, throwsAt);
      },
    }),
};

export const reducing: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({ ...drawTtl(random, input!), throwsAt: throwsAt(random) }),
  traits: settled,
  build: (scope, [input], params, name) =>
    step(input, name, {
      state: {
        max: reducingState(scope.codec, (a, b) => (b.n > a.n ? b : a), ttlOf(params)),
        mean: aggregatingState<number, string>(
          Text,
          { create: () => "", add: (all, n) => `${all},${n}`.slice(-20) },
          ttlOf(params),
        ),
      },
      process(value, { state, emit }) {
        if (value.n === 3) state.max.clear();
        state.max.add(value);
        state.mean.add(value.n);
        emit({ ...value, id: `${state.max.get()?.id}/${state.mean.get()}` });
        throwIf(value, params.throwsAt);
      },
    }),
};

export const sideways: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random) => ({ throwsAt: throwsAt(random) }),
  traits: (_params, input) => ({ ...input!, settled: true, sides: ["odd"] }),
  build: (_scope, [input], { throwsAt }, name) =>
    step(input, name, {
      sides: [odd],
      process(value, { emit, side, timestamp, key }) {
        emit(value);
        // What a branch did to time or key must not be seen here.
        if (value.n % 2 !== 0) side(odd, { ...value, id: `${key}@${timestamp}` });
        emit({ ...value, id: `${key}@${timestamp}!` });
        throwIf(value, throwsAt);
      },
    }),
};

/** Silence: a timer that is set anew at each record; in a time of its own choice. */
export const silence: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({
    time: input!.timed && random.chance(0.7) ? "event" : "processing",
    after: random.pick([5, 60, 400]),
    throwsAt: throwsAt(random),
  }),
  traits: (params, input) => ({ ...settled(params, input!), timed: input!.timed && params.time === "event" }),
  build: (_scope, [input], { time, after, throwsAt }, name) => {
    const event = time === "event";
    return step(input, name, {
      state: { due: valueState(Double), heard: valueState(Int) },
      timers: [event ? "event" : "processing"],
      process(value, { state, timers, timestamp, now }) {
        const due = state.due.get();
        if (due !== undefined) {
          if (event) timers.deleteEventTime(due);
          else timers.deleteProcessingTime(due);
        }
        const next = (event ? timestamp! : now) + Number(after);
        state.due.put(next);
        state.heard.put((state.heard.get() ?? 0) + 1);
        if (event) timers.onEventTime(next);
        else timers.onProcessingTime(next);
        throwIf(value, throwsAt);
      },
      onTimer({ timeMs }, { key, state, emit, timestamp, now, ingestMs }) {
        const heard = state.heard.get() ?? 0;
        state.due.clear();
        if (heard % 3 === 2) state.heard.clear();
        emit(fired(key, heard, timeMs, [timestamp === undefined ? 0 : 1, now - ingestMs]));
        if (heard === throwsAt) throw new Error(`onTimer: heard ${heard}`);
      },
    });
  },
};

const fired = (key: string, n: number, timeMs: number, list: readonly number[]): V => ({
  id: `fired at ${timeMs}`,
  k: key,
  sub: key,
  c: key,
  n,
  x: 0,
  t: timeMs,
  list,
});

/** Several timers a key, some behind the watermark, some that set others when they fire, some at no time at all. */
export const alarms: Operator = {
  weight: 3,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({
    ahead: random.pick([-50, 10, 100]),
    chain: random.between(0, 2),
    whole: random.chance(0.8),
  }),
  traits: settled,
  build: (_scope, [input], { ahead, chain, whole }, name) =>
    step(input, name, {
      state: { fires: mapState(Int) },
      timers: ["event"],
      process(value, { timers, timestamp, state, watermark, emit }) {
        if (value.n % 4 === 0) timers.deleteEventTime(timestamp! + Number(ahead));
        else timers.onEventTime(timestamp! + Number(ahead));
        timers.onEventTime(whole === true ? Math.ceil(timestamp! / 100) * 100 : timestamp! + value.x);
        state.fires.put(String(timestamp), value.n);
        if (value.n === 5) emit({ ...value, n: timestamp! <= watermark ? 1 : 0 });
      },
      onTimer({ timeMs }, { key, state, timers, emit }) {
        const names = [...state.fires.entries()]
          .map(([name]) => name)
          .filter((name) => Number(name) <= timeMs);
        for (const name of names) state.fires.delete(name);
        emit(fired(key, names.length, timeMs, []));
        if (names.length > 0 && names.length <= Number(chain)) timers.onEventTime(timeMs + 1);
      },
    }),
};

export const lookingUp: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: () => ({}),
  traits: settled,
  build: (scope, [input], _params, name) =>
    step(input, name, {
      tables: { table: scope.table },
      process(value, { tables, emit }) {
        const rows = [...tables.table.values()].map(({ n }) => n).sort((a, b) => a - b);
        emit({ ...value, id: `${tables.table.get(value.sub)?.id}`, list: rows });
      },
    }),
};

export const ruled: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({ from: input!.timed && random.chance(0.7) }),
  traits: settled,
  build: (scope, [input], { from }, name) =>
    step(input, name, {
      tables: { rules: scope.broadcast(from === true) },
      process(value, { tables: { rules }, emit }) {
        const all = [...rules.entries()].map(([key, { n }]) => `${key}${n}`).sort();
        emit({
          ...value,
          id: `${rules.get(value.k)?.id} of ${all.join()}`,
          n: rules.version,
          list: [rules.versionOf(value.k) ?? -1],
        });
      },
    }),
};

/** What it derives from state is made once a key, and must never know more than state does. */
export const indexed: Operator = {
  weight: 2,
  takes: 1,
  fits: keyed,
  draw: (random) => ({ throwsAt: throwsAt(random) }),
  traits: settled,
  build: (_scope, [input], { throwsAt }, name) =>
    step(input, name, {
      state: { all: mapState(Int) },
      index: ({ state }) => ({ sum: [...state.all.values()].reduce((sum, n) => sum + n, 0) }),
      process(value, { state, index, emit }) {
        const before = state.all.get(value.c) ?? 0;
        const n = Math.abs(value.n) % 100;
        state.all.put(value.c, n);
        index.sum += n - before;
        emit({ ...value, x: index.sum });
        throwIf(value, throwsAt);
      },
    }),
};
