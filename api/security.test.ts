/** Who is told what, by where the question comes from and what it carries. */
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ApiApp, type AppOptions, createApp } from "./server.ts";
import { MemoryLog } from "./testing/memory-log.ts";
import { raisedAlert } from "./testing/sample-alerts.ts";
import { entrant, SAMPLE } from "./testing/sample-race.ts";
import { sampleWindow } from "./testing/sample-windows.ts";
import { silentLog } from "./testing/silent-log.ts";

const ATHLETE = `${SAMPLE.id}/7`;
const TOKEN = { authorization: "Bearer secret" };
const OUTSIDE = "192.0.2.7";
const HEALTH = [
  "/v1/alerts",
  `/v1/alerts/${encodeURIComponent(raisedAlert("7", 1).id)}`,
  "/v1/alerts/none",
  `/v1/athletes/${encodeURIComponent(ATHLETE)}`,
  `/v1/athletes/${encodeURIComponent(ATHLETE)}/windows`,
  `/v1/athletes/${encodeURIComponent(ATHLETE)}/segments`,
  "/v1/athletes/nobody",
];
/** A stream that is let in has no end: only refusals are asked for. */
const STREAMS = ["/v1/alerts/stream", `/v1/athletes/${encodeURIComponent(ATHLETE)}/stream`];

let log: MemoryLog;
let api: ApiApp;
let looked: number;

async function start(options: Partial<AppOptions>): Promise<void> {
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    jobs: {
      list: async () => [],
      submit: async () => Promise.reject(new Error()),
      cancel: async () => undefined,
    },
    acknowledgements: { send: async () => undefined },
    athletes: {
      windows: async ({ athlete }) => {
        looked++;
        return athlete === ATHLETE ? [sampleWindow("7", 0)] : [];
      },
      tracked: async (ids) => ids.filter((id) => id === ATHLETE).map((athlete) => ({ athlete, lastMs: 1 })),
      covered: async () => ({ distanceM: 0, activeS: 0 }),
      segments: async () => [],
      close: async () => undefined,
    },
    ...options,
  });
  await api.app.ready();
  await api.alerts?.ready;
}

beforeEach(() => {
  looked = 0;
  log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("7"));
  log.alerts(raisedAlert("7", 1));
});

afterEach(() => api.app.close());

async function ask(url: string, headers: Record<string, string> = {}, remoteAddress = "127.0.0.1") {
  return (await api.app.inject({ url, headers, remoteAddress })).statusCode;
}

const tracked = async (headers: Record<string, string> = {}, remoteAddress = "127.0.0.1") => {
  const url = `/v1/athletes?id=${encodeURIComponent(ATHLETE)}&id=nobody`;
  const response = await api.app.inject({ url, headers, remoteAddress });
  return [response.statusCode, response.json().athletes?.length];
};

describe("what tells of people's health", () => {
  test("is shown on this machine where no token is set, and beyond it to nobody", async () => {
    await start({});
    for (const url of HEALTH) {
      expect(await ask(url), url).not.toBe(401);
      expect(await ask(url, {}, OUTSIDE), url).toBe(401);
      expect(await ask(url, TOKEN, OUTSIDE), url).toBe(401);
    }
    for (const url of STREAMS) expect(await ask(url, {}, OUTSIDE), url).toBe(401);
    expect(await tracked()).toEqual([200, 1]);
    expect(await tracked({}, OUTSIDE)).toEqual([200, 0]);
  });

  test("needs the token where one is set, wherever the question comes from", async () => {
    await start({ controlToken: "secret" });
    for (const url of HEALTH) {
      for (const from of ["127.0.0.1", OUTSIDE]) {
        expect(await ask(url, {}, from), url).toBe(401);
        expect(await ask(url, { authorization: "Bearer wrong" }, from), url).toBe(401);
        expect(await ask(url, TOKEN, from), url).not.toBe(401);
      }
    }
    for (const url of STREAMS) expect([await ask(url), await ask(url, {}, OUTSIDE)], url).toEqual([401, 401]);
    expect(await tracked({}, OUTSIDE)).toEqual([200, 0]);
    expect(await tracked(TOKEN, OUTSIDE)).toEqual([200, 1]);
  });

  test("can be open on this machine beside a token: not to proxies, not to rebound names, not to other pages", async () => {
    await start({ controlToken: "secret", healthData: "this-machine" });
    for (const url of HEALTH) {
      expect([200, 404], url).toContain(await ask(url));
      expect(await ask(url, { "x-forwarded-for": OUTSIDE }), url).toBe(401);
      expect(await ask(url, { host: "evil.example" }), url).toBe(401);
      expect(await ask(url, { origin: "http://evil.example" }), url).toBe(403);
      expect(await ask(url, {}, OUTSIDE), url).toBe(401);
      expect(await ask(url, { ...TOKEN, host: "live.example" }, OUTSIDE), url).not.toBe(401);
    }
    for (const url of STREAMS) {
      expect(await ask(url, { "x-forwarded-for": OUTSIDE }), url).toBe(401);
      expect(await ask(url, { origin: "http://evil.example" }), url).toBe(403);
    }
    // What changes something needs it all the same.
    expect(await ask("/v1/jobs")).toBe(401);
    expect(await tracked()).toEqual([200, 1]);
    expect(await tracked({ "x-real-ip": OUTSIDE })).toEqual([200, 0]);
  });

  test("is not looked for on behalf of who may not see it: an id that is there is answered as one that is not", async () => {
    await start({ controlToken: "secret" });
    const answers = new Set<string>();
    for (const id of [ATHLETE, "nobody"]) {
      const response = await api.app.inject({
        url: `/v1/athletes/${encodeURIComponent(id)}`,
        remoteAddress: OUTSIDE,
      });
      answers.add(response.body);
    }
    expect(answers.size).toBe(1);
    expect(looked).toBe(0);
  });
});
