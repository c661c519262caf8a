/**
 * One athlete's page, `/athlete.html?id=ATHLETE`: what the device measures, live. Owns the page's moving parts.
 *
 * AP1  What was before is asked for, what comes is told by the stream; where they overlap or leave a hole, asking again a little later
 *      closes it (results take some seconds to where they are asked for).
 * AP2  However fast windows come, the page is drawn at most every `DRAW_EVERY_MS`.
 */
import { ApiError, getRace, type RaceDetail } from "./api.ts";
import { drawAlerts, isOpen, overOf, sentenceOf } from "./athlete-alerts.ts";
import {
  type AthleteAlert,
  type AthleteAnswer,
  getAthlete,
  getSegments,
  getWindows,
  type Size,
  watchAthlete,
} from "./athlete-api.ts";
import type { AthleteChart, Quantity } from "./athlete-chart.ts";
import { AthleteHistory, RECENT_MS } from "./athlete-history.ts";
import { drawSegments } from "./athlete-segments.ts";
import { ConnectionChip } from "./connection.ts";
import { byId, fill, h, setAttribute, setText } from "./dom.ts";
import { duration, kilometres, matName, NOTHING, pace, placeOf } from "./format.ts";
import { clockTime } from "./medic-words.ts";

const RETRY_MS = 3000;
const DRAW_EVERY_MS = 400;
/** AP1: by then what the stream began after can be asked for. */
const SETTLED_MS = 5000;
const REFRESH_MS = 15_000;
const MINUTES_MAX = 1440;

const QUANTITIES: Readonly<Record<string, Quantity>> = {
  "heart-chart": {
    name: "Heart rate",
    unit: "beats a minute",
    of: ({ hrMean }) => hrMean,
    lowest: ({ hrMin }) => hrMin,
    highest: ({ hrMax }) => hrMax,
    text: (value) => String(Math.round(value)),
    color: "--heart",
    spanMin: 40,
    steps: [5, 10, 20, 50],
  },
  "pace-chart": {
    name: "Pace",
    unit: "a kilometre",
    of: ({ paceSPerKm }) => (paceSPerKm !== null && paceSPerKm <= 1200 ? paceSPerKm : null),
    text: (value) => pace(value),
    color: "--blue",
    spanMin: 90,
    isDown: true,
    steps: [15, 30, 60, 120, 300],
  },
  "cadence-chart": {
    name: "Cadence",
    unit: "steps a minute",
    of: ({ cadenceMean }) => cadenceMean,
    text: (value) => String(Math.round(value)),
    color: "--cadence",
    spanMin: 40,
    steps: [5, 10, 20, 50],
  },
};

const page = {
  name: byId("athlete-name", HTMLElement),
  facts: byId("athlete-facts", HTMLElement),
  back: byId("back", HTMLAnchorElement),
  tiles: byId("tiles", HTMLElement),
  message: byId("message", HTMLElement),
  alerts: byId("alerts", HTMLElement),
  alertList: byId("alert-list", HTMLElement),
  charts: byId("charts", HTMLElement),
  recent: byId("show-recent", HTMLButtonElement),
  whole: byId("show-whole", HTMLButtonElement),
  segments: byId("segments", HTMLElement),
  segmentTable: byId("segment-table", HTMLTableElement),
  earlier: byId("earlier", HTMLElement),
  earlierList: byId("earlier-list", HTMLElement),
  announcer: byId("announcer", HTMLElement),
};
const chip = new ConnectionChip(byId("connection", HTMLElement));

const query = new URLSearchParams(location.search);
const id = query.get("id") ?? "";
const history = new AthleteHistory();
let athlete: AthleteAnswer | undefined;
let race: RaceDetail | undefined;
let charts: AthleteChart[] | undefined;
let alerts: readonly AthleteAlert[] = [];
/** States of alerts that were announced, by id; undefined before the first look. */
let announced: Map<string, string> | undefined;
let size: Size = query.get("show") === "race" ? "1m" : "10s";
let isDrawing = false;

if (id === "") tell("No athlete", "This address names no athlete. A runner's page leads to one.");
else void start();

async function start(): Promise<void> {
  try {
    athlete = await getAthlete(id);
    if (athlete.race !== null) race = await getRace(athlete.race).catch(() => undefined);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) {
      chip.set("refused");
      tell("Athlete", "What devices measure is shown to who is signed in.");
      page.message.append(" ", h("a", { attrs: { href: "/medic.html" } }, "Sign in"));
      return;
    }
    const isUnknown = error.status === 404;
    if (!isUnknown && error.status >= 400 && error.status < 500) {
      chip.set("refused");
      return tell("Athlete", error.message);
    }
    // A device may begin to send at any time.
    chip.set(isUnknown ? "connecting" : "reconnecting");
    if (isUnknown)
      tell(
        "No tracker yet",
        "No device of this athlete has sent anything. It shows here as soon as one does.",
      );
    else tell("Athlete", `${error.message} Trying again.`);
    setTimeout(() => void start(), RETRY_MS);
    return;
  }
  page.message.hidden = true;
  page.charts.hidden = false;
  page.recent.addEventListener("click", () => choose("10s"));
  page.whole.addEventListener("click", () => choose("1m"));
  choose(size);
  watchAthlete(id, {
    onState: (state) => chip.set(state),
    onData(state) {
      history.put(state.windows);
      alerts = state.alerts;
      draw();
    },
    onRefused: () => tell("Athlete", "This athlete is not shown any more."),
  });
  await refresh();
  setTimeout(() => void refresh(), SETTLED_MS);
  setInterval(() => !document.hidden && void refresh(), REFRESH_MS);
}

