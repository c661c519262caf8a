/** Steps that come with the runtime. */
import { sideOutput } from "../../../dsl/process.ts";
import type { KeyedStream } from "../../../dsl/stream.ts";
import type { Params } from "../spec.ts";
import type { V } from "../value.ts";
import { keyed, keyedAndTimed, type Operator, type Traits } from "./operator.ts";

export const tooLate = sideOutput<V>("too-late");
export const wrongClock = sideOutput<V>("wrong-clock");

const settled = (input: Traits, ...sides: string[]): Traits => ({ ...input, settled: true, sides });

export const dedup: Operator = {
  weight: 3,
  takes: 1,
  fits: keyed,
  draw: (random, input) => ({
    within: random.pick([50, 5_000]),
    time: input!.timed && random.chance(0.8) ? "event" : "processing",
    by: random.pick(["id", "c"]),
  }),
  traits: (_params, input) => settled(input!),
  build: (_scope, [input], { within, time, by }, name) =>
    (input as KeyedStream<V>).dedup(name, {
      idOf: ({ id, c }) => (by === "id" ? id : c),
      within: Number(within),
      time: time === "event" ? "event" : "processing",
    }),
};

export const reorder: Operator = {
  weight: 3,
  takes: 1,
  fits: keyedAndTimed,
  draw: () => ({}),
  traits: (_params, input) => settled(input!, "too-late"),
  build: (scope, [input], _params, name) =>
    (input as KeyedStream<V>).reorder(name, { codec: scope.codec, late: tooLate }),
};

export const join: Operator = {
  weight: 3,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({
    waits: random.chance(0.7),
    late: random.chance(0.5),
    throwsAt: random.chance(0.2) ? random.between(0, 9) : -99,
  }),
  traits: ({ late }: Params, input) => settled(input!, ...(late === true ? ["too-late"] : [])),
  build: (scope, [input], { waits, late, throwsAt }, name) =>
    (input as KeyedStream<V>).join(name, scope.versions, {
      codec: scope.codec,
      wait: waits === true,
      ...(late === true && { late: tooLate }),
      join: (value, row): V | undefined => {
        if (value.n === throwsAt) throw new Error(`join: n is ${value.n}`);
        if (value.n === 8) return undefined;
        return { ...value, id: `${value.id} with ${row?.id}`, x: row?.x ?? -1 };
      },
    }),
};

export const deviceClock: Operator = {
  weight: 1,
  takes: 1,
  fits: keyedAndTimed,
  draw: (random) => ({ skew: random.pick([100, 1_000]), samples: random.pick([1, 4, 9]) }),
  traits: (_params, input) => settled(input!, "wrong-clock"),
  build: (_scope, [input], { skew, samples }, name) =>
    (input as KeyedStream<V>).deviceClock(name, {
      skewMax: Number(skew),
      samples: Number(samples),
      sentOf: ({ t }) => t,
      wrong: wrongClock,
    }),
};
