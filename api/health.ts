/**
 * For those who run the program: is it alive, is it ready, what do its metrics say.
 *
 * `/healthz` answers as long as the API does and the main thread answers it; `/readyz` says 503 with the reasons until everything that
 * was in the log has been applied once, and whenever something is stuck; `/metrics` is Prometheus text of the whole program.
 */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Gauge, Histogram, type Registry } from "prom-client";
import { Type } from "typebox";
import type { FollowedModel, Follower } from "./live/follower.ts";
import type { StreamHub } from "./live/stream-hub.ts";
import type { Stuck } from "./stuck.ts";

export interface HealthOptions {
  /** By what each keeps. */
  readonly followers: Readonly<Record<string, Follower<FollowedModel>>>;
  readonly hubs: readonly StreamHub[];
  readonly registry: Registry;
  readonly stuck: Stuck;
  /** What the rest of the program counts, as Prometheus text: under other names. */
  readonly otherMetrics: (() => Promise<string>) | undefined;
}

const Ready = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: "why not, for a person" }),
  problems: Type.Array(
    Type.Object({
      part: Type.String(),
      code: Type.String({ description: "stable: alert rules go by it" }),
      message: Type.String(),
      sinceMs: Type.Integer({ description: "Unix time, milliseconds" }),
    }),
    { description: "what is stuck" },
  ),
});
const Alive = Type.Object({ ok: Type.Boolean() });

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (
  app,
  { followers, hubs, registry, stuck, otherMetrics },
) => {
  const tags = ["operation"];
  /** Whoever asks while it is being counted gets the same: however many ask, the main thread is asked once at a time. */
  let counting: Promise<string> | undefined;
  const count = async () => {
    // A main thread that does not answer is a problem, and counted as one: what is counted here is shown all the same.
    const others = await otherMetrics?.().catch(() => "");
    return [others, await registry.metrics()].filter(Boolean).join("\n");
  };

  app.get(
    "/healthz",
    { logLevel: "silent", schema: { tags, summary: "Alive", response: { 200: Alive, 503: Alive } } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      const ok = await stuck.mainAnswers();
      return reply.code(ok ? 200 : 503).send({ ok });
    },
  );

  app.get(
    "/readyz",
    { logLevel: "silent", schema: { tags, summary: "Ready to serve", response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      const problems = await stuck.now();
      const reasons = [
        ...Object.entries(followers).flatMap(([name, follower]) => reasonsNotReady(name, follower)),
        ...problems.map(({ part, message }) => `${part}: ${message}`),
      ];
      const ready = reasons.length === 0;
      return reply.code(ready ? 200 : 503).send({ ready, reasons, problems: [...problems] });
    },
  );

  app.get(
    "/metrics",
    { logLevel: "silent", schema: { tags, summary: "Prometheus metrics" } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store").type(registry.contentType);
      counting ??= count().finally(() => {
        counting = undefined;
      });
      return counting;
    },
  );

  const durations = new Histogram({
    name: "pacestream_http_request_seconds",
    help: "Time to answer a request, streams left out",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    if ((request.routeOptions.config as { stream?: boolean }).stream) return;
    const route = request.routeOptions.url ?? "none";
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });

  new Gauge({
    name: "pacestream_sse_readers",
    help: "Open streams",
    registers: [registry],
    collect() {
      this.set(sum(hubs.map(({ readers }) => readers)));
    },
  });
  new Gauge({
    name: "pacestream_sse_views",
    help: "Distinct views watched, or kept for those who come back",
    registers: [registry],
    collect() {
      this.set(sum(hubs.map(({ views }) => views)));
    },
  });
};

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

function reasonsNotReady(name: string, follower: Follower<FollowedModel>): string[] {
  if (follower.isReady) return [];
  const { state } = follower;
  switch (state.kind) {
    case "waiting":
      return [`the read model of ${name} waits: ${state.reason}`];
    case "catching-up":
      return [`the read model of ${name} is being built: ${state.records} records so far`];
    case "following":
      return [];
  }
}
