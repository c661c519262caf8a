import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { sampleWindow } from "../testing/sample-windows.ts";
import { TestAthletes } from "./athlete-fixture.ts";
import {
  type ApiHandle,
  field,
  launchBrowser,
  serveApi,
  TestRace,
  type Visit,
  visit,
} from "./browser-fixture.ts";
import { TestAlerts } from "./medic-fixture.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let api: ApiHandle;
let race: TestRace;
let athletes: TestAthletes;
let alerts: TestAlerts;
let visitor: Visit;
let page: Page;
/** Of bib 7: windows told so far. */
let told = 0;

beforeAll(async () => {
  browser = await launchBrowser(inject("chromium"));
  race = await TestRace.announce(inject("kafka"), "Vienna City Marathon", field(12));
  await race.pass("start", { "7": 0, "8": 0 });
  await race.pass("10k", { "7": 3000 });
  athletes = await TestAthletes.of(inject("kafka"), race.id);
  alerts = await TestAlerts.of(inject("kafka"), race.id);
  for (; told < 90; told++) await athletes.tell("7", told);
  for (let n = 0; n < 15; n++)
    await athletes.tell("7", 6 * n, { size: "1m", endMs: sampleWindow("7", 6 * n + 6).startMs });
  const { size: _, startMs, endMs, revision: __, ...stats } = sampleWindow("7", 0);
  athletes.segments.push({
    ...{ ...stats, participant: `${race.id}/7`, event: race.id, segment: "start-10k", enteredMs: startMs },
    ...{ leftMs: endMs, pane: "early", distanceM: 2700, activeS: 900 },
  });
  athletes.settle();
  api = await serveApi(inject("kafka"), { acknowledgements: alerts.desk, athletes: athletes.store });
});

afterAll(async () => {
  await api?.stop();
  await athletes?.close();
  await alerts?.close();
  await race?.close();
  await browser?.close();
});

beforeEach(async () => {
  await meet();
});

afterEach(async () => {
  await alerts.clearAll();
  await visitor.close();
});

async function meet(options: Parameters<typeof visit>[1] = {}): Promise<void> {
  await visitor?.close();
  visitor = await visit(browser, options);
  page = visitor.page;
}

