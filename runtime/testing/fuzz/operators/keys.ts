/** Which key a record belongs to. */
import type { V } from "../value.ts";
import type { Operator, Traits } from "./operator.ts";

const isKeyed = (_params: unknown, input: Traits): Traits => ({
  ...input,
  keyed: true,
  behindKey: true,
  sides: [],
});

/** As the topic is partitioned already. */
export const keyBy: Operator = {
  weight: 8,
  takes: 1,
  fits: ({ settled }) => !settled,
  draw: (random) => ({ throwsAt: random.chance(0.1) ? random.between(0, 9) : -99 }),
  traits: isKeyed,
  build: (_scope, [input], { throwsAt }) =>
    input!.keyBy(({ k, n }) => {
      if (n === throwsAt) throw new Error(`keyBy: n is ${n}`);
      return k;
    }),
};

/** A finer key than that of the partition. */
export const keyBySub: Operator = {
  weight: 3,
  takes: 1,
  fits: ({ settled }) => !settled,
  draw: (random) => ({ cut: random.pick([0, 0, 4]) }),
  traits: isKeyed,
  build: (_scope, [input], { cut }) =>
    input!.keyBy(({ sub }) => (cut === 0 ? sub : sub.slice(0, Number(cut))), { reinterpret: true }),
};

/** Through an exchange, by what has nothing to do with where the record stands. */
export const rekey: Operator = {
  weight: 4,
  takes: 1,
  fits: () => true,
  draw: (random) => ({ by: random.pick(["c", "cut", "k", "one"]) }),
  traits: (_params, input) => ({ ...input!, keyed: true, behindKey: true, settled: true, sides: [] }),
  build: (scope, [input], { by }, name) =>
    input!.keyBy((value) => keyOf(value, String(by)), { exchange: { name, codec: scope.codec } }),
};

function keyOf({ c, k, n }: V, by: string): string {
  if (by === "cut") return c.slice(0, 4);
  if (by === "one") return n === 7 ? (undefined as unknown as string) : "one";
  return by === "c" ? c : k;
}
