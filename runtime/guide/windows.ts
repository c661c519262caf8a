import {
  aggregate,
  boundedDisorder,
  everyRecords,
  job,
  minutes,
  seconds,
  sideOutput,
  sliding,
  topic,
  tumbling,
  type Window,
} from "../index.ts";
import { HeartRates, Reading, Summary } from "./schemas.ts";

const tooLate = sideOutput<Reading>("too-late");
const fromTheFuture = sideOutput<Reading>("from-the-future");

const heartRateSummary = aggregate({
  codec: HeartRates,
  create: (): HeartRates => ({ count: 0, max: 0, sum: 0 }),
  add: ({ count, max, sum }, { hr }: Reading) => ({
    count: count + 1,
    max: Math.max(max, hr),
    sum: sum + hr,
  }),
  merge: (a, b) => ({
    count: a.count + b.count,
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
  }),
  result: ({ count, max, sum }, { key, start, pane }: Window): Summary => ({
    device: key,
    startMs: start,
    pane,
    count,
    max,
    mean: sum / count,
  }),
});

/** Beats per minute of each device: Kafka `readings` → `ten-seconds`, `last-hour`, and what fits neither. */
export default job("heart-rate-windows", (flow) => {
  const timed = flow.from(topic("readings", Reading)).watermark(
    boundedDisorder({
      timeOf: ({ tsMs }) => tsMs,
      disorderMax: seconds(5),
      idleAfter: seconds(5),
      quietAfter: seconds(30),
      driftMax: minutes(1),
      future: { ahead: minutes(5), to: fromTheFuture },
    }),
  );
  timed.side(fromTheFuture).to(topic("readings-from-the-future", Reading));

  const byDevice = timed.keyBy(({ device }) => device);
  const tens = byDevice.window("ten-seconds", tumbling(seconds(10)), heartRateSummary, {
    allowedLateness: minutes(1),
    early: everyRecords(5),
    late: tooLate,
  });
  tens.to(topic("ten-seconds", Summary, { key: ({ device }) => device }));
  tens.side(tooLate).to(topic("late-readings", Reading));

  byDevice
    .window("last-hour", sliding(minutes(60), minutes(1)), heartRateSummary)
    .to(topic("last-hour", Summary, { key: ({ device }) => device }));
});
