import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Alert } from "../../schemas/index.ts";
import { clearedAlert } from "../testing/sample-alerts.ts";
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
const HOSTILE = `<img src=x onerror="document.title='broken'">`;

let browser: Browser;
let api: ApiHandle;
let race: TestRace;
let alerts: TestAlerts;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser(inject("chromium"));
  race = await TestRace.announce(inject("kafka"), "Vienna City Marathon", field(12));
  alerts = await TestAlerts.of(inject("kafka"), race.id);
  api = await serveApi(inject("kafka"), { acknowledgements: alerts.desk });
});

afterAll(async () => {
  await api?.stop();
  await alerts?.close();
  await race?.close();
  await browser?.close();
});

beforeEach(async () => {
  await meet();
});

afterEach(async () => {
  alerts.decide = undefined;
  await alerts.clearAll();
  await visitor.close();
});

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 });
const urlOf = (query = ""): string => `${api.url}/medic.html?race=${race.id}${query}`;
const section = (name: RegExp | string) => page.getByRole("region", { name });
const cards = () => page.getByRole("main").getByRole("article").or(page.locator(".alert"));
const card = (bib: string) =>
  page.locator(".alert", { has: page.getByRole("link", { name: `Bib ${bib}`, exact: true }) });
const live = () => page.locator("#connection").getByText("Live", { exact: true });
const announced = () => page.locator("#announcer").textContent();

async function meet(options: Parameters<typeof visit>[1] = {}): Promise<void> {
  await visitor?.close();
  visitor = await visit(browser, options);
  page = visitor.page;
}

async function open(query = "", name = "medic-3"): Promise<void> {
  await page.goto(urlOf(query));
  await page.locator('#connection[data-state="live"]').waitFor();
  if (name) await page.getByLabel("Your call sign").fill(name);
}

