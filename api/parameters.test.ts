/**
 * Every parameter of every route, as the API's own description has them, under hostile values: refused with a code and a reason, in
 * few bytes, or taken for what it says. Nothing is dropped without a word.
 */
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostileValues } from "../runtime/testing/hostile.ts";
import { count } from "./parameters.ts";
import { type ApiApp, createApp } from "./server.ts";
import { MemoryLog } from "./testing/memory-log.ts";
import { raisedAlert } from "./testing/sample-alerts.ts";
import { entrant, SAMPLE, standing } from "./testing/sample-race.ts";
import { sampleWindow } from "./testing/sample-windows.ts";
import { silentLog } from "./testing/silent-log.ts";

interface Schema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: Schema;
}
interface Operation {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
}

const ANSWER_MAX = 4_096;
const NO_NUMBERS = [
  "1e999",
  "-1e999",
  "Infinity",
  "NaN",
  "1.5",
  "1e308",
  "1e2",
  "",
  " 1",
  "0x10",
  "1_0",
  "９",
  "+1",
];
const NO_NAMES = ["\0", "a\0b", "\u001b[2J", "a\r\nb", "\u202egnp"];
/** Halves of a character have no form in a URL; bytes that are no UTF-8 do. */
const NO_URL_TEXTS = ["%ED%A0%80", "%FF", "%E0%A4%A"];
/** A value that the route knows, so that what is wrong beside it is reached. */
const KNOWN: Readonly<Record<string, string>> = {
  race: SAMPLE.id,
  bib: "1",
  id: `${SAMPLE.id}/1`,
  name: "marathon-leaderboard",
};

let api: ApiApp;
let operations: readonly Operation[];
const queries: unknown[] = [];

beforeAll(async () => {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("1"), entrant("2", "F", "30-34"));
  log.standings(standing("1", "10k", 2500));
  log.alerts(raisedAlert("1", 1));
  const noted = <T>(query: unknown, answer: T): Promise<T> => {
    queries.push(query);
    return Promise.resolve(answer);
  };
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    jobs: {
      list: async () => [],
      submit: async ({ module, parallelism = 1 }) => ({
        name: module,
        module,
        parallelism,
        state: "running",
        submittedMs: 1,
        reason: "",
      }),
      cancel: async () => undefined,
    },
    corrections: { send: async () => undefined },
    acknowledgements: { send: async () => undefined },
    athletes: {
      windows: (query) => noted(query, query.athlete === KNOWN.id ? [sampleWindow("1", 0)] : []),
      tracked: (athletes) => noted(athletes, []),
      covered: (...query) => noted(query, { distanceM: 0, activeS: 0 }),
      segments: (...query) => noted(query, []),
      close: async () => undefined,
    },
  });
  await api.app.ready();
  await Promise.all([api.follower.ready, api.alerts?.ready, api.athletes?.ready]);
  operations = described();
});

afterAll(() => api.app.close());

function described(): Operation[] {
  const { paths } = api.app.swagger() as unknown as {
    paths: Record<
      string,
      Record<
        string,
        {
          parameters?: Parameter[];
          requestBody?: { content: Record<string, { schema: Schema }> };
        }
      >
    >;
  };
  return Object.entries(paths)
    .filter(([path]) => path.startsWith("/v1/"))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
        method: method.toUpperCase() as Operation["method"],
        path,
        parameters,
        body: requestBody?.content["application/json"]?.schema,
      })),
    );
}

const pathOf = (path: string, values = KNOWN) =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? "x"));

