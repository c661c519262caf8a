/** W1 of the peers' bench: heart rates of each participant in windows of ten seconds, each said once, when it closes. */
import {
  aggregate,
  boundedDisorder,
  codecOf,
  job,
  seconds,
  topic,
  tumbling,
} from "../../../runtime/index.ts";
import { type Reading, Upload, WindowResult } from "../peer-schemas.ts";
import { engineSettings } from "./settings.ts";

interface HeartRates {
  count: number;
  min: number;
  max: number;
  sum: number;
}

const { input, output, group, disorderMaxMs, guarantee } = engineSettings();

const HeartRates = codecOf<HeartRates>("heart-rates", {
  type: "record",
  name: "HeartRates",
  fields: ["count", "min", "max", "sum"].map((name) => ({ name, type: "long" })),
});

const heartRates = aggregate({
  codec: HeartRates,
  create: (): HeartRates => ({ count: 0, min: 0, max: 0, sum: 0 }),
  copy: ({ count, min, max, sum }) => ({ count, min, max, sum }),
  add: (rates, { hr }: Reading) => {
    if (rates.count === 0 || hr < rates.min) rates.min = hr;
    if (rates.count === 0 || hr > rates.max) rates.max = hr;
    rates.count++;
    rates.sum += hr;
    return rates;
  },
  merge: (a, b) => ({
    count: a.count + b.count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
  }),
  result: ({ count, min, max, sum }, { key, start, end }): WindowResult => ({
    participant: key,
    start,
    end,
    count,
    min,
    max,
    avg: sum / count,
  }),
});

export default job(group, (flow) =>
  flow
    .from(topic(input, Upload))
    // Readings lie in an upload in the order of their times.
    .watermark(boundedDisorder({ timeOf: ({ readings }) => readings.at(-1)!.ts, disorderMax: disorderMaxMs }))
    // The runner puts the records that end the run into every partition, whatever their key.
    .keyBy(({ participant }) => participant, { reinterpret: true })
    .flatMap("readings", ({ readings }, emit: (reading: Reading) => void) => {
      for (const reading of readings) emit(reading);
    })
    .timestamps(({ ts }) => ts)
    .window("tens", tumbling(seconds(10)), heartRates)
    .to(topic(output, WindowResult, { key: ({ participant }) => participant }), { delivery: guarantee }),
);
