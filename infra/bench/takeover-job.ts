/** The job of `npm run bench -- takeover`: one small value of state a key, and its new value out. */
import { codecOf, job, topic, valueState } from "../../runtime/index.ts";

export interface Tally {
  key: string;
  count: number;
}

export const INPUT = "takeover-input";
export const OUTPUT = "takeover-output";
export const Key = codecOf<string>("key", "string");
const Count = codecOf<number>("count", "int");
const Tally = codecOf<Tally>("tally", {
  type: "record",
  name: "Tally",
  fields: [
    { name: "key", type: "string" },
    { name: "count", type: "int" },
  ],
});

export default job("takeover", (flow) =>
  flow
    .from(topic(INPUT, Key))
    .keyBy((key) => key)
    .process("count", {
      emits: Tally,
      state: { count: valueState(Count) },
      process(key, { state, emit }) {
        const count = (state.count.get() ?? 0) + 1;
        state.count.put(count);
        emit({ key, count });
      },
    })
    // In the partition of the key, as the input is: each partition shows when its slot works.
    .to(topic(OUTPUT, Tally, { key: ({ key }) => key })),
);
