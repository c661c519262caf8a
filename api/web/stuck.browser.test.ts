/** What people see while something inside is stuck: the page is connected, and says that results may be late. */
import type { Browser } from "playwright-core";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Problem } from "../../runtime/health.ts";
import { type ApiApp, createApp } from "../server.ts";
import { MemoryLog } from "../testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { silentLog } from "../testing/silent-log.ts";
import { launchBrowser, visit } from "./browser-fixture.ts";

let problems: readonly Problem[] = [];
let api: ApiApp;
let url: string;
let browser: Browser;

beforeAll(async () => {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("1"));
  log.standings(standing("1", "10k", 2500));
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    problems: () => problems,
  });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  await api.follower.ready;
  browser = await launchBrowser(inject("chromium"));
});

afterAll(async () => {
  await browser.close();
  await api.app.close();
});

test("a page says that results may be late while something is stuck, and no longer when it has gone", async () => {
  const visitor = await visit(browser);
  const { page } = visitor;
  const chip = page.locator("#connection");
  await page.goto(`${url}/?race=${SAMPLE.id}`);
  await chip.getByText("Live", { exact: true }).waitFor();
  problems = [{ part: "job marathon-leaderboard", code: "no-progress", message: "inside <b>", sinceMs: 1 }];
  await chip.getByText("Connected, results may be late").waitFor({ timeout: 20_000 });
  await page.goto(`${url}/runner.html?race=${SAMPLE.id}&bib=1`);
  await chip.getByText("Connected, results may be late").waitFor({ timeout: 20_000 });
  // What is stuck is for who runs it: spectators are not told its words.
  expect(await page.content()).not.toContain("inside");
  problems = [];
  await chip.getByText("Live", { exact: true }).waitFor({ timeout: 20_000 });
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});
