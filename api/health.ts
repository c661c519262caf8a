/**
 * For those who run the program: is it alive, is it ready, what do its metrics say.
 *
 * `/healthz` answers as long as the event loop does; `/readyz` says 503 with the reasons until everything that was in the
 * log has been applied once; `/metrics` is Prometheus text.
 */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Gauge, Histogram, type Registry } from "prom-client";
import { Type } from "typebox";
import type { FollowedModel, Follower } from "./live/follower.ts";
import type { StreamHub } from "./live/stream-hub.ts";

export interface HealthOptions {
  /** By what each keeps. */
  readonly followers: Readonly<Record<string, Follower<FollowedModel>>>;
  readonly hubs: readonly StreamHub[];
  readonly registry: Registry;
}

const Ready = Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) });

export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (
  app,
  { followers, hubs, registry },
) => {
  const tags = ["operation"];
  app.get(
    "/healthz",
    {
      logLevel: "silent",
      schema: { tags, summary: "Alive", response: { 200: Type.Object({ ok: Type.Boolean() }) } },
    },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      return { ok: true };
    },
  );

  app.get(
    "/readyz",
    { logLevel: "silent", schema: { tags, summary: "Ready to serve", response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      const reasons = Object.entries(followers).flatMap(([name, follower]) =>
        reasonsNotReady(name, follower),
      );
      return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
    },
  );

  app.get(
    "/metrics",
    { logLevel: "silent", schema: { tags, summary: "Prometheus metrics" } },
    async (_request, reply) => {
      reply.header("cache-control", "no-store").type(registry.contentType);
      return registry.metrics();
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