/** AP1. A refusal now is no news: the connection says what is wrong. */
async function refresh(): Promise<void> {
  try {
    const [now, recent, minutes, segments] = await Promise.all([
      getAthlete(id),
      getWindows(id, "10s", RECENT_MS / 10_000),
      getWindows(id, "1m", MINUTES_MAX),
      getSegments(id),
    ]);
    athlete = now;
    history.put([...recent, ...minutes]);
    page.segments.hidden = segments.length === 0;
    drawSegments(page.segmentTable, segments);
    draw();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

function choose(chosen: Size): void {
  size = chosen;
  setAttribute(page.recent, "aria-pressed", size === "10s" ? "true" : "false");
  setAttribute(page.whole, "aria-pressed", size === "1m" ? "true" : "false");
  const address = new URLSearchParams({ id, ...(size === "1m" && { show: "race" }) });
  window.history.replaceState(null, "", `?${address}`);
  draw();
}

/** AP2 */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  setTimeout(() => {
    isDrawing = false;
    if (athlete) drawNow(athlete);
  }, DRAW_EVERY_MS);
}

function drawNow(now: AthleteAnswer): void {
  const name = now.bib === null ? now.athlete : `Bib ${now.bib}`;
  document.title = `${name} · heart rate and pace`;
  setText(page.name, name);
  if (now.runner) {
    page.back.href = now.runner.page;
    setText(page.back, `${name} in ${now.raceName ?? "the race"}`);
  }
  const newestMs = history.newestMs ?? now.asOfMs;
  setText(page.facts, `Measured by the tracker, as of ${clockTime(newestMs, race?.timezone)}`);
  fill(page.tiles, ...tiles(now).map(([title, value, more]) => tile(title, value, more)));
  showAlerts(page.alerts, page.alertList, alerts.filter(isOpen));
  showAlerts(page.earlier, page.earlierList, overOf(alerts));
  announce();
  void drawCharts(newestMs);
}

async function drawCharts(newestMs: number): Promise<void> {
  if (!charts) {
    // The chart's library is the largest part of the page: it comes when there is something to draw.
    const { AthleteChart } = await import("./athlete-chart.ts");
    charts ??= Object.entries(QUANTITIES).map(
      ([element, quantity]) => new AthleteChart(byId(element, HTMLElement), quantity),
    );
  }
  const windows = history.windows(size);
  const fromMs = size === "10s" ? newestMs - RECENT_MS : (windows[0]?.startMs ?? newestMs - RECENT_MS);
  for (const chart of charts) chart.update(windows, [fromMs, newestMs], race?.timezone);
}

type Tile = [name: string, value: string, more?: string];

function tiles(now: AthleteAnswer): Tile[] {
  const window = history.latest() ?? now.window;
  const { hrMean, hrMin, hrMax, paceSPerKm, cadenceMean } = window;
  const coveredM = now.distanceM + history.coveredSince(now.asOfMs);
  const heart = hrMean === null ? NOTHING : String(Math.round(hrMean));
  const list: Tile[] = [
    ["Heart rate", heart, hrMean === null ? "not measured" : `bpm, ${hrMin} to ${hrMax}`],
    ["Pace", pace(paceSPerKm), "per km"],
    ["Cadence", cadenceMean === null ? NOTHING : String(Math.round(cadenceMean)), "steps a minute"],
    ["Distance", kilometres(coveredM), now.courseM === null ? "" : `of ${kilometres(now.courseM)}`],
  ];
  const { runner } = now;
  if (runner?.mat != null)
    list.push([
      runner.mat === "finish" ? "Finish" : `At ${matName(runner.mat)}`,
      duration(runner.netS),
      placeOf(runner.place, runner.passed ?? undefined),
    ]);
  return list;
}

function tile(name: string, value: string, more: string | undefined): HTMLElement {
  return h(
    "div",
    null,
    h("dt", null, name),
    h("dd", null, h("strong", null, value), more ? h("span", null, more) : null),
  );
}

function showAlerts(section: HTMLElement, list: HTMLElement, shown: readonly AthleteAlert[]): void {
  section.hidden = shown.length === 0;
  drawAlerts(list, shown, race?.timezone);
}

/** Alerts that came or moved since the page was opened; how the heart beats is not read out ten times a minute. */
function announce(): void {
  const before = announced;
  announced = new Map(alerts.map((alert) => [alert.id, alert.state]));
  if (!before) return;
  const news = alerts.filter((alert) => before.get(alert.id) !== alert.state);
  const first = news.find(isOpen) ?? news[0];
  if (first) setText(page.announcer, sentenceOf(first));
}

function tell(title: string, message: string): void {
  document.title = title;
  setText(page.name, title);
  page.message.hidden = false;
  setText(page.message, message);
  page.charts.hidden = true;
  page.segments.hidden = true;
  page.alerts.hidden = true;
  page.earlier.hidden = true;
}
