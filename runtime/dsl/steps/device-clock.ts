/**
 * Sets records apart of devices whose clock is wrong. A device's skew is estimated as the median, over its last uploads, of
 * when Kafka got one less the device's clock when it sent it: the way there takes a while, which the bound has to allow for.
 * The median is not moved by few uploads that took long, and comes back once more than half of them are right again.
 *
 * Records of one Kafka record are one upload; of these the latest clock counts.
 */
import { codecOf } from "../../../schemas/codec.ts";
import { eventTimeOf } from "../../time.ts";
import { count, duration, plain } from "../options.ts";
import type { KeyedProcess, SideOutput } from "../process.ts";
import { type ValueStateDescriptor, valueState } from "../state.ts";

export interface DeviceClockOptions<T> {
  /** How far a clock may be off, either way. */
  readonly skewMax: number;
  /**
   * The device's clock when it sent the record. Default: the record's event time, which is fit for devices that send at once: one
   * that was offline for long would pass for one whose clock is behind.
   */
  readonly sentOf?: (value: T) => number;
  /** How many uploads the estimate looks at. Default 9. */
  readonly samples?: number;
  /** Gets the records of devices whose clock is wrong, as they are. */
  readonly wrong: SideOutput<T>;
}

/** They are all written with each upload. */
const SAMPLES_MAX = 1_000;

interface Skews {
  /** Of the last uploads, the newest last. */
  skewsMs: number[];
  /** When Kafka got the newest. */
  ingestMs: number;
}

const Skews = codecOf<Skews>("skews", {
  type: "record",
  name: "Skews",
  fields: [
    { name: "skewsMs", type: { type: "array", items: "double" } },
    { name: "ingestMs", type: "double" },
  ],
});

export function deviceClockStep<T>(
  name: string,
  { skewMax, sentOf, samples = 9, wrong }: DeviceClockOptions<T>,
): KeyedProcess<T, T, { skews: ValueStateDescriptor<Skews> }> {
  if (sentOf) plain(`deviceClock "${name}": sentOf`, sentOf);
  duration(`deviceClock "${name}": skewMax`, skewMax, 1);
  count(`deviceClock "${name}": samples`, samples, SAMPLES_MAX);
  return {
    timed: sentOf === undefined,
    state: { skews: valueState(Skews) },
    sides: [wrong],
    process(value, { state, timestamp, ingestMs, emit, side }) {
      const sentMs = sentOf ? eventTimeOf("sentOf", sentOf(value)) : timestamp!;
      const before = state.skews.get();
      const after = withSample(before, ingestMs, ingestMs - sentMs, samples);
      if (after !== before) state.skews.put(after);
      if (Math.abs(median(after.skewsMs)) > skewMax) side(wrong, value);
      else emit(value);
    },
  };
}

function withSample(before: Skews | undefined, ingestMs: number, skewMs: number, samples: number): Skews {
  if (!before) return { skewsMs: [skewMs], ingestMs };
  const newest = before.skewsMs.at(-1)!;
  if (before.ingestMs !== ingestMs) return { skewsMs: [...before.skewsMs, skewMs].slice(-samples), ingestMs };
  if (newest <= skewMs) return before;
  return { skewsMs: [...before.skewsMs.slice(0, -1), skewMs], ingestMs };
}

/** The lower of the two in the middle when their number is even: an old upload is likelier than a slow clock. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1]!;
}
