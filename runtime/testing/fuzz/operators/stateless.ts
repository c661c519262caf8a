/** What looks at one record at a time. */
import type { V } from "../value.ts";
import { any, asGiven, type Operator } from "./operator.ts";

export const map: Operator = {
  weight: 2,
  takes: 1,
  fits: any,
  draw: (random) => ({
    plus: random.between(1, 3),
    throwsAt: random.chance(0.4) ? random.between(0, 9) : -99,
  }),
  traits: asGiven,
  build: (_scope, [input], { plus, throwsAt }, name) =>
    input!.map(name, (value): V => {
      if (value.n === throwsAt) throw new Error(`map: n is ${value.n}`);
      return { ...value, id: `${value.id}+`, n: (value.n + Number(plus)) | 0 };
    }),
};

export const filter: Operator = {
  weight: 1,
  takes: 1,
  fits: any,
  draw: (random) => ({
    modulo: random.between(2, 4),
    throwsAt: random.chance(0.2) ? random.between(0, 9) : -99,
  }),
  traits: asGiven,
  build: (_scope, [input], { modulo, throwsAt }, name) =>
    input!.filter(name, ({ n }) => {
      if (n === throwsAt) throw new Error(`filter: n is ${n}`);
      return n % Number(modulo) !== 0;
    }),
};

/** Some by `emit`, some returned; and now and then it throws when it has given some. */
export const flatMap: Operator = {
  weight: 2,
  takes: 1,
  fits: any,
  draw: (random) => ({
    emits: random.chance(0.5),
    throwsAfter: random.chance(0.2) ? random.between(1, 3) : 99,
  }),
  traits: asGiven,
  build: (_scope, [input], { emits, throwsAfter }, name) =>
    input!.flatMap(name, (value, emit) => {
      const each = value.list.slice(0, 4).map((at, index): V => {
        if (index === throwsAfter) throw new Error(`flatMap: ${index} values`);
        const one = { ...value, id: `${value.id}.${index}`, t: value.t - at * 10, list: [] };
        if (emits) emit(one);
        return one;
      });
      return emits ? undefined : each;
    }),
};

export const union: Operator = {
  weight: 2,
  takes: 2,
  fits: (a, b) => a!.timed === b!.timed,
  draw: () => ({}),
  traits: (_params, a, b) => ({
    timed: a!.timed && b!.timed,
    keyed: a!.keyed && b!.keyed,
    behindKey: a!.behindKey || b!.behindKey,
    settled: a!.settled || b!.settled,
    sides: [],
  }),
  build: (_scope, [a, b]) => a!.union(b!),
};
