/**
 * The limit that an engine on this runtime is measured against: fetch, check, walk and decode all of a topic, and count.
 * No windows, no state, no output, no transaction. Takes what an engine takes of the environment (`peers/README.md`) and
 * BENCH_FLUSH_MS, the event time from which a reading is not the input's own but a former run's end.
 *
 * One worker for each of BENCH_P, partition p in worker p mod BENCH_P. Prints what is counted so far, one JSON line each
 * quarter of a second, and ends at the end of the topic.
 */
import { Worker } from "node:worker_threads";
import { addCounts, type Counts, type LoopSettings, noCounts } from "./counts.ts";

const PRINT_MS = 250;

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const workers = Number(process.env.BENCH_P ?? 2);
const counted: Counts[] = [];
const print = () => console.log(JSON.stringify(counted.reduce(addCounts, noCounts())));

const printing = setInterval(print, PRINT_MS);
await Promise.all(
  Array.from({ length: workers }, (_, worker) => {
    const settings: LoopSettings = {
      brokers: setting("BENCH_BOOTSTRAP").split(","),
      topic: setting("BENCH_IN"),
      flushMs: Number(setting("BENCH_FLUSH_MS")),
      worker,
      workers,
    };
    counted[worker] = noCounts();
    const thread = new Worker(new URL("./worker.ts", import.meta.url), { workerData: settings });
    return new Promise<void>((resolve, reject) => {
      thread.on("message", (counts: Counts) => {
        counted[worker] = counts;
      });
      thread.once("error", reject).once("exit", () => resolve());
    });
  }),
);
clearInterval(printing);
print();
