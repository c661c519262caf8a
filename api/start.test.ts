/** Starting and stopping, with no broker there: the server answers, says that it is not ready, and goes when told. */
import { createServer, type Server } from "node:net";
import { Worker } from "node:worker_threads";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../runtime/errors.ts";
import { type ApiOptions, startApi } from "./server.ts";
import { silentLog } from "./testing/silent-log.ts";

let taken: Server;
let port: number;

const options = (): ApiOptions => ({
  kafka: { brokers: ["127.0.0.1:1"] },
  registry: new Registry(),
  log: silentLog(),
  port,
});

beforeEach(async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  port = (taken.address() as { port: number }).port;
});

afterEach(() => {
  taken.close();
});

test("a taken port is said, and nothing is left behind", async () => {
  await expect(startApi(options())).rejects.toThrow(ConfigError);
  await expect(startApi(options())).rejects.toThrow(`port ${port} of 127.0.0.1 is taken`);
});

test("a taken port is passed over when it may be", async () => {
  const api = await startApi({ ...options(), portFallback: true });
  try {
    expect(api.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(api.url).not.toContain(`:${port}`);
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${api.url}/readyz`)).status).toBe(503);
    expect((await (await fetch(`${api.url}/`)).text()).toLowerCase()).toContain("<!doctype html>");
    const script = await fetch(`${api.url}/board.js`);
    expect(script.headers.get("content-type")).toContain("text/javascript");
    expect(await script.text()).not.toMatch(/from "\.\/[^"]+\.ts"|^interface /m);
    expect((await fetch(`${api.url}/vendor/uplot/uPlot.esm.js`)).status).toBe(200);
  } finally {
    const startMs = performance.now();
    await api.close();
    expect(performance.now() - startMs).toBeLessThan(10_000);
  }
});

const CROWD = 1_000;
const CONNECTED_MAX_MS = 30_000;

/** Connects, counts who is connected, and wakes who waits for all. */
const COMERS = `
  const { connect } = require("node:net");
  const { port, count, connected } = require("node:worker_threads").workerData;
  for (let i = 0; i < count; i++)
    connect({ port, host: "127.0.0.1" }, () => {
      Atomics.add(connected, 0, 1);
      Atomics.notify(connected, 0);
    }).on("error", () => {});
`;

test("a thousand who come at once while the thread is busy are all connected", async () => {
  const api = await startApi({ ...options(), port: 0 });
  const connected = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { port: Number(new URL(api.url).port), count: CROWD, connected };
  const comers = new Worker(COMERS, { eval: true, workerData });
  try {
    await new Promise((resolve) => comers.once("online", resolve));
    // Nothing is accepted meanwhile. Without room, the last of them would come in only by asking again when this is over.
    const deadlineMs = performance.now() + CONNECTED_MAX_MS;
    for (let count = 0; count < CROWD && performance.now() < deadlineMs; count = Atomics.load(connected, 0))
      Atomics.wait(connected, 0, count, 1_000);
    expect(Atomics.load(connected, 0)).toBe(CROWD);
  } finally {
    await comers.terminate();
    await api.close();
  }
}, 60_000);