describe("the medic's page", () => {
  it("shows open alerts by urgency, with what, where and since when", async () => {
    await alerts.raise("7", 10);
    await alerts.raise("8", 20, "lost_signal", { value: null, limit: null });
    await alerts.raise("9", 21, "stuck_sensor", { limit: null, value: 225 });
    await alerts.escalate(await alerts.raise("5", 5, "sudden_drop", { value: 62, limit: 50 }));
    await open();
    await page.getByText("Vienna City Marathon").first().waitFor();
    await cards().nth(3).waitFor();
    await section(/^Critical/)
      .getByText("Heart rate fell suddenly")
      .waitFor();
    await section(/^High/).getByText("Heart rate too high").waitFor();
    await section(/^Moderate/)
      .getByText("No signal")
      .waitFor();
    await section(/^Low/).getByText("Sensor is stuck").waitFor();
    const words = await card("7").locator(".alert-facts").textContent();
    expect(words).toContain("186 bpm, limit 170");
    expect(words).toContain("km 12.4, 10k to Half");
    // Ten minutes to nine, UTC, in Vienna in summer.
    expect(words).toMatch(/since 11:08:00, \d+ min/);
    expect(await page.locator("#stats").textContent()).toMatch(/^Need attention4Acknowledged0Over\d/);
    expect(await page.title()).toBe("(4) Health alerts");
    expect(visitor.complaints).toEqual([]);
  });

  it("follows an alert's life as it is committed, and says what is urgent", async () => {
    await open();
    await page.getByText("No alert is open.").waitFor();
    const alert = await alerts.raise("7", 10);
    await section(/^High/).locator(".alert").waitFor();
    await soon(announced).toBe("New, high: Heart rate too high, Bib 7, km 12.4, 10k to Half.");
    await alerts.escalate(alert);
    await section(/^Critical/)
      .getByText("Escalated")
      .waitFor();
    await soon(announced).toContain("Escalated, critical");
    await alerts.clear(alert);
    await page.getByText("No alert is open.").waitFor();
    await page.getByRole("link", { name: /^Over/ }).click();
    await section(/^Over/).locator(".alert").first().waitFor();
    expect(page.url()).toContain("show=over");
  });

  it("acknowledges with who and a note, and shows it once it has come back", async () => {
    await alerts.raise("7", 10);
    await alerts.raise("8", 11);
    await open("", "");
    await card("7")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    await page.getByText("First say who you are.").waitFor();
    await page.keyboard.type("medic-3");
    await card("7")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    await section(/^Acknowledged/)
      .getByText("Acknowledged by medic-3")
      .waitFor();
    await soon(announced).toBe("Acknowledged by medic-3: Heart rate too high, Bib 7.");
    expect(
      await card("7")
        .getByRole("button", { name: /^Acknowledge/ })
        .count(),
    ).toBe(0);

    await card("8")
      .getByRole("button", { name: /^Details/ })
      .click();
    await card("8").getByLabel("Note for colleagues, without names").fill("walks, at the aid station");
    await card("8").getByRole("button", { name: "Acknowledge" }).click();
    await section(/^Acknowledged 2/).waitFor();
    await card("8").getByText("walks, at the aid station").waitFor();
    await page.reload();
    expect(await page.getByLabel("Your call sign").inputValue()).toBe("medic-3");
  });

  it("shows the readings that prove an alert against the limit, and its life", async () => {
    await alerts.escalate(await alerts.raise("7", 10));
    await open();
    await card("7")
      .getByRole("button", { name: /^Details/ })
      .click();
    await card("7")
      .getByRole("img", {
        name: /^Heart rate from 11:08:00 to 11:10:00: between \d+ and \d+ .* the limit is 170\.$/,
      })
      .locator("canvas")
      .waitFor();
    await card("7").getByText("11 of 121 readings").waitFor();
    const steps = card("7").locator(".history li");
    await soon(() => steps.allTextContents()).toEqual(["11:10:00 Raised", "11:13:00 Escalated"]);
    expect(page.url()).toContain("alert=");
    await page.reload();
    await card("7").locator("canvas").waitFor();
    await alerts.clear((await alerts.raise("8", 11)) as Alert);
    await page.goBack();
    await soon(() => page.locator(".details").count()).toBe(0);
    expect(visitor.complaints).toEqual([]);
  });

  it("says who was faster, and that an alert has ended meanwhile", async () => {
    await alerts.raise("7", 10);
    await alerts.raise("8", 11);
    await open();
    alerts.decide = (alert) => ({
      ...alert,
      state: "acknowledged",
      acknowledgedBy: "medic-9",
      acknowledgedMs: alert.atMs,
    });
    await card("7")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    await section(/^Acknowledged/)
      .getByText("Acknowledged by medic-9")
      .waitFor();
    alerts.decide = (alert) => clearedAlert(alert);
    await card("8")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    await soon(() => card("8").count()).toBe(0);
  });

  it("filters by urgency, and can be shared by its address", async () => {
    await alerts.raise("7", 10);
    await alerts.raise("9", 21, "stuck_sensor", { limit: null });
    await open();
    await page.getByRole("link", { name: "Low 1" }).click();
    await soon(() => page.locator(".alert").count()).toBe(1);
    await card("9").waitFor();
    await page.goto(page.url());
    await card("9").waitFor();
    await page.goto(urlOf("&urgency=critical"));
    await page.getByText("No critical alert is open.").waitFor();
  });

  it("shows what people wrote as text, whatever it says", async () => {
    const alert = await alerts.raise("7", 10, "high_heart_rate", { device: HOSTILE, reason: HOSTILE });
    await open("", HOSTILE.slice(0, 100));
    await card("7")
      .getByRole("button", { name: /^Details/ })
      .click();
    await card("7").getByLabel("Note for colleagues, without names").fill(HOSTILE);
    await card("7").getByRole("button", { name: "Acknowledge" }).click();
    await section(/^Acknowledged/)
      .locator(".state")
      .getByText("Acknowledged by <img")
      .waitFor();
    await card("7").locator(".note").getByText(HOSTILE).waitFor();
    await page.goto(urlOf(`&alert=${encodeURIComponent(alert.id)}`));
    await card("7").locator(".facts").getByText(HOSTILE).first().waitFor();
    expect(await page.locator("main img:not([role])").count()).toBe(0);
    expect(await page.title()).toContain("Health alerts");
  });

  it("works from the keyboard alone, and the focus stays where the work is", async () => {
    await alerts.raise("7", 10);
    await open();
    await card("7")
      .getByRole("button", { name: /^Acknowledge/ })
      .focus();
    await page.keyboard.press("Enter");
    await section(/^Acknowledged/)
      .getByText("Acknowledged by medic-3")
      .waitFor();
    expect(await focusedLabel()).toBe("Details: Heart rate too high, Bib 7");
    await page.keyboard.press("Enter");
    await card("7").locator("canvas").waitFor();
    await alerts.clearAll();
    await soon(() => page.evaluate("document.activeElement.id")).toBe("alerts");
  });

  it("shows that the connection is lost, and what happened meanwhile once it is back", async () => {
    await open();
    await page.getByText("No alert is open.").waitFor();
    await api.stop();
    await page.getByText("Reconnecting").waitFor();
    await alerts.raise("7", 10);
    await api.start();
    await live().waitFor({ timeout: 60_000 });
    await card("7").waitFor();
  });
});

