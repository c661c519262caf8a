/**
 * Samples of a participant, each once, and the spans between uploads. What is within an upload `samplesOf` knows; what lies
 * between the last reading of one and the first of the next is known only when none can come between any more.
 *
 * SP1  A sample passes once, however often its upload comes: of each upload the last reading that has passed is known.
 * SP2  The first sample of an upload waits until the watermark has reached it. Then its span begins at the last reading
 *      before it of the device: the same whatever order the uploads came in.
 * SP3  A late sample brings no time that a span has already bridged.
 * SP4  What is known of uploads goes by itself once no window takes their readings any more.
 */
import { codecOf, type KeyedProcess, type MapState, mapState } from "../../../runtime/index.ts";
import { Mark, Sample, type Sampling, spanBetween } from "./sample.ts";

const Time = codecOf<number>("time", "long");

const statesOf = (afterMs: number) => {
  const ttl = { after: afterMs, time: "event" } as const;
  return {
    /** By device and upload: time of the last reading that passed (SP1). */
    passed: mapState(Time, { ttl }),
    /** First samples, by `slot` (SP2). */
    waiting: mapState(Sample),
    /** Last readings of uploads, by `slot`. */
    ends: mapState(Mark, { ttl }),
    /** Where bridged spans began, by the `slot` of their ends (SP3). */
    bridges: mapState(Time, { ttl }),
  };
};

/** @param lateMaxMs how long after their time readings still count in some window. */
export function spansStep(
  sampling: Sampling,
  lateMaxMs: number,
): KeyedProcess<Sample, Sample, ReturnType<typeof statesOf>> {
  return {
    emits: Sample,
    state: statesOf(lateMaxMs + sampling.gapMaxMs + 1),
    timers: ["event"],
    process(sample, { state, watermark, timers, emit }) {
      const { device, tsMs, upload, span, uploadEnd } = sample;
      const id = `${device}/${upload}`;
      const passed = state.passed.get(id);
      if (passed !== undefined && tsMs <= passed) return;
      state.passed.put(id, tsMs);
      if (uploadEnd) state.ends.put(slot(uploadEnd.tsMs, device), uploadEnd);
      if (uploadEnd && tsMs > watermark) {
        state.waiting.put(`${slot(tsMs, device)}/${upload}`, sample);
        timers.onEventTime(tsMs);
        return;
      }
      const isCounted = span !== null && tsMs <= watermark && isBridged(sample, state.bridges.entries());
      emit(isCounted ? { ...sample, span: null } : sample);
    },
    onTimer({ timeMs }, { state, emit }) {
      const due = [...state.waiting.entries()].filter(([name]) => timeOf(name) === timeMs);
      for (const [name, sample] of due) {
        state.waiting.delete(name);
        const before = takeLastBefore(sample, state.ends);
        const span = before ? spanBetween(before, sample, sampling) : null;
        if (span) state.bridges.put(slot(timeMs, sample.device), before!.tsMs);
        emit({ ...sample, span });
      }
    },
  };
}

const slot = (tsMs: number, device: string): string => `${tsMs}/${device}`;
const timeOf = (name: string): number => Number(name.slice(0, name.indexOf("/")));
const deviceOf = (name: string): string => name.slice(name.indexOf("/") + 1);

/** Ends before the last one go: timers fire in order, so none of them is the last before any upload again. */
function takeLastBefore({ tsMs, device }: Sample, ends: MapState<Mark>): Mark | undefined {
  const before = [...ends.entries()]
    .filter(([name, end]) => end.tsMs < tsMs && deviceOf(name) === device)
    .sort(([, a], [, b]) => a.tsMs - b.tsMs);
  for (const [name] of before.slice(0, -1)) ends.delete(name);
  return before.at(-1)?.[1];
}

function isBridged({ tsMs, device }: Sample, bridges: Iterable<[string, number]>): boolean {
  for (const [name, fromMs] of bridges)
    if (fromMs < tsMs && tsMs <= timeOf(name) && deviceOf(name) === device) return true;
  return false;
}