async function send(method: Operation["method"], url: string, body?: string) {
  const response = await api.app.inject({
    method,
    url,
    payloadAsStream: true,
    ...(body !== undefined && { payload: body, headers: { "content-type": "application/json" } }),
  });
  if (response.headers["content-type"]?.toString().startsWith("text/event-stream")) {
    response.stream().destroy();
    return { status: response.statusCode, text: "" };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response.stream()) chunks.push(chunk as Buffer);
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

async function refused(method: Operation["method"], url: string, body?: string): Promise<string> {
  const { status, text } = await send(method, url, body);
  const what = `${method} ${url.slice(0, 200)} ${body?.slice(0, 200) ?? ""} -> ${status} ${text.slice(0, 200)}`;
  expect(status, what).toBeGreaterThanOrEqual(400);
  expect(status, what).toBeLessThan(500);
  const problem = JSON.parse(text) as { code: string; message: string };
  expect(problem.code, what).toMatch(/^[A-Z_]+$/);
  expect(text.length, what).toBeLessThan(ANSWER_MAX);
  expect(problem.message, what).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  return problem.message;
}

const withBody = (operation: Operation) => (operation.body ? "{}" : undefined);

describe("every route", () => {
  test("is in the description, with parameters and bodies", () => {
    expect(operations.length).toBeGreaterThanOrEqual(16);
    expect(operations.filter(({ body }) => body).length).toBeGreaterThanOrEqual(3);
  });

  test("takes only numbers that are finite integers within bounds, written in digits", async () => {
    let numbers = 0;
    for (const { method, path, parameters } of operations) {
      for (const { name, schema, in: where } of parameters) {
        if (where !== "query" || schema.type !== "integer") continue;
        numbers++;
        expect(schema.minimum, `${path} ${name}`).toBeTypeOf("number");
        expect(schema.maximum, `${path} ${name}`).toBeTypeOf("number");
        const beyond = [
          schema.minimum! - 1,
          schema.maximum! + 1,
          "9".repeat(400),
          Number.MAX_SAFE_INTEGER + 1,
        ];
        for (const value of [...NO_NUMBERS, ...beyond.map(String)]) {
          const message = await refused(method, `${pathOf(path)}?${name}=${encodeURIComponent(value)}`);
          expect(message, value).toContain(name);
        }
        expect(await refused(method, `${pathOf(path)}?${name}=1&${name}=2`)).toContain(
          `${name} must be given once`,
        );
      }
    }
    expect(numbers).toBeGreaterThanOrEqual(9);
  });

  test("refuses a parameter that it does not have by its name, and one that is given twice", async () => {
    for (const operation of operations) {
      const { method, path, parameters } = operation;
      const message = await refused(method, `${pathOf(path)}?format=csv`, withBody(operation));
      expect(message).toContain('"format"');
      await refused(method, `${pathOf(path)}?__proto__=1`, withBody(operation));
      for (const { name, schema, in: where } of parameters) {
        if (where !== "query" || schema.type === "array") continue;
        expect(await refused(method, `${pathOf(path)}?${name}=1&${name}=1`)).toContain(name);
        await refused(method, `${pathOf(path)}?${name}[]=1`);
      }
    }
  });

  test("refuses texts that a terminal would obey, bytes that are no text, and endless ones", async () => {
    for (const operation of operations) {
      const { method, path, parameters } = operation;
      const body = withBody(operation);
      for (const { name, in: where } of parameters.filter((one) => one.in !== "header")) {
        const at = (value: string) =>
          where === "path"
            ? pathOf(path, { ...KNOWN, [name]: "HERE" }).replace("HERE", () => value)
            : `${pathOf(path)}?${name}=${value}`;
        for (const value of NO_NAMES) await refused(method, at(encodeURIComponent(value)), body);
        await refused(method, at("x".repeat(5_000)), body);
        if (where === "path") for (const value of NO_URL_TEXTS) await refused(method, at(value), body);
      }
    }
  });

  test("takes bodies as they are: no field more, no number for a text, no list for a value", async () => {
    for (const { method, path, body } of operations) {
      if (!body) continue;
      const url = pathOf(path);
      const known = { bib: "1", kind: "disqualify", module: "jobs/x.ts", by: "medic-3" };
      const fields = Object.keys(body.properties ?? {});
      const right = Object.fromEntries(Object.entries(known).filter(([name]) => fields.includes(name)));
      expect(await refused(method, url, JSON.stringify({ ...right, unheardOf: 1 }))).toContain('"unheardOf"');
      for (const field of fields) {
        const texts = hostileValues("string").filter(
          ({ value }) => typeof value !== "string" && value !== undefined,
        );
        const hostileTexts = ["\ud800", "a\0b", "\u001b[2J", "x".repeat(60_000)];
        const values: Readonly<Record<string, readonly unknown[]>> = {
          integer: ["1", 1.5, -1, 1e308, null, [1], {}, true],
          boolean: ["true", 1, null, [true], {}],
          array: ["a", {}, true, [1], [["a"]], Array(101).fill("a"), ...hostileTexts.map((text) => [text])],
          string: [...texts.map(({ value }) => value), ["1"], {}, true, ...hostileTexts],
        };
        for (const value of values[body.properties![field]!.type ?? "string"]!) {
          if (field === "time" && typeof value === "number") continue; // told by the rules of corrections
          await refused(method, url, JSON.stringify({ ...right, [field]: value }));
        }
        await refused(method, url, `{"${field}":1e999}`);
      }
    }
  });
});

test("a handler takes no number for one that the schema let through", () => {
  const limit = count("limit", { minimum: 1, maximum: 10, default: 5 });
  expect([limit.of(undefined), limit.of(10)]).toEqual([5, 10]);
  for (const value of [Number.POSITIVE_INFINITY, Number.NaN, 0, 11, 1.5])
    expect(() => limit.of(value)).toThrow("limit must be an integer from 1 to 10");
});

test("the store of athletes has only been asked for what is within bounds", () => {
  for (const query of queries) expect(JSON.stringify(query)).not.toMatch(/null,null|NaN|Infinity/);
});
