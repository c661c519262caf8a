/** The API on a thread of its own, with no broker there: what it asks of this thread, how it dies and comes back, how it ends. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Counter, Registry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import { ConfigError, JobError } from "../../runtime/errors.ts";
import type { Problem } from "../../runtime/health.ts";
import { KafkaUnavailableError } from "../../runtime/kafka/errors.ts";
import type { JobInfo } from "../control/control.ts";
import type { Api } from "../server.ts";
import { silentLog } from "../testing/silent-log.ts";
import { type ApiThread, type ApiThreadOptions, openApiThread } from "./index.ts";

const JOB: JobInfo = {
  name: "marathon-leaderboard",
  module: "jobs/marathon-leaderboard.ts",
  parallelism: 2,
  state: "running",
  submittedMs: 1,
  reason: "",
};
const JSON_TYPE = { "content-type": "application/json" };

const open: ApiThread[] = [];
let registry: Registry;
let cancelled: string[];

async function serve(options: Partial<ApiThreadOptions> = {}, entry?: URL): Promise<Api> {
  registry = new Registry();
  cancelled = [];
  const thread = openApiThread({ ...(entry && { entry }) });
  open.push(thread);
  return thread.serve({
    kafka: { brokers: ["127.0.0.1:1"] },
    port: 0,
    registry,
    log: silentLog(),
    jobs: {
      list: async () => [JOB],
      submit: async ({ module }) => {
        throw new JobError(`${module}: there is no such file`);
      },
      cancel: async (name) => void cancelled.push(name),
    },
    ...options,
  });
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((thread) => thread.close()));
});

test("what only the main thread can do is asked of it, and its words come back", async () => {
  const { url } = await serve();
  expect(await (await fetch(`${url}/v1/jobs`)).json()).toEqual({ jobs: [JOB] });
  expect((await fetch(`${url}/v1/jobs/${JOB.name}`, { method: "DELETE" })).status).toBe(204);
  expect(cancelled).toEqual([JOB.name]);
  const body = JSON.stringify({ module: "jobs/none.ts" });
  const refused = await fetch(`${url}/v1/jobs`, { method: "POST", headers: JSON_TYPE, body });
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { code: "JOB", message: "jobs/none.ts: there is no such file" },
  ]);
  expect((await fetch(`${url}/`)).status).toBe(200);
});

test("that Kafka is away is said across threads", async () => {
  const { url } = await serve({
    jobs: {
      list: () => Promise.reject(new KafkaUnavailableError("no answer")),
      submit: async () => JOB,
      cancel: async () => undefined,
    },
  });
  const answer = await fetch(`${url}/v1/jobs`);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, "KAFKA_AWAY"]);
});

test("metrics are those of both threads, each name once", async () => {
  const { url } = await serve();
  new Counter({ name: "of_the_main_thread_total", help: "x", registers: [registry] }).inc(3);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(text).toContain("of_the_main_thread_total 3");
  expect(text).toContain("pacestream_sse_readers 0");
  expect(text).toContain("pacestream_api_restarts_total 0");
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(8);
  expect(new Set(names).size).toBe(names.length);
});

test("what is stuck shows in readiness and as a metric, and goes when it has gone", async () => {
  const stuck: Problem = { part: "sink", code: "no-progress", message: "a batch is refused", sinceMs: 5 };
  let problems: readonly Problem[] = [stuck];
  const { url } = await serve({ problems: () => problems });
  const ready = async () => {
    const response = await fetch(`${url}/readyz`);
    return {
      status: response.status,
      ...((await response.json()) as { reasons: string[]; problems: Problem[] }),
    };
  };
  expect(await ready()).toMatchObject({ status: 503, problems: [stuck] });
  expect((await ready()).reasons).toContain("sink: a batch is refused");
  const metrics = () => fetch(`${url}/metrics`).then((answer) => answer.text());
  expect(await metrics()).toContain('pacestream_problem{part="sink",code="no-progress"} 1');
  problems = [];
  expect((await ready()).problems).toEqual([]);
  expect(await metrics()).not.toContain("pacestream_problem{");
});

test("a main thread that cannot say how it is, is a problem, and the API lives on", async () => {
  const { url } = await serve({
    problems: () => {
      throw new Error("broken");
    },
  });
  const answer = (await (await fetch(`${url}/readyz`)).json()) as { problems: Problem[] };
  expect(answer.problems).toMatchObject([{ part: "main thread", code: "no-answer" }]);
  expect((await fetch(`${url}/healthz`)).status).toBe(503);
  expect((await fetch(`${url}/`)).status).toBe(200);
});

test("a taken port is said before anything is served", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    await expect(serve({ port })).rejects.toMatchObject({
      code: new ConfigError("").code,
      message: expect.stringContaining(`port ${port} of 127.0.0.1 is taken`),
    });
  } finally {
    taken.close();
  }
});

test("a thread that dies is made anew on the same port, and this thread goes on", async () => {
  const { url } = await serve({}, new URL("./testing/crashing-entry.ts", import.meta.url));
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await fetch(`${url}/crash`).catch(() => undefined);
  const isBack = () =>
    fetch(`${url}/metrics`)
      .then((answer) => answer.text())
      .then((text) => text.includes("pacestream_api_restarts_total 1"))
      .catch(() => false);
  await expect.poll(isBack, { timeout: 60_000, interval: 100 }).toBe(true);
  expect(await (await fetch(`${url}/v1/jobs`)).json()).toEqual({ jobs: [JOB] });
});

test("closing ends it, with nobody left on the port", async () => {
  const api = await serve();
  await api.close();
  await expect(fetch(`${api.url}/healthz`)).rejects.toThrow();
  await api.close();
});

test("a thread that never served ends, too", async () => {
  const thread = openApiThread();
  await thread.close();
});
