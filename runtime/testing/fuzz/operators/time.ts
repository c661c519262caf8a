/** Where event time comes from. */

import { sideOutput } from "../../../dsl/process.ts";
import type { TimedStream } from "../../../dsl/stream.ts";
import { boundedDisorder, type WatermarkGenerator, watermarkBy } from "../../../dsl/watermark.ts";
import type { V } from "../value.ts";
import { asGiven, type Operator, type Traits } from "./operator.ts";

export const future = sideOutput<V>("future");

const notYet = ({ timed, behindKey }: Traits): boolean => !timed && !behindKey;
const timed = ({ future }: { readonly future?: unknown }, input: Traits): Traits => ({
  ...input,
  timed: true,
  sides: future === "side" ? ["future"] : [],
});

export const watermark: Operator = {
  weight: 12,
  takes: 1,
  fits: notYet,
  draw: (random) => ({
    disorder: random.pick([0, 5, 50, 500]),
    future: random.pick(["", "", "on", "side"]),
    idle: random.pick([0, 1_000, 5_000]),
  }),
  traits: (params, input) => timed(params, input),
  build: (_scope, [input], { disorder, future: ahead, idle }) =>
    input!.watermark(
      boundedDisorder<V>({
        timeOf: ({ t }) => t,
        disorderMax: Number(disorder),
        idleAfter: Number(idle),
        ...(ahead !== "" && { future: { ahead: 2_000, ...(ahead === "side" && { to: future }) } }),
      }),
    ),
};

/** Says how far it is now and then, by what the records say; and at the end that all is said, as Flink's MAX_WATERMARK. */
export const watermarkByGenerator: Operator = {
  weight: 4,
  takes: 1,
  fits: notYet,
  draw: (random) => ({ says: random.pick(["each", "some", "end", "back"]) }),
  traits: (params, input) => timed(params, input),
  build: (_scope, [input], { says }) =>
    input!.watermark(
      watermarkBy<V>({ timeOf: ({ t }) => t, generator: () => generator(String(says)) }),
    ) as TimedStream<V>,
};

function generator(says: string): WatermarkGenerator<V> {
  let records = 0;
  return {
    onRecord({ n }, timeMs) {
      records++;
      if (says === "back") return timeMs - 100;
      if (says === "some") return n % 3 === 0 ? timeMs - 1 : Number.NEGATIVE_INFINITY;
      if (says === "end" && records > 15) return Number.POSITIVE_INFINITY;
      return timeMs - 20;
    },
  };
}

export const timestamps: Operator = {
  weight: 2,
  takes: 1,
  fits: (input) => input!.timed,
  draw: (random) => ({
    less: random.pick([0, 10, 300]),
    throwsAt: random.chance(0.2) ? random.between(0, 9) : -99,
  }),
  traits: asGiven,
  build: (_scope, [input], { less, throwsAt }) =>
    input!.timestamps(({ t, n }) => {
      if (n === throwsAt) throw new Error(`timestamps: n is ${n}`);
      return t - Number(less);
    }),
};
