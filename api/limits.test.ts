/** What one client can take from the others: a share of connections, of streams and of turns, and no more. */
import { EventEmitter, once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import type { FastifyRequest } from "fastify";
import { Registry } from "prom-client";
import { afterEach, describe, expect, test } from "vitest";
import type { LiveView } from "./live/live-view.ts";
import type { StreamEvents } from "./live/stream.ts";
import { HUB_LIMITS, type HubLimits, StreamHub } from "./live/stream-hub.ts";
import { type ApiApp, type AppOptions, createApp } from "./server.ts";
import { EventReader } from "./testing/event-reader.ts";
import { MemoryLog } from "./testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "./testing/sample-race.ts";
import { silentLog } from "./testing/silent-log.ts";
import { Turns } from "./turns.ts";

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** As a proxy on this machine passes somebody on. */
const from = (client: string) => ({ "x-forwarded-for": client });

async function startApp(options: Partial<AppOptions>): Promise<{ api: ApiApp; url: string }> {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(...Array.from({ length: 20 }, (_, i) => entrant(String(i))));
  log.standings(standing("1", "10k", 2500));
  const api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    ...options,
  });
  cleanUp.push(() => api.app.close());
  const url = await api.app.listen({ port: 0, host: "127.0.0.1" });
  await api.follower.ready;
  return { api, url };
}

function read(url: string, path: string, client: string): EventReader {
  const reader = new EventReader(url, path, from(client));
  cleanUp.push(() => reader.close());
  return reader;
}

describe("streams", () => {
  const runner = (bib: number) => `/v1/races/sample/runners/${bib}/stream`;

  test("of one client are a share of all, of views and of readers; others find room", async () => {
    const { url } = await startApp({ limits: { viewsMax: 8, readersMax: 12, share: 2 } });
    const greedy = Array.from({ length: 4 }, (_, i) => read(url, runner(i), "192.0.2.1"));
    await expect.poll(() => greedy.every(({ names }) => names === "snapshot")).toBe(true);
    const refused = await fetch(url + runner(5), { headers: from("192.0.2.1") });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({
      code: "TOO_MANY_READERS",
      message: expect.stringContaining("from where you are"),
    });
    // What is there already costs next to nothing.
    const same = [0, 1].map((bib) => read(url, runner(bib), "192.0.2.1"));
    await expect.poll(() => same.every(({ names }) => names === "snapshot")).toBe(true);
    expect((await fetch(url + runner(0), { headers: from("192.0.2.1") })).status).toBe(503);
    const modest = read(url, runner(5), "192.0.2.2");
    await expect.poll(() => modest.names).toBe("snapshot");
  });

  test("that a client has left make room for its others", async () => {
    const { url, api } = await startApp({ limits: { viewsMax: 4, share: 2 } });
    for (let bib = 0; bib < 6; bib++) {
      const reader = new EventReader(url, runner(bib), from("192.0.2.1"));
      await expect.poll(() => reader.names).toBe("snapshot");
      reader.close();
      await expect.poll(() => api.hub.readers).toBe(0);
    }
    expect(api.hub.views).toBeLessThanOrEqual(2);
  });

  test("tell a page when something inside is stuck, and when it no longer is", async () => {
    const { url, api } = await startApp({});
    const early = read(url, runner(1), "192.0.2.1");
    await expect.poll(() => early.names).toBe("snapshot");
    api.hub.tellStatus({ problems: [{ part: "sink", code: "no-progress", sinceMs: 1 }] });
    await expect.poll(() => early.names).toBe("snapshot status");
    const late = read(url, runner(2), "192.0.2.1");
    await expect.poll(() => late.names).toBe("snapshot status");
    expect(late.last?.data).toEqual({ problems: [{ part: "sink", code: "no-progress", sinceMs: 1 }] });
    api.hub.tellStatus(undefined);
    await expect.poll(() => early.last).toMatchObject({ event: "status", data: {} });
  });
});

