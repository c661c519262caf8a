/** How the API's thread is: looked at when asked, no timer. The process as a whole is counted by the main thread. */
import { performance } from "node:perf_hooks";
import { Gauge, type Registry } from "prom-client";

export function countThread(registry: Registry): void {
  const registers = [registry];
  let last = performance.eventLoopUtilization();
  new Gauge({
    name: "pacestream_api_event_loop_utilization",
    help: "Share of the time since the last look that the API's thread was busy",
    registers,
    collect() {
      const now = performance.eventLoopUtilization();
      this.set(performance.eventLoopUtilization(now, last).utilization);
      last = now;
    },
  });
  new Gauge({
    name: "pacestream_api_heap_bytes",
    help: "Heap of the API's thread in use",
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
}
