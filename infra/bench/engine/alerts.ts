/** W2 of the peers' bench: three readings in a row of 180 or more, by participant in the order they come, are an alert. */
import { codecOf, job, topic, valueState } from "../../../runtime/index.ts";
import { Alert, Upload } from "../peer-schemas.ts";
import { engineSettings } from "./settings.ts";

const { input, output, group, guarantee } = engineSettings();

const LIMIT = 180;
const IN_A_ROW = 3;
const Count = codecOf<number>("count", "int");

export default job(group, (flow) =>
  flow
    .from(topic(input, Upload))
    // The runner puts its first records into every partition, whatever their key.
    .keyBy(({ participant }) => participant, { reinterpret: true })
    .process("in-a-row", {
      emits: Alert,
      state: { high: valueState(Count) },
      process({ participant, readings }, { state, ingestMs, emit }) {
        const before = state.high.get() ?? 0;
        let high = before;
        for (const { ts, hr } of readings) {
          if (hr < LIMIT) high = 0;
          else if (++high === IN_A_ROW) {
            emit({ participant, ts, hr, sent: ingestMs });
            high = 0;
          }
        }
        if (high === before) return;
        if (high === 0) state.high.clear();
        else state.high.put(high);
      },
    })
    .to(topic(output, Alert, { key: ({ participant }) => participant }), { delivery: guarantee }),
);