describe("with a token", () => {
  let guarded: ApiHandle;
  beforeAll(async () => {
    guarded = await serveApi(inject("kafka"), { acknowledgements: alerts.desk, controlToken: "secret" });
  });
  afterAll(() => guarded?.stop());

  it("asks for it, and shows nothing before", async () => {
    await alerts.raise("7", 10);
    await page.goto(`${guarded.url}/medic.html?race=${race.id}`);
    await page.getByLabel("Control token").fill("wrong");
    await page.getByRole("button", { name: "Show alerts" }).click();
    await page.getByText("That token is not the right one.").waitFor();
    expect(await page.locator(".alert").count()).toBe(0);
    await page.getByLabel("Control token").fill("secret");
    await page.getByRole("button", { name: "Show alerts" }).click();
    await card("7").waitFor();
    await page.getByLabel("Your call sign").fill("medic-3");
    await card("7")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    await section(/^Acknowledged/)
      .getByText("Acknowledged by medic-3")
      .waitFor();
  });
});

describe("for everybody", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [390, 800, 1280]) {
      it(`has no serious barrier and fits: ${colorScheme}, ${width} px`, async () => {
        await meet({ colorScheme, viewport: { width, height: 844 } });
        await alerts.raise("7", 10);
        await alerts.raise("11", 12, "no_motion", { value: 4, limit: 20, distanceM: 30_210 });
        await alerts.raise("8", 20, "lost_signal", { value: null, limit: null });
        await alerts.raise("9", 21, "stuck_sensor", { limit: null, value: 225 });
        const critical = await alerts.escalate(
          await alerts.raise("5", 5, "sudden_drop", { value: 62, limit: 50 }),
        );
        await open(`&alert=${encodeURIComponent(critical.id)}`);
        await card("5").locator("canvas").waitFor();
        await card("7")
          .getByRole("button", { name: /^Acknowledge/ })
          .click();
        await section(/^Acknowledged/).waitFor();
        const shots = process.env.MEDIC_SCREENSHOTS;
        if (shots) await page.screenshot({ path: `${shots}/${colorScheme}-${width}.png`, fullPage: true });
        for (const query of ["", "&show=over", "&urgency=low"]) {
          await open(query);
          await page.locator(".alert, #message:visible").first().waitFor();
          expect(await serious(), query).toEqual([]);
          const tooWide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          expect(tooWide, `${query}: pixels beyond the edge`).toBeLessThanOrEqual(0);
        }
        await open(`&alert=${encodeURIComponent(critical.id)}`);
        await card("5").locator("canvas").waitFor();
        expect(await serious(), "details").toEqual([]);
      });
    }
  }
});

function focusedLabel(): Promise<unknown> {
  return page.evaluate("document.activeElement.getAttribute('aria-label')");
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

async function serious(): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = (await page.evaluate("axe.run().then((result) => result.violations)")) as Violation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
