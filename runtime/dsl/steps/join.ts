/**
 * A stream joined with a compacted topic by key, as of the event time of each record: the row that a record gets is the newest
 * version not later than it.
 *
 * J1  A record waits until the watermark has reached it, so that every version that was there in time is known: what it gets
 *     does not depend on which of the two topics is read faster. While the topic's backlog is read it holds the watermark back;
 *     once read to its end, it does not.
 * J2  A version is kept as long as a record that waits, or one that is not late, can ask for it.
 * J3  Versions of a key are found by their times in order (the step's index): what one costs does not depend on how many there are.
 */
import { type Codec, listOf } from "../../../schemas/codec.ts";
import { settled } from "../../settled.ts";
import { Line } from "../../state/line.ts";
import type { KeyedProcess, SideOutput } from "../process.ts";
import { type MapState, type MapStateDescriptor, mapState } from "../state.ts";
import { taken, wait } from "./reorder.ts";

/** One record of a compacted topic. */
export interface Row<V> {
  readonly key: string;
  /** `undefined`: the row is deleted. */
  readonly value: V | undefined;
  /** Kafka's timestamp of the record. */
  readonly ingestMs: number;
}

export interface JoinOptions<Left, Right, Out> {
  /** How records lie in a checkpoint while they wait. */
  readonly codec: Codec<Left>;
  /** @param row `undefined` when there is none as of the record's time. @returns what is emitted; `undefined`: nothing. */
  readonly join: (value: Left, row: Right | undefined) => Out | undefined;
  /**
   * Default true (J1). False: a record is joined when it comes, with the versions known then: sooner, by as much as the
   * watermark is behind, but not the same in each run.
   */
  readonly wait?: boolean;
  /** Gets the records that are late when they come. Default: they are joined with the oldest version that is kept. */
  readonly late?: SideOutput<Left>;
}

export type JoinInput<Left, Right> = { readonly left: Left } | { readonly row: Row<Right> };

/** A version: its row, or nothing where the row was deleted. */
type Version<Right> = Right[];

export function joinStep<Left, Right, Out>(
  rowCodec: Codec<Right>,
  { codec, join, wait: waits = true, late }: JoinOptions<Left, Right, Out>,
): KeyedProcess<
  JoinInput<Left, Right>,
  Out,
  { versions: MapStateDescriptor<Version<Right>>; waiting: MapStateDescriptor<Left> },
  Record<never, never>,
  Line<number>
> {
  type Versions = MapState<Version<Right>>;
  /** What is joined with what holds at its time. @param times asked for only where there are versions: they stay in memory */
  const joined = (value: Left, timeMs: number, versions: Versions, times: () => Line<number>) => {
    const time = versions.size > 0 ? lastUpTo(times(), timeMs) : undefined;
    const row = time === undefined ? undefined : versions.get(String(time))?.[0];
    return settled("join", join(value, row));
  };
  return {
    state: { versions: mapState(listOf(rowCodec)), waiting: mapState(codec) },
    /** Times of the versions, in order (J3). */
    index({ state }) {
      const times = new Line<number>((time) => time);
      for (const [time] of state.versions.entries()) times.insert(Number(time));
      return times;
    },
    ...(late && { sides: [late] }),
    timed: true,
    timers: ["event"],
    process(input, context) {
      const { state, watermark, timers, emit, side } = context;
      const timeMs = context.timestamp!;
      if ("row" in input) {
        const { value } = input.row;
        const times = context.index;
        if (lastUpTo(times, timeMs) !== timeMs) times.insert(timeMs);
        state.versions.put(String(timeMs), value === undefined ? [] : [value]);
        prune(state.versions, times, watermark);
        return;
      }
      if (late && timeMs <= watermark) return side(late, input.left);
      if (waits && timeMs > watermark) {
        wait(state.waiting, timeMs, input.left);
        timers.onEventTime(timeMs);
        return;
      }
      const out = joined(input.left, timeMs, state.versions, () => context.index);
      if (out !== undefined) emit(out);
    },
    waited: {
      codec: codec as Codec<unknown>,
      take: (timeMs, { state }) => taken(state.waiting, timeMs),
      give(value, context) {
        const { state, timestamp, emit } = context;
        const out = joined(value as Left, timestamp!, state.versions, () => context.index);
        if (out !== undefined) emit(out);
      },
    },
  };
}

const lastUpTo = (times: Line<number>, timeMs: number): number | undefined =>
  times.at(times.countWhile((time) => time <= timeMs) - 1);

/** J2: of the versions up to the watermark only the newest can still be asked for, and none if that says there is no row. */
function prune<Right>(versions: MapState<Version<Right>>, times: Line<number>, watermark: number): void {
  const past = times.countWhile((time) => time <= watermark);
  if (past === 0) return;
  const newest = versions.get(String(times.at(past - 1)))!;
  for (const time of times.takeFirst(newest.length === 0 ? past : past - 1)) versions.delete(String(time));
}
