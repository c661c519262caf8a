/** The API's description in a real browser: it breaks no policy, keeps nobody out, and fits. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ApiApp, createApp } from "../server.ts";
import { MemoryLog } from "../testing/memory-log.ts";
import { SAMPLE } from "../testing/sample-race.ts";
import { silentLog } from "../testing/silent-log.ts";
import { launchBrowser, visit } from "./browser-fixture.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let api: ApiApp;
let url: string;
let browser: Browser;

beforeAll(async () => {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  const none = async () => undefined;
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    jobs: { list: async () => [], submit: () => Promise.reject(new Error("none")), cancel: none },
    corrections: { send: none },
    acknowledgements: { send: none },
    athletes: {
      windows: async () => [],
      tracked: async () => [],
      covered: async () => ({ distanceM: 0, activeS: 0 }),
      segments: async () => [],
      close: none,
    },
  });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  browser = await launchBrowser(inject("chromium"));
});

afterAll(async () => {
  await browser.close();
  await api.app.close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test(`breaks no rule of axe or of its policy, and fits: ${colorScheme}, ${width} px`, async () => {
      const visitor = await visit(browser, { colorScheme, viewport: { width, height: 844 } });
      const { page } = visitor;
      const answer = await page.goto(`${url}/docs`);
      expect(answer?.headers()["content-security-policy"]).toContain("style-src 'self'");
      const operations = page.locator("summary");
      expect(await operations.count()).toBeGreaterThanOrEqual(20);
      for (const isOpen of [false, true]) {
        if (isOpen) for (const operation of await operations.all()) await operation.click();
        await page.evaluate(AXE);
        const broken = await page.evaluate(
          'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))',
        );
        expect(broken).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(
          0,
        );
      }
      await page.getByText("/v1/races/{race}/corrections/preview").first().waitFor();
      expect(visitor.complaints).toEqual([]);
      await visitor.close();
    });
  }
}
