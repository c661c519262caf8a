/** A sink in a process of its own, to be killed: `node sink-process.ts PLACE-AS-JSON`. Prints `working` when it has the lease. */
import { setTimeout as sleep } from "node:timers/promises";
import { startClickHouseSink } from "../index.ts";
import { type Place, tableOf } from "./samples.ts";

const place = JSON.parse(process.argv[2] ?? "") as Place;
const sink = await startClickHouseSink({
  ...place,
  tables: [tableOf(place)],
  log: (line) => console.error(line),
  batchRowsMax: 500,
  lingerMs: 10,
  insertEveryMs: 20,
});
while (sink.state !== "working") await sleep(5);
console.log("working");
