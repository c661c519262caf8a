/**
 * One runner's page, `/runner.html?race=RACE&bib=BIB`: where, how fast, what place, when at the finish. Follows the runner
 * over one stream.
 */
import { ApiError, getRace, getRunner, type RaceDetail, type Runner } from "./api.ts";
import { athletePage, isTracked } from "./athlete-api.ts";
import { ConnectionChip } from "./connection.ts";
import { country } from "./countries.ts";
import { byId, fill, h, setAttribute, setText } from "./dom.ts";
import { watchRunner } from "./feed.ts";
import { isFollowed, onFollowedChange, setFollowed } from "./following.ts";
import { count, divisionName, duration, genderName, matName, NOTHING, ordinal, placeOf } from "./format.ts";
import type { PaceChart } from "./pace-chart.ts";
import { RunnerSearch } from "./search.ts";
import { drawSplits } from "./splits-table.ts";
import { statusChip } from "./status.ts";
import { addressOf, LIVE } from "./view.ts";

const RETRY_MS = 3000;

const page = {
  name: byId("runner-name", HTMLElement),
  facts: byId("runner-facts", HTMLElement),
  back: byId("back", HTMLAnchorElement),
  athlete: byId("athlete", HTMLAnchorElement),
  follow: byId("follow", HTMLButtonElement),
  tiles: byId("tiles", HTMLElement),
  message: byId("message", HTMLElement),
  pace: byId("pace", HTMLElement),
  chart: byId("chart", HTMLElement),
  splits: byId("splits", HTMLElement),
  table: byId("splits-table", HTMLTableElement),
  announcer: byId("announcer", HTMLElement),
};
const chip = new ConnectionChip(byId("connection", HTMLElement));
const search = new RunnerSearch(byId("search", HTMLElement));

const query = new URLSearchParams(location.search);
const raceId = query.get("race") ?? "";
const bib = query.get("bib") ?? "";
let chart: PaceChart | undefined;
let drawn = "";
let furthest: string | undefined;

if (!raceId || !bib) tell("No runner", "This address names no runner. Find one by bib above.");
else void start();

async function start(): Promise<void> {
  let race: RaceDetail;
  try {
    race = await getRace(raceId);
    search.race = race.id;
    page.back.href = addressOf(race.id, { at: LIVE, by: "overall", of: "", offset: 0 });
    setText(page.back, race.name);
    // Asked once before watching: a refusal of the stream carries no words, this one does.
    const runner = await getRunner(raceId, bib);
    show(race, runner);
    void linkAthlete(runner.athlete);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status >= 400 && error.status < 500) {
      chip.set("refused");
      return tell(
        `Bib ${bib}`,
        error.status === 404 ? "Nobody with this bib is in this race." : error.message,
      );
    }
    chip.set("reconnecting");
    tell(`Bib ${bib}`, `${error.message} Trying again.`);
    setTimeout(() => void start(), RETRY_MS);
    return;
  }
  onFollowedChange(showFollow);
  page.follow.addEventListener("click", () => setFollowed(raceId, bib, !isFollowed(raceId, bib)));
  fill(page.follow, "Follow", h("span", "visually-hidden", ` bib ${bib}`));
  page.follow.hidden = false;
  showFollow();
  watchRunner(raceId, bib, {
    onState: (state) => chip.set(state),
    onData: (runner) => show(race, runner),
    onRefused: () => tell(`Bib ${bib}`, "This runner is no longer in the race."),
  });
}