describe("a hub", () => {
  const told: string[] = [];
  const events: StreamEvents = {
    sent: () => undefined,
    passedOver: () => told.push("passed over"),
    disconnectedStuck: () => told.push("disconnected"),
    resumed: () => undefined,
    failed: (_, error) => told.push(String(error)),
  };

  /** A server of nothing but views by their path. */
  async function startHub(read: (path: string) => object, limits: Partial<HubLimits> = {}) {
    told.length = 0;
    const hub = new StreamHub(() => [0], events, { ...HUB_LIMITS, ...limits });
    const viewOf = (path: string): LiveView<object> => ({
      key: path,
      race: "sample",
      read: () => read(path),
      changeBetween: () => ({ data: {}, minor: false }),
    });
    const server: Server = createServer((request, response) =>
      hub.open(viewOf(request.url!), request, response, undefined),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUp.push(() => {
      hub.close();
      server.closeAllConnections();
      server.close();
    });
    return { hub, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  test("looks at one view of each client in turns, however many one of them watches", async () => {
    const looks: string[] = [];
    const { hub, url } = await startHub((path) => ({ look: looks.push(path) }));
    const greedy = Array.from({ length: 100 }, (_, i) => read(url, `/greedy/${i}`, "192.0.2.1"));
    await expect.poll(() => greedy.every(({ names }) => names === "snapshot")).toBe(true);
    const others = [read(url, "/modest", "192.0.2.2"), read(url, "/other", "192.0.2.3")];
    await expect.poll(() => others.every(({ names }) => names === "snapshot")).toBe(true);
    for (let round = 0; round < 3; round++) {
      looks.length = 0;
      hub.changed("sample", new Set());
      await expect.poll(() => looks.length).toBe(102);
      expect(looks.indexOf("/modest")).toBeLessThan(3);
      expect(looks.indexOf("/other")).toBeLessThan(3);
    }
  });

  test("cuts off who takes nothing of what waits, although nothing else happens; and nobody who reads", async () => {
    // More than the system takes on a reader's behalf.
    const text = "x".repeat(32 * 1024 * 1024);
    const { hub, url } = await startHub((path) => ({ text: path === "/large" ? text : "" }), {
      stuckMaxMs: 200,
    });
    const reading = read(url, "/small", "192.0.2.2");
    await expect.poll(() => reading.names).toBe("snapshot");
    const frozen = read(url, "/large", "192.0.2.1");
    frozen.stopReading();
    await expect.poll(() => hub.readers).toBe(2);
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(["disconnected"]);
    await expect.poll(() => hub.readers).toBe(1);
    expect(reading.closed).toBe(false);
  });
});

describe("connections", () => {
  async function idle(url: string): Promise<Socket> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    cleanUp.push(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  }

  test("beyond a client's share are answered 503 with when to come again, until one is free", async () => {
    const { url, api } = await startApp({ doorLimits: { connectionsMax: 6, share: 2 } });
    const held = [await idle(url), await idle(url), await idle(url)];
    await expect.poll(() => api.doorway.open).toBe(3);
    const refused = await fetch(`${url}/v1/races`, { headers: { connection: "close" } });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "TOO_MANY_CONNECTIONS" });
    held[0]!.destroy();
    await expect.poll(() => api.doorway.open).toBe(2);
    expect((await fetch(`${url}/v1/races`, { headers: { connection: "close" } })).status).toBe(200);
  });

  test("that wait while the thread works are all let in when it gives way once", async () => {
    const COUNT = 40;
    const { url, api } = await startApp({});
    const connected = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { port: Number(new URL(url).port), count: COUNT, connected };
    const comers = new Worker(
      `const { connect } = require("node:net");
      const { port, count, connected } = require("node:worker_threads").workerData;
      for (let i = 0; i < count; i++)
        connect({ port, host: "127.0.0.1" }, () => { Atomics.add(connected, 0, 1); Atomics.notify(connected, 0); });`,
      { eval: true, workerData },
    );
    cleanUp.push(() => comers.terminate());
    await once(comers, "online");
    // The thread lets nobody in until they all wait at the door.
    for (let count = 0; count < COUNT; count = Atomics.load(connected, 0))
      Atomics.wait(connected, 0, count, 1_000);
    const before = api.doorway.open;
    await api.doorway.giveWay();
    expect([before < COUNT, api.doorway.open]).toEqual([true, COUNT]);
  });
});

describe("turns", () => {
  const request = (client: string) =>
    ({
      raw: { socket: { remoteAddress: client, destroyed: false }, headers: {} },
    }) as unknown as FastifyRequest;

  test("go round by client, and what waits for one of them is bounded", async () => {
    const turns = new Turns({ waitingMax: 50, untakenMax: 1 });
    const order: string[] = [];
    const ask = (client: string) => turns.take(request(client)).then(() => order.push(client));
    const all = Array.from({ length: 51 }, () => ask("192.0.2.1"));
    await expect(turns.take(request("192.0.2.1"))).rejects.toMatchObject({
      code: "TOO_MANY_REQUESTS",
      status: 429,
    });
    all.push(ask("192.0.2.2"));
    await Promise.all(all);
    expect(order.length).toBe(52);
    expect(order.indexOf("192.0.2.2")).toBeLessThanOrEqual(3);
  });

  test("are refused to who leaves what was answered, until it is taken", async () => {
    const turns = new Turns({ waitingMax: 50, untakenMax: 1_000 });
    const answers = [600, 600].map((bytes) => {
      const response = new EventEmitter();
      turns.sends(request("192.0.2.1"), response as unknown as ServerResponse, bytes);
      return response;
    });
    await expect(turns.take(request("192.0.2.1"))).rejects.toMatchObject({ code: "TOO_MANY_REQUESTS" });
    await turns.take(request("192.0.2.2"));
    answers[0]!.emit("close");
    await turns.take(request("192.0.2.1"));
  });
});