/** A busy machine takes its time; what has happened is seen at once. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 });
const urlOf = (bib: string, query = ""): string =>
  `${api.url}/athlete.html?id=${encodeURIComponent(`${race.id}/${bib}`)}${query}`;
const tile = (name: string) =>
  page.locator("#tiles > div", { hasText: name }).locator("strong").textContent();
const chart = (name: RegExp) => page.getByRole("img", { name });
const live = () => page.locator('#connection[data-state="live"]');

async function open(query = ""): Promise<void> {
  await page.goto(urlOf("7", query));
  await live().waitFor();
  await page.locator("#heart-chart canvas").waitFor();
}

describe("an athlete's page", () => {
  it("shows what the tracker measures now, large, and where the runner is", async () => {
    await open();
    await page.getByRole("heading", { level: 1, name: "Bib 7" }).waitFor();
    const last = 145 + told - 1;
    await soon(() => tile("Heart rate")).toBe(String(last));
    await page.getByText(`bpm, ${last - 5} to ${last + 5}`).waitFor();
    expect(await tile("Pace")).toBe("5:33");
    expect(await tile("Cadence")).toBe("176");
    expect(await tile("Distance")).toBe("2.7 km");
    expect(await tile("At 10k")).toBe("50:00");
    await page.getByText("Measured by the tracker, as of").waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  it("moves with each window, with nothing asked again", async () => {
    await open();
    await soon(() => tile("Heart rate")).toBe(String(145 + told - 1));
    const n = told++;
    await athletes.tell("7", n, { hrMean: 163, hrMin: 160, hrMax: 199, distanceM: 1030 });
    await soon(() => tile("Heart rate")).toBe("163");
    await soon(() => tile("Distance")).toBe("3.7 km");
    await soon(() => chart(/^Heart rate from .*: 163 beats a minute at the end/).count()).toBe(1);
    athletes.settle();
  });

  it("shows the last ten minutes or the whole race, as its address says", async () => {
    await open();
    const heart = () => page.locator("#heart-chart").getAttribute("aria-label");
    await soon(heart).toMatch(/^Heart rate from 11:0\d to 11:1\d: /);
    await page.getByRole("button", { name: "Whole race" }).click();
    await soon(heart).toMatch(/^Heart rate from 11:00 to 11:14: /);
    expect(page.url()).toContain("show=race");
    await page.reload();
    await live().waitFor();
    await soon(heart).toMatch(/^Heart rate from 11:00 to 11:14: /);
    expect(await page.getByRole("button", { name: "Whole race" }).getAttribute("aria-pressed")).toBe("true");
    // By keyboard alone.
    await page.getByRole("button", { name: "Last 10 minutes" }).focus();
    await page.keyboard.press("Enter");
    await soon(heart).toMatch(/ to 11:1\d: /);
    expect(page.url()).not.toContain("show=race");
  });

  it("lists the segments of the course, the open one marked", async () => {
    await open();
    await page.getByRole("row", { name: /^Start to 10k ?now 2.7 km 15:00 5:33 145 140–150 176$/ }).waitFor();
  });

  it("shows the athlete's alerts as they come and go, and says them", async () => {
    await open();
    const region = page.getByRole("region", { name: "Health alerts" });
    expect(await region.isVisible()).toBe(false);
    const alert = await alerts.raise("7", 10);
    await alerts.raise("8", 10);
    await region.getByText("Heart rate too high").waitFor();
    await soon(() => page.locator("#announcer").textContent()).toBe(
      "High alert: Heart rate too high. Raised.",
    );
    expect(await region.getByRole("listitem").count()).toBe(1);
    await alerts.escalate(alert);
    await region.getByText("Escalated").waitFor();
    await alerts.clear(alert);
    await page
      .getByRole("region", { name: "Alerts that are over" })
      .getByText("Heart rate too high")
      .waitFor();
    expect(await region.isVisible()).toBe(false);
  });

  it("says that it lost the server, and catches up with what it missed", { timeout: 90_000 }, async () => {
    await open();
    await api.stop();
    await page.locator('#connection[data-state="reconnecting"]').waitFor();
    const n = told++;
    await athletes.tell("7", n, { hrMean: 171 });
    athletes.settle();
    await api.start();
    await live().waitFor({ timeout: 60_000 });
    await soon(() => tile("Heart rate")).toBe("171");
  });

  it("says that there is no tracker, and begins when one does", { timeout: 60_000 }, async () => {
    await page.goto(urlOf("9"));
    await page.getByRole("heading", { name: "No tracker yet" }).waitFor();
    await athletes.tell("9", 0);
    athletes.settle();
    await page.getByRole("heading", { name: "Bib 9" }).waitFor();
  });

  it("is found from the page of a runner who wears a tracker, and leads back", async () => {
    await page.goto(`${api.url}/runner.html?race=${race.id}&bib=7`);
    await page.getByRole("link", { name: "Heart rate and pace, live" }).click();
    await page.getByRole("heading", { level: 1, name: "Bib 7" }).waitFor();
    await page.getByRole("link", { name: "Bib 7 in Vienna City Marathon" }).click();
    await page.getByRole("heading", { name: "Splits" }).waitFor();
    await page.goto(`${api.url}/runner.html?race=${race.id}&bib=8`);
    await live().waitFor();
    expect(await page.getByRole("link", { name: "Heart rate and pace, live" }).isVisible()).toBe(false);
    expect(visitor.complaints).toEqual([]);
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as const)("can be used by everybody: %s, %d pixels wide", async (colorScheme, width) => {
    await meet({ colorScheme, viewport: { width, height: 800 } });
    await alerts.raise("7", 12, "sudden_drop");
    await open();
    await page.getByRole("region", { name: "Health alerts" }).waitFor();
    await page.evaluate(AXE);
    const violations = await page.evaluate(
      "axe.run().then(({ violations }) => violations.map((it) => it.id))",
    );
    expect(violations).toEqual([]);
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(overflow)).toBe(0);
  });
});