function show(race: RaceDetail, runner: Runner): void {
  // The clock moves with every answer; the page only when something about the runner does.
  const state = JSON.stringify({ ...runner, asOf: null });
  if (state === drawn) return;
  drawn = state;
  document.title = `Bib ${runner.bib} · ${race.name}`;
  setText(page.name, `Bib ${runner.bib}`);
  const group = runner.division
    ? divisionName(`${runner.gender} ${runner.division}`.trim())
    : genderName(runner.gender);
  const facts = [group, runner.country && country(runner.country)].filter(Boolean).join(", ");
  fill(page.facts, facts, " ", statusChip(runner.status));
  fill(page.tiles, ...tiles(race, runner).map(([name, value, more]) => tile(name, value, more)));
  const last = runner.splits.at(-1);
  announce(race, runner);
  page.splits.hidden = last === undefined;
  page.message.hidden = last !== undefined;
  if (!last) setText(page.message, "Not at the start yet. Splits appear here as they come.");
  else drawSplits(page.table, race, runner);
  void showChart(race, runner);
}

/** The athlete's page is there for who wears a device. */
async function linkAthlete(athlete: string): Promise<void> {
  const tracked = await isTracked(athlete).catch(() => false);
  page.athlete.href = athletePage(athlete);
  page.athlete.hidden = !tracked;
}

async function showChart(race: RaceDetail, runner: Runner): Promise<void> {
  page.pace.hidden = !runner.splits.some((split) => split.legPaceSPerKm !== null);
  if (page.pace.hidden) return;
  if (!chart) {
    // The chart's library is the largest part of the page: it comes when there is something to draw.
    const { PaceChart } = await import("./pace-chart.ts");
    chart ??= new PaceChart(page.chart);
  }
  chart.update(race, runner);
}

type Tile = [name: string, value: string, more?: string];

function tiles(race: RaceDetail, runner: Runner): Tile[] {
  const last = runner.splits.at(-1);
  if (!last) return [];
  const ranked = race.rankBy === "net" ? last.netS : last.gunS;
  const other = race.rankBy === "net" ? last.gunS : last.netS;
  const [rankedName, otherName] = race.rankBy === "net" ? ["Net time", "Gun time"] : ["Gun time", "Net time"];
  const list: Tile[] = [];
  if (runner.status === "finished")
    list.push([rankedName!, duration(ranked), `${otherName} ${duration(other)}`]);
  else {
    if (runner.projectedS !== null) {
      const place = runner.projectedPlace === null ? "" : `would be ${ordinal(runner.projectedPlace)}`;
      list.push(["Projected finish", duration(runner.projectedS), place]);
    }
    list.push(["Last seen", matName(last.mat), `${rankedName} ${duration(ranked)}`]);
  }
  if (last.distanceM > 0 && last.place !== null) {
    list.push(placeTile("Overall", last.place, last.passed));
    if (runner.gender) list.push(placeTile(genderName(runner.gender), last.placeGender, last.passedGender));
    if (runner.division) list.push(placeTile(runner.division, last.placeDivision, last.passedDivision));
  }
  return list;
}

function placeTile(name: string, place: number | null, passed: number): Tile {
  return place === null ? [name, NOTHING] : [name, ordinal(place), `of ${count(passed)}`];
}

function tile(name: string, value: string, more: string | undefined): HTMLElement {
  return h(
    "div",
    null,
    h("dt", null, name),
    h("dd", null, h("strong", null, value), more ? h("span", null, more) : null),
  );
}

function announce(race: RaceDetail, runner: Runner): void {
  const last = runner.splits.at(-1);
  const before = furthest;
  furthest = last?.mat ?? "";
  if (before === undefined || before === furthest || !last || !isFollowed(raceId, bib)) return;
  const time = duration(race.rankBy === "net" ? last.netS : last.gunS);
  const place = last.place === null ? "" : `, ${placeOf(last.place, last.passed)}`;
  setText(page.announcer, `Bib ${runner.bib} passed ${matName(last.mat)} in ${time}${place}.`);
}

function showFollow(): void {
  const on = isFollowed(raceId, bib);
  setAttribute(page.follow, "aria-pressed", on ? "true" : "false");
}

function tell(title: string, message: string): void {
  document.title = title;
  setText(page.name, title);
  page.message.hidden = false;
  setText(page.message, message);
  page.splits.hidden = true;
  page.pace.hidden = true;
}
