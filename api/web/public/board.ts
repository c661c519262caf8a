/**
 * The board at `/`: reads the address, watches what it names, draws it. Owns the page's moving parts and nothing else; each
 * part draws itself.
 *
 * B1  The address is the state: whatever a control does, it goes through an address (view.ts).
 * B2  One view is watched at a time, and an answer for a view that was left is dropped.
 */
import {
  ApiError,
  type Counts,
  getRace,
  type Leaderboard,
  listRaces,
  type RaceDetail,
  type RaceListing,
  type View,
} from "./api.ts";
import { CourseNav, GroupNav, PageNav } from "./board-nav.ts";
import { ConnectionChip } from "./connection.ts";
import { byId, fill, h, setText } from "./dom.ts";
import { watchLeaderboard } from "./feed.ts";
import { onFollowedChange } from "./following.ts";
import { FollowingStrip } from "./following-strip.ts";
import { count, divisionName, genderName, kilometres, longDate, timeOfDay } from "./format.ts";
import { LeaderboardTable } from "./leaderboard-table.ts";
import { RaceClock } from "./race-clock.ts";
import { RunnerSearch } from "./search.ts";
import type { Subscription } from "./sse.ts";
import { addressOf, LIVE, readAddress, unknownIn } from "./view.ts";

const RACE_REFRESH_MS = 3000;

const page = {
  raceName: byId("race-name", HTMLElement),
  raceFacts: byId("race-facts", HTMLElement),
  raceSelect: byId("race-select", HTMLSelectElement),
  raceChoice: byId("race-choice", HTMLElement),
  stats: byId("stats", HTMLElement),
  title: byId("board-title", HTMLElement),
  facts: byId("board-facts", HTMLElement),
  message: byId("board-message", HTMLElement),
  table: byId("board-table", HTMLTableElement),
  scroller: byId("board-rows", HTMLElement),
};

const clock = new RaceClock(byId("clock", HTMLElement));
const chip = new ConnectionChip(byId("connection", HTMLElement));
const search = new RunnerSearch(byId("search", HTMLElement));
const course = new CourseNav(byId("course-stops", HTMLElement));
const groups = new GroupNav(byId("group-tabs", HTMLElement), byId("division", HTMLSelectElement), navigate);
const pages = new PageNav(byId("pages", HTMLElement));
const table = new LeaderboardTable(page.table);
const strip = new FollowingStrip(
  byId("following", HTMLElement),
  byId("following-cards", HTMLElement),
  byId("announcer", HTMLElement),
);

let races: RaceListing[] = [];
let race: RaceDetail | null = null;
let view: View = readAddress("").view;
let watching: Subscription | null = null;
let newest: Leaderboard | null = null;
let visit = new AbortController();
let refreshTimer: ReturnType<typeof setTimeout> | undefined;

void show();
window.addEventListener("popstate", () => void show());
document.addEventListener("click", followLink);
onFollowedChange(() => table.refreshFollowed());
page.raceSelect.addEventListener("change", () => navigate(page.raceSelect.value));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && race) void refreshRace();
});

/** Links to other views of the board change the page in place; everything else the browser does. */
function followLink(event: MouseEvent): void {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.origin !== location.origin || link.pathname !== "/" || link.hash || !link.search) return;
  event.preventDefault();
  const paging = link.closest("#pages") !== null;
  navigate(link.pathname + link.search);
  // A new page of places begins at its first row, for the eye and for the keyboard.
  if (paging) page.title.focus();
}

function navigate(address: string): void {
  if (address === location.pathname + location.search) return;
  history.pushState(null, "", address);
  void show();
}

/** Shows what the address names (B1). */
async function show(): Promise<void> {
  visit.abort();
  visit = new AbortController();
  const { signal } = visit;
  const address = readAddress(location.search);
  watching?.close();
  watching = null;
  newest = null;
  view = address.view;
  try {
    if (races.length === 0) races = await listRaces();
    const chosen = address.race || race?.id || (races.find((listed) => listed.running > 0) ?? races[0])?.id;
    if (!chosen) {
      nothing("No race yet. As soon as one is announced, it appears here.");
      setText(page.raceName, "No race yet");
      chip.set("live");
      setTimeout(() => !signal.aborted && void show(), RACE_REFRESH_MS);
      return;
    }
    if (race?.id !== chosen) {
      const loaded = await getRace(chosen, signal);
      race = loaded;
      clock.start(loaded.gunS);
    }
  } catch (error) {
    if (!signal.aborted) failed(error);
    return;
  }
  if (signal.aborted) return;
  showRace();
  scheduleRefresh();
  watch(race);
}

