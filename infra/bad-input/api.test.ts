/**
 * Bad input against every route of the API, the ones that come later too: the routes are taken from the API's own
 * description. Whatever is sent, the answer is below 500 with a code and a message, and the server goes on.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiApp, createApp } from "../../api/server.ts";
import { MemoryLog } from "../../api/testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../../api/testing/sample-race.ts";
import { silentLog } from "../../api/testing/silent-log.ts";
import { JobError } from "../../runtime/errors.ts";
import type { Correction } from "../../schemas/index.ts";
import { HOSTILE_EVENT_IDS, HOSTILE_JSON, HOSTILE_NUMBERS, HOSTILE_TEXTS } from "./corpus.ts";

interface Operation {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its parameters in braces. */
  readonly path: string;
  readonly query: readonly string[];
}

const corrections: Correction[] = [];
let api: ApiApp;
let url: string;
let operations: Operation[];

beforeAll(async () => {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("1"), entrant("2", "F", "30-34"));
  log.standings(standing("1", "10k", 2500), standing("1", "finish", 11_000));
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    jobs: {
      list: async () => [],
      submit: async ({ module }) => {
        throw new JobError(`${module}: cannot be loaded`);
      },
      cancel: async () => undefined,
    },
    corrections: { send: async (correction) => void corrections.push(correction) },
  });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  await api.follower.ready;
  const { paths } = api.app.swagger() as unknown as {
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
  };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      method: method.toUpperCase() as Operation["method"],
      path,
      query: parameters.filter((one) => one.in === "query").map(({ name }) => name),
    })),
  );
});

afterAll(() => api.app.close());

const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_NUMBERS).map(String) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);
/** Now and then what is right, so that what is wrong beside it is reached. */
const parameter = fc.oneof(
  { weight: 2, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom("sample", "1", "10k") },
);
const body = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_JSON) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  {
    weight: 2,
    arbitrary: fc
      .record(
        {
          bib: text,
          kind: fc.constantFrom("add", "void", "change", "disqualify", "x"),
          mat: text,
          time: text,
          id: text,
          reason: text,
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  },
);

/** As a path holds it; half of a surrogate pair has no such form. */
const encoded = (value: string) => encodeURIComponent(value.toWellFormed());

function refusalIsClear(status: number, answer: string, what: string): void {
  expect(status, `${what} ${answer}`).toBeLessThan(500);
  if (status < 400) return;
  const { code, message } = JSON.parse(answer) as { code: unknown; message: unknown };
  expect(code, what).toMatch(/^[A-Z_]+$/);
  expect(message, what).toEqual(expect.any(String));
  expect(answer, what).not.toMatch(/\.ts:\d+|node_modules|at Object\./);
}

async function stillServes(): Promise<void> {
  const answer = await fetch(`${url}/v1/races/sample/leaderboard?at=finish`);
  expect(await answer.json()).toMatchObject({ rows: [{ bib: "1", place: 1 }] });
}

describe("whatever is sent to any route", () => {
  it("is answered below 500, with a code and a reason", async () => {
    const plain = operations.filter(({ path }) => !path.endsWith("/stream"));
    expect(plain.length).toBeGreaterThan(8);
    for (const { method, path, query } of plain) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
      await fc.assert(
        fc.asyncProperty(
          fc.array(parameter, { minLength: names.length, maxLength: names.length }),
          fc.array(fc.tuple(fc.constantFrom(...query, "extra"), parameter), { maxLength: 4 }),
          body,
          fc.constantFrom("application/json", "text/plain", "application/x-www-form-urlencoded", ""),
          async (values, pairs, payload, type) => {
            let at = path;
            names.forEach((name, i) => {
              at = at.replace(`{${name}}`, () => encoded(values[i]!));
            });
            const search = pairs.map(([name, value]) => `${name}=${encoded(value)}`).join("&");
            const answer = await api.app.inject({
              method,
              url: search ? `${at}?${search}` : at,
              ...(method === "POST" && { payload, headers: type ? { "content-type": type } : {} }),
            });
            if (String(answer.headers["content-type"]).includes("json"))
              refusalIsClear(answer.statusCode, answer.body, `${method} ${at}?${search} ${payload}`);
            else expect(answer.statusCode).toBeLessThan(500);
          },
        ),
        { numRuns: 150 },
      );
    }
    await stillServes();
  });

  it("leaves no correction behind that the rules do not allow", () => {
    for (const { race, bib, mat, timeMs, id } of corrections) {
      expect(race).toBe("sample");
      expect(bib.length).toBeGreaterThan(0);
      expect([null, "start", "10k", "finish"]).toContain(mat);
      expect(id).toMatch(/^[\x21-\x7e]{1,100}$/);
      expect(timeMs === null || (timeMs >= 0 && timeMs <= 172_800_000)).toBe(true);
    }
  });

  it("pollutes no prototype", () => {
    expect(({} as Record<string, unknown>).hostile).toBeUndefined();
    expect(({} as Record<string, unknown>).bib).toBeUndefined();
  });
});

