/**
 * Pages of other origins, and pages under a name that only a foreign name server takes for this machine, against everything the
 * program listens on. On c7c7927 a page wrote a file by ClickHouse, and by that file's way ran code in the program.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { launchBrowser, visit } from "../../api/web/browser-fixture.ts";
import { ROOT } from "../cli/places.ts";
import { type Listening, listeningOf } from "./listening.ts";
import { connections, Program } from "./program.ts";

const TIMEOUT_MS = 240_000;
const PAGE = readFileSync(new URL("./foreign-page.html", import.meta.url), "utf8");
const SCRIPT = /<script>(.*)<\/script>/s.exec(PAGE)![1]!;
/** The browser resolves it to 127.0.0.1: what a foreign name server does for a name of its own. */
const REBOUND = "rebound.example";

let outside: string;
let dataDir: string;
let program: Program;
let listening: Listening[];
let browser: Browser;
let before: unknown;
const foreign = createServer((_request, response) => {
  response.setHeader("content-type", "text/html");
  response.end(PAGE);
});

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), "foreign-outside-"));
  dataDir = mkdtempSync(join(tmpdir(), "foreign-"));
  // A job that says when its file is loaded; named from the project's folder, and by its own.
  writeFileSync(
    join(outside, "evil.ts"),
    `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(join(outside, "loaded"))}, "");\n`,
  );
  await new Promise<void>((resolve) => foreign.listen(0, "127.0.0.1", resolve));
  program = new Program(["--no-replay", "--data", dataDir, "--port", "0"]);
  await program.line((line) => line.includes("is ready"));
  listening = listeningOf(program.pid);
  before = await state();
  browser = await launchBrowser(inject("chromium"), [`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`]);
}, TIMEOUT_MS);

afterAll(async () => {
  await browser?.close();
  await program?.stop();
  foreign.close();
  for (const folder of [outside, dataDir]) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}, TIMEOUT_MS);

/** What a page could have changed. */
async function state() {
  const { api, token, clickHouse } = connections(dataDir);
  const answer = await fetch(`${api}/v1/jobs`, { headers: { authorization: `Bearer ${token}` } });
  const { jobs } = (await answer.json()) as { jobs: { name: string; module: string; parallelism: number }[] };
  const headers = { "X-ClickHouse-User": clickHouse.username, "X-ClickHouse-Key": clickHouse.password };
  const tables = await fetch(clickHouse.url, {
    method: "POST",
    headers,
    body: "SELECT database, name FROM system.tables WHERE database NOT IN ('system') ORDER BY ALL FORMAT TSV",
  });
  return {
    jobs: jobs.map(({ name, module, parallelism }) => `${name} ${module} ${parallelism}`).sort(),
    tables: (await tables.text()).trim().split("\n"),
    services: program.services(),
  };
}

async function expectNothingHappened(): Promise<void> {
  await sleep(1_000); // what was started may take a moment
  expect(readdirSync(outside)).toEqual(["evil.ts"]);
  expect(await state()).toEqual(before);
  expect(program.ended).toBe(false);
}

/** Has a page do what `way` of ours is to each port, whatever page it is. @returns what it could read */
function send(page: Page, way: "chain" | "attack", places: readonly string[]): Promise<string[]> {
  const module = relative(ROOT, join(outside, "evil.ts"));
  const { api } = connections(dataDir);
  const targets = JSON.stringify(places.map((at) => ({ at, api, outside, module })));
  return page.evaluate(`${SCRIPT}; Promise.all(${targets}.map(${way})).then((read) => read.flat())`);
}

test("all that listens is on loopback, and is at least the API, Kafka, its controller and ClickHouse", () => {
  expect(listening.filter(({ loopback }) => !loopback)).toEqual([]);
  const { kafka, clickHouse } = program.services();
  const count = (pid: number) => listening.filter((socket) => socket.pid === pid).length;
  expect([count(program.pid), count(kafka!), count(clickHouse!)]).toEqual([1, 2, 1]);
});

test("the way from a foreign page to code in the program is shut where it began", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { page, close } = await visit(browser);
  await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);
  for (const { port } of listening) await send(page, "chain", [`127.0.0.1:${port}`]);
  await expectNothingHappened();
  await close();
});

test("a page of another origin reaches nothing, by whatever name it calls this machine", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { port } = foreign.address() as AddressInfo;
  const places = listening.flatMap(({ port }) =>
    ["127.0.0.1", "localhost", REBOUND].map((name) => `${name}:${port}`),
  );
  for (const host of ["127.0.0.1", REBOUND]) {
    const { page, close } = await visit(browser);
    await page.goto(`http://${host}:${port}/`);
    expect([host, await send(page, "attack", places)]).toEqual([host, []]);
    await expectNothingHappened();
    await close();
  }
});

test("a page under a rebound name, which counts as the server's own, changes nothing and reads nothing of anybody", {
  timeout: TIMEOUT_MS,
}, async () => {
  for (const { port } of listening) {
    const { page, close } = await visit(browser);
    // Whatever there is at the address, an error page as well: the page's origin is the server's.
    const answer = await page.goto(`http://${REBOUND}:${port}/nothing`).catch(() => undefined);
    if (answer) expect([port, await send(page, "attack", [`${REBOUND}:${port}`])]).toEqual([port, []]);
    await expectNothingHappened();
    await close();
  }
});
