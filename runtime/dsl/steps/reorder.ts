/** Records of a key in the order of their event time: each waits until the watermark has reached it. */
import type { Codec } from "../../../schemas/codec.ts";
import type { KeyedProcess, SideOutput } from "../process.ts";
import { type MapState, type MapStateDescriptor, mapState } from "../state.ts";

export interface ReorderOptions<T> {
  /** How records lie in a checkpoint while they wait. */
  readonly codec: Codec<T>;
  /** Gets the records that came when later ones had already left: there is no place for them in the order any more. */
  readonly late: SideOutput<T>;
}

export function reorderStep<T>({
  codec,
  late,
}: ReorderOptions<T>): KeyedProcess<T, T, { waiting: MapStateDescriptor<T> }> {
  return {
    state: { waiting: mapState(codec) },
    sides: [late],
    timed: true,
    timers: ["event"],
    process(value, { state, timestamp, watermark, timers, side }) {
      if (timestamp! <= watermark) return side(late, value);
      wait(state.waiting, timestamp!, value);
      timers.onEventTime(timestamp!);
    },
    waited: {
      codec: codec as Codec<unknown>,
      take: (timeMs, { state }) => taken(state.waiting, timeMs),
      give: (value, { emit }) => emit(value as T),
    },
  };
}

/**
 * Keeps a value until `taken` of its time; those of one time stay in the order they came, numbered from 0. How many there are is found
 * by halving: a whole field may stand in one millisecond.
 */
export function wait<T>(waiting: MapState<T>, timeMs: number, value: T): void {
  const has = (nth: number) => waiting.has(`${timeMs}/${nth}`);
  let free = 0;
  while (has(free)) free = 2 * free + 1;
  for (let taken = (free - 1) >> 1; free - taken > 1; ) {
    const middle = (free + taken) >> 1;
    if (has(middle)) taken = middle;
    else free = middle;
  }
  waiting.put(`${timeMs}/${free}`, value);
}

export function taken<T>(waiting: MapState<T>, timeMs: number): T[] {
  const values: T[] = [];
  for (let nth = 0; ; nth++) {
    const value = waiting.get(`${timeMs}/${nth}`);
    if (value === undefined) return values;
    waiting.delete(`${timeMs}/${nth}`);
    values.push(value);
  }
}