/** What a raw request is answered with, and whether the connection is closed. */
async function raw(bytes: string | Buffer, waitMs = 5_000): Promise<{ heard: string; closed: boolean }> {
  const socket = open();
  let heard = "";
  let closed = false;
  socket.on("data", (chunk) => {
    heard += chunk;
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.write(bytes);
  for (let waited = 0; waited < waitMs && heard === "" && !closed; waited += 20) await sleep(20);
  await sleep(20);
  socket.destroy();
  return { heard, closed };
}

function open(): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  return socket;
}

describe("on the wire", () => {
  it("a body beyond the limit is refused before it is read, however long it says it is", async () => {
    const head =
      "POST /v1/races/sample/corrections HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    const { heard } = await raw(`${head}content-length: 104857600\r\n\r\n{`);
    expect(heard).toMatch(/^HTTP\/1.1 413/);
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const chunked = await raw(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(4)}`);
    expect(chunked.heard).toMatch(/^HTTP\/1.1 413/);
    await stillServes();
  });

  it("what is no HTTP is refused or cut off", async () => {
    const hostile = [
      "\0\0\0\0\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET /v1/races HTTP/1.1\r\nhost: x\r\nx: a\r\n b: c\0\r\n\r\n",
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: x\r\n${"x: y\r\n".repeat(20_000)}\r\n`,
      "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
    ];
    for (const bytes of hostile) {
      const { heard, closed } = await raw(bytes, 1_000);
      if (!closed || heard !== "")
        expect(heard.slice(0, 12), String(bytes).slice(0, 80)).toMatch(/^$|^HTTP\/1.1 4/);
    }
    await stillServes();
  });

  it("slow senders hold nobody up, and their time is limited", async () => {
    const slow = Array.from({ length: 200 }, open);
    await Promise.all(slow.map((socket) => once(socket, "connect")));
    for (const socket of slow) socket.write("GET /v1/races HTTP/1.1\r\nhost: x\r\nx-slow: ");
    for (let i = 0; i < 5; i++) {
      for (const socket of slow) socket.write("x");
      await stillServes();
    }
    const { requestTimeout, headersTimeout } = api.app.server;
    expect(requestTimeout).toBeGreaterThan(0);
    expect(requestTimeout).toBeLessThanOrEqual(60_000);
    expect(headersTimeout).toBeLessThanOrEqual(60_000);
    for (const socket of slow) socket.destroy();
  });
});

describe("an event stream", () => {
  const openStream = async (path: string, headers: Record<string, string>) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return raw(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${lines.join("")}\r\n`);
  };

  it("answers an id it never gave with a reset and a snapshot, or refuses the request", async () => {
    for (const id of HOSTILE_EVENT_IDS) {
      const { heard } = await openStream("/v1/races/sample/leaderboard/stream?at=finish", {
        "last-event-id": id,
      });
      const status = heard.slice(9, 12);
      if (status === "200") expect(heard, id).toMatch(/event: reset\n.*event: snapshot\n/s);
      else expect(status, id).toMatch(/^4/);
    }
    await stillServes();
  });

  it("refuses races, mats, groups and runners it does not have before it begins", async () => {
    for (const hostile of HOSTILE_TEXTS) {
      const value = encoded(hostile);
      for (const path of [
        `/v1/races/${value}/leaderboard/stream`,
        `/v1/races/sample/leaderboard/stream?at=${value}`,
        `/v1/races/sample/leaderboard/stream?by=division&of=${value}`,
        `/v1/races/sample/runners/${value}/stream`,
      ]) {
        const { statusCode, body: answer } = await api.app
          .inject({ url: path, payloadAsStream: true })
          .then(async (response) => {
            const chunks: Buffer[] = [];
            const stream = response.stream();
            if (response.statusCode === 200) stream.destroy();
            else for await (const chunk of stream) chunks.push(chunk as Buffer);
            return { statusCode: response.statusCode, body: Buffer.concat(chunks).toString() };
          });
        if (statusCode !== 200) refusalIsClear(statusCode, answer, path);
        else expect(["", "NaN"], path).toContain(hostile); // an empty value asks for what is there without it
      }
    }
  });
});
