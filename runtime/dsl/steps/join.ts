/**
 * A stream joined with a compacted topic by key, as of the event time of each record: the row that a record gets is the newest
 * version not later than it.
 *
 * J1  A record waits until the watermark has reached it, so that every version that was there in time is known: what it gets
 *     does not depend on which of the two topics is read faster. While the topic's backlog is read it holds the watermark back;
 *     once read to its end, it does not.
 * J2  A version is kept as long as a record that waits, or one that is not late, can ask for it.
 */
import { type Codec, listOf } from "../../../schemas/codec.ts";
import { settled } from "../../settled.ts";
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
  { versions: MapStateDescriptor<Version<Right>>; waiting: MapStateDescriptor<Left> }
> {
  const joined = (
    value: Left,
    timeMs: number,
    versions: MapState<Version<Right>>,
    emit: (out: Out) => void,
  ) => {
    const out = settled("join", join(value, versionAt(versions, timeMs)?.[0]));
    if (out !== undefined) emit(out);
  };
  return {
    state: { versions: mapState(listOf(rowCodec)), waiting: mapState(codec) },
    ...(late && { sides: [late] }),
    timed: true,
    timers: ["event"],
    process(input, { state, timestamp, watermark, timers, emit, side }) {
      const timeMs = timestamp!;
      if ("row" in input) {
        const { value } = input.row;
        state.versions.put(String(timeMs), value === undefined ? [] : [value]);
        prune(state.versions, watermark);
        return;
      }
      if (late && timeMs <= watermark) return side(late, input.left);
      if (!waits || timeMs <= watermark) return joined(input.left, timeMs, state.versions, emit);
      wait(state.waiting, timeMs, input.left);
      timers.onEventTime(timeMs);
    },
    onTimer({ timeMs }, { state, emit }) {
      for (const value of taken(state.waiting, timeMs)) joined(value, timeMs, state.versions, emit);
    },
  };
}

function versionAt<Right>(versions: MapState<Version<Right>>, timeMs: number): Version<Right> | undefined {
  let newest = Number.NEGATIVE_INFINITY;
  let found: Version<Right> | undefined;
  for (const [time, version] of versions.entries()) {
    const at = Number(time);
    if (at > timeMs || at < newest) continue;
    newest = at;
    found = version;
  }
  return found;
}

/** J2: of the versions up to the watermark only the newest can still be asked for, and none if that says there is no row. */
function prune<Right>(versions: MapState<Version<Right>>, watermark: number): void {
  const past = [...versions.entries()]
    .filter(([time]) => Number(time) <= watermark)
    .sort(([a], [b]) => Number(a) - Number(b));
  const [newest] = past.slice(-1);
  if (!newest) return;
  const gone = newest[1].length === 0 ? past : past.slice(0, -1);
  for (const [time] of gone) versions.delete(time);
}
