/** W1 of the peers' bench: heart rates of each participant in windows of ten seconds, each said once, when it closes. */
import { aggregate, boundedDisorder, codecOf, job, seconds, topic, tumbling } from "../../../runtime/index.ts";
import { Upload, WindowResult } from "./schemas.ts";
import { engineSettings } from "./settings.ts";

interface HeartRate {
  participant: string;
  ts: number;
  hr: number;
}

interface HeartRates {
  count: number;
  min: number;
  max: number;
  sum: number;
}

const { input, output, group, disorderMaxMs } = engineSettings();

const HeartRates = codecOf<HeartRates>("heart-rates", {
  type: "record",
  name: "HeartRates",
  fields: ["count", "min", "max", "sum"].map((name) => ({ name, type: "long" })),
});

const heartRates = aggregate({
  codec: HeartRates,
  create: (): HeartRates => ({ count: 0, min: 0, max: 0, sum: 0 }),
  add: ({ count, min, max, sum }, { hr }: HeartRate) => ({
    count: count + 1,
    min: count === 0 ? hr : Math.min(min, hr),
    max: count === 0 ? hr : Math.max(max, hr),
    sum: sum + hr,
  }),
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
    .flatMap("readings", ({ participant, readings }) =>
      readings.map(({ ts, hr }): HeartRate => ({ participant, ts, hr })),
    )
    .watermark(boundedDisorder({ timeOf: ({ ts }) => ts, disorderMax: disorderMaxMs }))
    // The runner puts the records that end the run into every partition, whatever their key.
    .keyBy(({ participant }) => participant, { reinterpret: true })
    .window("tens", tumbling(seconds(10)), heartRates)
    .to(topic(output, WindowResult, { key: ({ participant }) => participant })),
);