/** Watches what the address names (B2); says so where the race does not have it. */
function watch(of: RaceDetail): void {
  const { signal } = visit;
  const unknown = unknownIn(view, of);
  if (unknown) {
    nothing(unknown);
    return;
  }
  page.scroller.setAttribute("aria-busy", "true");
  watching = watchLeaderboard(of.id, view, {
    onState: (state) => !signal.aborted && chip.set(state),
    onData(board) {
      if (!signal.aborted) showSoon(board);
    },
    onRefused: (message) => !signal.aborted && nothing(message || "This board cannot be shown."),
  });
}

function showRace(): void {
  if (!race) return;
  search.race = race.id;
  strip.race = race;
  clock.set(race.asOf);
  setText(page.raceName, race.name);
  if (page.raceFacts.dataset.race !== race.id) {
    page.raceFacts.dataset.race = race.id;
    fill(page.raceFacts, longDate(race.date), h("span", "race-distance", `, ${kilometres(race.distanceM)}`));
  }
  showCounts(race);
  course.update(race, view);
  groups.update(race, view);
  showRaceChoice(race.id);
  document.title = `${boardTitle()} · ${race.name}`;
  setText(page.title, boardTitle());
}

function showCounts(counts: Counts): void {
  const stats: [string, number][] = [
    ["Started", counts.started],
    ["On course", counts.running + counts.overdue],
    ["Finished", counts.finished],
  ];
  fill(
    page.stats,
    ...stats.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, count(value)))),
  );
}

function showRaceChoice(current: string): void {
  page.raceChoice.hidden = races.length < (current ? 2 : 1);
  if (page.raceSelect.options.length !== races.length) {
    fill(
      page.raceSelect,
      ...races.map((listed) =>
        h(
          "option",
          { attrs: { value: addressOf(listed.id, { at: LIVE, by: "overall", of: "", offset: 0 }) } },
          listed.name,
        ),
      ),
    );
  }
  page.raceSelect.selectedIndex = races.findIndex((listed) => listed.id === current);
}

/** At most once a frame: who comes back gets all missed changes in one go. */
function showSoon(board: Leaderboard): void {
  if (newest === null) {
    requestAnimationFrame(() => {
      if (newest) showBoard(newest);
      newest = null;
    });
  }
  newest = board;
}

function showBoard(board: Leaderboard): void {
  if (!race) return;
  clock.set(board.asOf);
  if (board.counts) showCounts(board.counts);
  page.scroller.removeAttribute("aria-busy");
  const any = board.rows.length > 0;
  page.scroller.hidden = !any;
  page.message.hidden = any;
  if (!any) setText(page.message, board.passed > 0 ? "There are no places this far down." : nobodyYet());
  setText(page.facts, facts(board));
  table.update(race, view, boardTitle(), board.rows);
  pages.update(race.id, view, board.rows.length, board.passed);
}

function facts(board: Leaderboard): string {
  const passed = view.at === LIVE ? `${count(board.passed)} in the race` : `${count(board.passed)} passed`;
  return board.asOf === null ? passed : `${passed}, as of ${timeOfDay(board.asOf)}`;
}

function boardTitle(): string {
  const group =
    view.by === "overall" ? "Everyone" : view.by === "gender" ? genderName(view.of) : divisionName(view.of);
  if (view.at === LIVE) return `${group}, live`;
  const where = /^[a-z]+$/.test(view.at) ? `the ${view.at}` : view.at;
  return `${group} at ${where}`;
}

function nobodyYet(): string {
  return view.at === LIVE
    ? "Nobody has started yet."
    : "Nobody has passed here yet. The first to come appears at once.";
}

function nothing(message: string): void {
  watching?.close();
  watching = null;
  page.scroller.hidden = true;
  page.message.hidden = false;
  setText(page.facts, "");
  setText(page.message, message);
  pages.update("", view, 0, 0);
}

function failed(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 404) {
    chip.set("refused");
    setText(page.raceName, "No such race");
    showRaceChoice("");
    nothing("There is no race at this address yet. Choose one above, or go back.");
  } else {
    chip.set("reconnecting");
    nothing(`${error.message} Trying again.`);
  }
  // A server that has just started does not know its races in the first moments.
  races = [];
  const { signal } = visit;
  setTimeout(() => !signal.aborted && void show(), RACE_REFRESH_MS);
}

function scheduleRefresh(): void {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => void refreshRace(), RACE_REFRESH_MS);
}

/** The counts of the race and of its mats, which belong to no board. */
async function refreshRace(): Promise<void> {
  const { signal } = visit;
  try {
    if (race && !document.hidden) {
      const fresh = await getRace(race.id, signal);
      if (signal.aborted) return;
      race = fresh;
      showRace();
      // A group or a mat that was not there may have come.
      if (!watching) watch(race);
    }
  } catch (error) {
    // The stream's own state tells about a lost connection.
    if (!(error instanceof ApiError) && !signal.aborted) throw error;
  }
  if (!signal.aborted) scheduleRefresh();
}
