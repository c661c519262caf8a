/** The first record of an id within a time; the others are left out. A keyed step like those of jobs. */
import { codecOf } from "../../../schemas/codec.ts";
import { refusePromise } from "../../settled.ts";
import { DURATION_MAX_MS } from "../../time.ts";
import { duration, oneOf, plain } from "../options.ts";
import type { KeyedProcess, TimeDomain } from "../process.ts";
import { type MapStateDescriptor, mapState } from "../state.ts";

export interface DedupOptions<T> {
  readonly idOf: (value: T) => string;
  /**
   * How much later than the first one a record of the same id is still left out. At least the disorder of the stream: a record
   * from before the first one seen counts as the same, however far before.
   */
  readonly within: number;
  /** `event` (default) goes by the records' time: the same whenever they are read. `processing`: by the node's clock. */
  readonly time?: TimeDomain;
}

const Time = codecOf<number>("time", "double");

export function dedupStep<T>(
  name: string,
  { idOf, within, time = "event" }: DedupOptions<T>,
): KeyedProcess<T, T, { seen: MapStateDescriptor<number> }> {
  plain(`dedup "${name}": idOf`, idOf);
  duration(`dedup "${name}": within`, within, 1);
  oneOf(`dedup "${name}": time`, time, ["event", "processing"]);
  return {
    // Seen by records of up to `within` after it, that time included.
    state: { seen: mapState(Time, { ttl: { after: Math.min(within + 1, DURATION_MAX_MS), time } }) },
    process(value, { state, timestamp, now, emit }) {
      const id = idOf(value);
      if (typeof id !== "string") refusePromise("idOf", id);
      if (typeof id !== "string") throw new Error(`idOf gave ${String(id)}: an id is a string`);
      if (state.seen.has(id)) return;
      state.seen.put(id, time === "event" ? timestamp! : now);
      emit(value);
    },
  };
}
