/** What the live part counts, for Prometheus and the log: the followers' records and lag, the streams' events. */
import type { FastifyBaseLogger } from "fastify";
import { Counter, Gauge, type Registry } from "prom-client";
import type { FollowerEvents } from "./follower.ts";
import type { ModelEvents } from "./model.ts";
import type { StreamEvents } from "./stream.ts";

/** A log that repeats one bad record's kind thousands of times hides everything else. */
const SKIPPED_LOGGED_MAX = 100;

export function liveEvents(
  registry: Registry,
  log: FastifyBaseLogger,
): { follower: Omit<FollowerEvents, "changed">; models: ModelEvents; streams: StreamEvents } {
  const registers = [registry];
  const records = new Counter({
    name: "pacestream_live_records_total",
    help: "Records applied to the read models",
    labelNames: ["topic"],
    registers,
  });
  const skipped = new Counter({
    name: "pacestream_live_skipped_total",
    help: "Records that could not be read or applied",
    labelNames: ["topic"],
    registers,
  });
  const lag = new Gauge({
    name: "pacestream_live_lag_records",
    help: "Records of the log not applied yet",
    labelNames: ["topic", "partition"],
    registers,
  });
  const interrupted = new Counter({
    name: "pacestream_live_interruptions_total",
    help: "Times that following the log began anew",
    registers,
  });
  const events = new Counter({
    name: "pacestream_sse_events_total",
    help: "Events written, one a reader",
    labelNames: ["event"],
    registers,
  });
  const resumes = new Counter({
    name: "pacestream_sse_resumes_total",
    help: "Readers that came back with a Last-Event-ID",
    labelNames: ["how"],
    registers,
  });
  const slow = new Counter({
    name: "pacestream_sse_slow_readers_total",
    help: "Readers that did not keep up",
    labelNames: ["outcome"],
    registers,
  });
  let skippedLogged = 0;
  return {
    models: {
      skipped(topic, partition, offset, reason) {
        skipped.inc({ topic });
        if (skippedLogged++ < SKIPPED_LOGGED_MAX)
          log.warn({ topic, partition, offset, reason }, "live: record skipped");
      },
    },
    follower: {
      progress(topic, partition, count, lagRecords) {
        records.inc({ topic }, count);
        lag.set({ topic, partition }, lagRecords);
      },
      interrupted(error, pauseMs) {
        interrupted.inc();
        log.warn({ err: error, pauseMs }, "live: following the log was interrupted and begins anew");
      },
    },
    streams: {
      sent: (event, readers) => events.inc({ event }, readers),
      passedOver: () => slow.inc({ outcome: "passed_over" }),
      disconnectedStuck: () => slow.inc({ outcome: "disconnected" }),
      resumed: (how) => resumes.inc({ how }),
      failed: (view, error) => log.warn({ view, err: error }, "live: a view can no longer be read"),
    },
  };
}
