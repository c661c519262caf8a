/** A worker of the raw loop: its partitions from their first to their last record, by the runtime's own reader and codec. */
import { parentPort, workerData } from "node:worker_threads";
import { createPartitionReader } from "../../../runtime/kafka/reader.ts";
import { Upload } from "../peer-schemas.ts";
import type { LoopSettings } from "./counts.ts";

const POLL_MS = 100;

const { brokers, topic, flushMs, worker, workers } = workerData as LoopSettings;

const reader = createPartitionReader({ brokers });
const mine = Array.from({ length: await reader.partitionCount(topic) }, (_, partition) => ({
  topic,
  partition,
})).filter(({ partition }) => partition % workers === worker);
const extents = await reader.offsets(mine);
const left = new Map<number, number>();
mine.forEach(({ partition }, i) => {
  const { first, end } = extents[i]!;
  if (first < end) left.set(partition, end);
});
reader.assign(mine.map((partition, i) => ({ ...partition, offset: extents[i]!.first })));

let readings = 0;
let sumHr = 0;
while (left.size > 0) {
  for (const { partition, records, nextOffset } of await reader.poll(POLL_MS)) {
    while (records.next()) {
      const decoded = Upload.decode(records.buffer, records.valueStart, records.valueEnd);
      for (const { ts, hr } of decoded.readings) {
        if (ts >= flushMs) continue;
        readings++;
        sumHr += hr;
      }
    }
    if (nextOffset >= (left.get(partition) ?? 0)) left.delete(partition);
  }
  parentPort!.postMessage({ readings, sumHr });
}
await reader.close();
