import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import {
  type ApiHandle,
  field,
  launchBrowser,
  serveApi,
  TestRace,
  type Visit,
  visit,
} from "./browser-fixture.ts";

const SIZE = 130;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let api: ApiHandle;
let race: TestRace;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser(inject("chromium"));
  race = await TestRace.announce(inject("kafka"), "Vienna City Marathon", field(SIZE));
  const all = field(SIZE).map(({ bib }) => bib);
  await race.pass("start", Object.fromEntries(all.map((bib) => [bib, 0])));
  await race.pass("10k", Object.fromEntries(all.map((bib) => [bib, 1900 + Number(bib) * 10])));
  api = await serveApi(inject("kafka"));
});

afterAll(async () => {
  await api?.stop();
  await race?.close();
  await browser?.close();
});

beforeEach(async () => {
  visitor = await visit(browser);
  page = visitor.page;
});

afterEach(async () => {
  await visitor.close();
});

/** A busy machine takes its time; what has happened is seen at once. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 });
const boardUrl = (query = ""): string => `${api.url}/?race=${race.id}${query}`;
const runnerUrl = (bib: string): string => `${api.url}/runner.html?race=${race.id}&bib=${bib}`;
const rows = () => page.locator("#board-table tbody tr");
const row = (name: RegExp) => page.getByRole("row", { name });
const bibs = () => page.locator("#board-table tbody .bib").allTextContents();
const found = () => page.getByRole("listbox", { name: "Runners found" }).getByRole("option");
const connection = () => page.locator("#connection");

async function open(url: string): Promise<void> {
  await page.goto(url);
  await page.getByText("Live", { exact: true }).and(connection()).waitFor();
}

describe("the board", () => {
  it("shows the race, its counts, the mats and the first places", async () => {
    await open(boardUrl());
    await page.getByRole("heading", { level: 1, name: "Vienna City Marathon" }).waitFor();
    await rows().nth(49).waitFor();
    expect((await bibs()).slice(0, 3)).toEqual(["1", "2", "3"]);
    expect(await page.locator("#stats").textContent()).toBe("Started130On course130Finished0");
    await page
      .getByRole("navigation", { name: "Where on the course" })
      .getByRole("link", { name: "10k 130 passed" })
      .waitFor();
    await row(/^2 Bib 2 F 40-44 ETH 10 km 32:00 \+0:10 32:00 3:12 2:15:02 Follow bib 2$/).waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  it("moves when results arrive", async () => {
    await open(boardUrl());
    await rows().first().waitFor();
    await race.pass("half", { "7": 4100 });
    await soon(bibs).toSatisfy((shown: string[]) => shown[0] === "7" && shown[1] === "1");
    expect(await rows().first().locator(".arrow").textContent()).toBe("▲6");
    await race.pass("half", { "9": 4090 });
    await soon(async () => (await bibs()).slice(0, 3)).toEqual(["9", "7", "1"]);
    await page.getByRole("link", { name: "Half 2 passed" }).waitFor();
    await soon(() => page.getByRole("timer", { name: "Race clock" }).textContent()).toBe("1:08:20");
  });

  it("animates the move for who has not asked for less motion", async () => {
    await visitor.close();
    visitor = await visit(browser, { reducedMotion: "no-preference" });
    page = visitor.page;
    await open(boardUrl());
    await rows().first().waitFor();
    await page.evaluate(`new MutationObserver(() => {
      window.moving ??= document.querySelector("#board-table tbody tr").getAnimations().length;
    }).observe(document.querySelector("#board-table tbody"), { childList: true })`);
    await race.pass("half", { "11": 4080 });
    await soon(async () => (await bibs())[0]).toBe("11");
    expect(await page.evaluate("window.moving")).toBeGreaterThan(0);
  });

  it("can be shared by its address, and back leads back", async () => {
    await open(boardUrl());
    await page.getByRole("link", { name: "Women" }).click();
    await page.getByRole("heading", { name: "Women, live" }).waitFor();
    await page.getByRole("link", { name: /^10k/ }).click();
    await page.getByRole("heading", { name: "Women at 10k" }).waitFor();
    await soon(async () => (await bibs()).slice(0, 2)).toEqual(["2", "5"]);
    const shared = page.url();
    expect(shared).toContain("at=10k&by=gender&of=F");
    await page.getByLabel("Division").selectOption({ label: "Women 40-44" });
    await page.getByRole("heading", { name: "Women 40-44 at 10k" }).waitFor();
    await soon(async () => (await bibs()).slice(0, 2)).toEqual(["2", "8"]);
    await page.goBack();
    await page.goBack();
    await page.getByRole("heading", { name: "Women, live" }).waitFor();

    await open(shared);
    await page.getByRole("heading", { name: "Women at 10k" }).waitFor();
    await soon(async () => (await bibs()).slice(0, 2)).toEqual(["2", "5"]);
  });

  it("goes through the places page by page", async () => {
    await open(boardUrl("&at=10k"));
    await page.getByRole("link", { name: "Places 51–100" }).click();
    await soon(bibs).toHaveLength(50);
    await soon(async () => (await bibs())[0]).toBe("51");
    await page.getByRole("link", { name: "Places 101–130" }).click();
    await soon(bibs).toHaveLength(30);
    await row(/^101 Bib 101 /).waitFor();
    await page.getByRole("link", { name: "Places 51–100" }).waitFor();
  });

  it("says in words what it has not", async () => {
    await open(boardUrl("&at=finish"));
    await page.getByText("Nobody has passed here yet.").waitFor();
    await page.goto(boardUrl("&at=50k"));
    await page.getByText("no mat called “50k”").waitFor();
    await page.goto(boardUrl("&by=division&of=M+80%2B"));
    await page.getByText("no division “M 80+”").waitFor();
    await page.goto(`${api.url}/?race=nowhere`);
    await page.getByText("There is no race at this address").waitFor();
  });

  it("tells overdue, given up and disqualified runners from the others", async () => {
    await race.status("20", "overdue", 9000);
    await race.status("21", "dnf", 9000);
    await race.status("22", "dsq", 9000);
    await open(boardUrl("&at=10k"));
    await page
      .getByRole("row", { name: /Bib 20 / })
      .getByText("Overdue")
      .waitFor();
    await page
      .getByRole("row", { name: /Bib 21 / })
      .getByText("DNF")
      .waitFor();
    await page.goto(runnerUrl("22"));
    await page.getByText("Disqualified").or(page.getByText("DSQ")).first().waitFor();
  });
});

describe("finding and following", () => {
  it("finds a runner by bib from the keyboard alone", async () => {
    await open(boardUrl());
    await rows().first().waitFor();
    await page.keyboard.press("Tab");
    expect(await focusedText()).toBe("Skip to the leaderboard");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.type("12");
    const box = page.getByRole("combobox", { name: "Find a runner by bib" });
    await soon(() => found().count()).toBe(8);
    expect(await box.getAttribute("aria-expanded")).toBe("true");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.getByRole("listbox").getByRole("option", { name: /^120 /, selected: true }).waitFor();
    await page.keyboard.press("Escape");
    await soon(() => found().count()).toBe(0);
    await page.keyboard.type("9");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Bib 129" }).waitFor();
    expect(page.url()).toContain("bib=129");
  });

  it("says when no bib begins so", async () => {
    await open(boardUrl());
    await page.getByRole("combobox", { name: "Find a runner by bib" }).fill("777");
    await page.getByText("No bib begins with “777”.").waitFor();
  });

  it("follows a runner across pages and visits, and says so when a mat is passed", async () => {
    await open(boardUrl());
    const star = page.getByRole("button", { name: "Follow bib 30", exact: true });
    await star.click();
    expect(await star.first().getAttribute("aria-pressed")).toBe("true");
    const strip = page.getByRole("region", { name: "Following" });
    await strip.getByText("30th of 130").waitFor();
    await strip.getByText("10k in 36:40").waitFor();
    await strip.getByText("Finish about 2:34:43, 1st").waitFor();

    await page.reload();
    await strip.getByText("30th of 130").waitFor();
    await race.pass("half", { "30": 4300 });
    await soon(() => page.locator("#announcer").textContent()).toMatch(
      /^Bib 30 passed Half in 1:11:40, \d+th of \d+\.$/,
    );

    await strip.getByRole("link", { name: "Bib 30" }).click();
    const follow = page.getByRole("button", { name: "Follow bib 30" });
    await soon(() => follow.getAttribute("aria-pressed")).toBe("true");
    await follow.click();
    await page.getByRole("link", { name: "Vienna City Marathon" }).click();
    await rows().first().waitFor();
    expect(await strip.isVisible()).toBe(false);
  });

  it("keeps the keyboard on a row that moves", async () => {
    await open(boardUrl("&at=30k"));
    await race.pass("30k", { "40": 6400, "41": 6410 });
    await soon(bibs).toEqual(["40", "41"]);
    await page.getByRole("button", { name: "Follow bib 41" }).focus();
    await race.pass("30k", { "42": 6300 });
    await race.pass("30k", { "41": 6200 });
    await soon(bibs).toEqual(["41", "42", "40"]);
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe("Follow bib 41");
  });
});

describe("a runner's page", () => {
  it("shows splits, places, the projected finish and a chart, and goes on by itself", async () => {
    await open(runnerUrl("50"));
    await page.getByRole("heading", { level: 1, name: "Bib 50" }).waitFor();
    await page.getByText("Women 40-44, Ethiopia").or(page.getByText(/40-44/)).first().waitFor();
    const splits = page.getByRole("table", { name: "Splits of bib 50" });
    await splits.getByRole("row", { name: /^10k 10:40:00 40:00 40:00 4:00 50th of 130 / }).waitFor();
    await page
      .getByRole("img", { name: /^Pace up to 10 km\. 4:00 per kilometre on average/ })
      .locator("canvas")
      .waitFor();
    expect(await page.locator("#tiles").textContent()).toContain("Projected finish2:48:47");

    await race.pass("half", { "50": 5100 });
    await splits.getByRole("row", { name: /^Half.*1:25:00/ }).waitFor();
    await race.pass("finish", { "50": 10_260 });
    await page.locator("#tiles").getByText("2:51:00").first().waitFor();
    await splits.getByRole("row", { name: /^30k Not read here/ }).waitFor();
    await page.getByText("Finished").first().waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  it("says when nobody has this bib", async () => {
    await page.goto(runnerUrl("999"));
    await page.getByText("Nobody with this bib is in this race.").waitFor();
  });
});

describe("a lost connection", () => {
  it("is shown, and the board catches up when the server is back", async () => {
    await open(boardUrl("&at=half&by=gender&of=X"));
    await page.getByText("Nobody has passed here yet.").waitFor();
    await api.stop();
    await page.getByText("Reconnecting").waitFor();
    await race.pass("half", { "130": 6000 });
    await api.start();
    await page.getByText("Live", { exact: true }).and(connection()).waitFor({ timeout: 60_000 });
    await soon(bibs).toEqual(["130"]);
  });

  it("is told apart from being offline", async () => {
    await open(boardUrl());
    await page.context().setOffline(true);
    await page.getByText("You are offline").waitFor();
    await page.context().setOffline(false);
    await page.getByText("Live", { exact: true }).and(connection()).waitFor({ timeout: 60_000 });
  });
});

describe("for everybody", () => {
  const views = ["board", "division", "empty", "runner", "unknown runner"] as const;
  const url = {
    board: () => boardUrl(),
    division: () => boardUrl("&at=10k&by=division&of=F+40-44"),
    empty: () => boardUrl("&at=50k"),
    runner: () => runnerUrl("50"),
    "unknown runner": () => runnerUrl("999"),
  };

  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [390, 800, 1280]) {
      it(`has no serious barrier and fits: ${colorScheme}, ${width} px`, async () => {
        await visitor.close();
        visitor = await visit(browser, { colorScheme, viewport: { width, height: 844 } });
        page = visitor.page;
        await page.addInitScript(
          `localStorage.setItem("pacestream.following", JSON.stringify({ "${race.id}": ["1", "50"] }))`,
        );
        for (const view of views) {
          await page.goto(url[view]());
          await page.locator("h1:not(:has-text('Loading'))").waitFor();
          await page.locator("tbody tr, #board-message:visible, #message:visible").first().waitFor();
          if (view === "runner") await page.locator("canvas").waitFor();
          if (view === "division") {
            await page.getByRole("combobox", { name: "Find a runner by bib" }).fill("1");
            await found().first().waitFor();
          }
          expect(await serious(), view).toEqual([]);
          const tooWide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          expect(tooWide, `${view}: pixels beyond the edge`).toBeLessThanOrEqual(0);
        }
      });
    }
  }

  it("runs under a policy that allows no inline script or style", async () => {
    const answer = await page.goto(boardUrl());
    expect(answer?.headers()["content-security-policy"]).toContain("script-src 'self'");
    await rows().first().waitFor();
    await page.goto(runnerUrl("50"));
    await page.locator("canvas").waitFor();
    expect(visitor.complaints).toEqual([]);
  });
});

function focusedText(): Promise<unknown> {
  return page.evaluate("document.activeElement.textContent");
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
