/**
 * The medic's page at `/medic.html`: health alerts as they stand, live, and acknowledging them. Owns the page's moving parts; the list
 * and the cards draw themselves.
 *
 * M1  The address is the state: whatever a control does, it goes through an address (medic-address.ts).
 * M2  What the page shows of an alert came through the stream. That an acknowledgement was sent changes nothing here; that it was
 *     committed does.
 */
import { ApiError, listRaces, type RaceListing } from "./api.ts";
import { ConnectionChip } from "./connection.ts";
import { byId, fill, h, setAttribute, setText } from "./dom.ts";
import { count } from "./format.ts";
import { type MedicAddress, medicAddressOf, readMedicAddress, STATES } from "./medic-address.ts";
import {
  type AlertCounts,
  type AlertSummary,
  type AlertsState,
  acknowledge,
  getAlert,
  tryAlerts,
  watchAlerts,
} from "./medic-api.ts";
import { AlertList } from "./medic-list.ts";
import {
  KIND_WORDS,
  nowOf,
  raceTimeMs,
  readMs,
  URGENCY_WORDS,
  type Urgency,
  whereOf,
  whoOf,
} from "./medic-words.ts";
import type { Subscription } from "./sse.ts";

const LIMIT = 100;
const LIMIT_MAX = 500;
/** As often as the board asks how late it is in the race. */
const RACES_EVERY_MS = 3000;
const RETRY_MS = 3000;
const NAME_KEY = "pacestream.medic";
const TOKEN_KEY = "pacestream.token";

const page = {
  title: byId("title", HTMLElement),
  facts: byId("facts", HTMLElement),
  raceChoice: byId("race-choice", HTMLElement),
  raceSelect: byId("race-select", HTMLSelectElement),
  stats: byId("stats", HTMLElement),
  name: byId("medic-name", HTMLInputElement),
  nameProblem: byId("medic-name-problem", HTMLElement),
  shown: byId("shown", HTMLElement),
  urgencies: byId("urgencies", HTMLElement),
  message: byId("message", HTMLElement),
  list: byId("alerts", HTMLElement),
  more: byId("more", HTMLElement),
  moreFacts: byId("more-facts", HTMLElement),
  moreButton: byId("more-button", HTMLButtonElement),
  login: byId("login", HTMLFormElement),
  token: byId("token", HTMLInputElement),
  loginProblem: byId("login-problem", HTMLElement),
  announcer: byId("announcer", HTMLElement),
};
const chip = new ConnectionChip(byId("connection", HTMLElement));

let address = readMedicAddress(location.search);
let races: RaceListing[] = [];
let watching: Subscription | undefined;
/** What is watched; another one begins quietly. */
let watched = "";
let limit = LIMIT;
let newest: AlertsState | undefined;
let newestMs = 0;

const token = (): string => sessionStorage.getItem(TOKEN_KEY) ?? "";

const list = new AlertList(page.list, {
  get: (id, signal) => getAlert(id, token(), signal),
  timezoneOf: (race) => races.find(({ id }) => id === race)?.timezone,
  nowOf(race) {
    const known = races.find(({ id }) => id === race);
    const asOfMs = known?.asOf ? raceTimeMs(known.date, known.timezone, known.asOf, known.gunS) : 0;
    return nowOf(Math.max(newestMs, asOfMs), Date.now());
  },
  acknowledge: send,
  toggle: (id) => go({ ...address, alert: address.alert === id ? "" : id }),
});

page.name.value = localStorage.getItem(NAME_KEY) ?? "";
page.name.addEventListener("input", () => {
  localStorage.setItem(NAME_KEY, page.name.value.trim());
  askName(false);
});
page.raceSelect.addEventListener("change", () => go({ ...address, race: page.raceSelect.value, alert: "" }));
page.moreButton.addEventListener("click", () => {
  limit = LIMIT_MAX;
  show();
});
page.login.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_KEY, page.token.value.trim());
  void start();
});
window.addEventListener("popstate", () => {
  address = readMedicAddress(location.search);
  show();
});
document.addEventListener("click", followLink);
setInterval(() => !document.hidden && void refreshRaces(), RACES_EVERY_MS);
void start();

/** Asked once before watching, for the refusal of a stream has no status that the page could tell apart. */
async function start(): Promise<void> {
  try {
    await tryAlerts(token());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) return askToken();
    chip.set(error.status === 404 ? "refused" : "reconnecting");
    if (error.status === 404) return tell("Health alerts are not made here.");
    tell(`${error.message} Trying again.`);
    setTimeout(() => void start(), RETRY_MS);
    return;
  }
  page.login.hidden = true;
  await refreshRaces();
  show();
}

function askToken(): void {
  chip.set("refused");
  page.login.hidden = false;
  tell("");
  const wrong = token() !== "";
  setText(page.loginProblem, wrong ? "That token is not the right one." : "");
  page.token.focus();
}

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
    return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.origin !== location.origin || link.pathname !== location.pathname || link.hash) return;
  event.preventDefault();
  go(readMedicAddress(link.search));
}

function go(next: MedicAddress): void {
  address = next;
  history.pushState(null, "", medicAddressOf(next));
  show();
}

/** Shows what the address names (M1). */
function show(): void {
  const { race, show: shown, urgency, alert } = address;
  list.open(alert);
  drawNavigation();
  const wanted = JSON.stringify([race, shown, urgency, limit, token()]);
  if (wanted === watched) return;
  watched = wanted;
  watching?.close();
  let quiet = true;
  const query = { race, states: STATES[shown], urgencies: urgency ? [urgency] : [], limit };
  watching = watchAlerts(query, token(), {
    onState: (state) => chip.set(state),
    onData(state) {
      draw(state, quiet);
      quiet = false;
    },
    onRefused: (message) => tell(message || "The server refuses to show alerts."),
  });
}

function draw(state: AlertsState, quiet: boolean): void {
  const before = new Map(newest?.alerts.map((alert) => [alert.id, alert]));
  newest = state;
  for (const alert of state.alerts) newestMs = Math.max(newestMs, readMs(alert));
  list.update(state.alerts, quiet);
  const news = quiet ? "" : newsOf(state.alerts, before);
  if (news) setText(page.announcer, news);
  drawNavigation();
  const { alerts, total } = state;
  tell(alerts.length === 0 ? emptyWords() : "");
  page.more.hidden = total <= alerts.length;
  setText(page.moreFacts, `The first ${count(alerts.length)} of ${count(total)}, by urgency`);
  page.moreButton.hidden = limit === LIMIT_MAX;
}

function emptyWords(): string {
  const kind = address.urgency ? `${URGENCY_WORDS[address.urgency].toLowerCase()} ` : "";
  if (address.show === "over") return `No ${kind}alert is over yet.`;
  return `No ${kind}alert is open. As soon as one is raised, it appears here.`;
}

/** What a medic must hear of: what is urgent and new, and that an acknowledgement has been committed. Empty: nothing. */
function newsOf(alerts: readonly AlertSummary[], before: ReadonlyMap<string, AlertSummary>): string {
  for (const alert of alerts) {
    const known = before.get(alert.id);
    if (known?.state === alert.state) continue;
    const about = `${KIND_WORDS[alert.kind]}, ${whoOf(alert)}`;
    if (alert.state === "acknowledged") return `Acknowledged by ${alert.acknowledgedBy}: ${about}.`;
    const isUrgent = alert.urgency === "critical" || alert.urgency === "high";
    if (!isUrgent || alert.state === "cleared") continue;
    const what = known ? "Escalated" : "New";
    return `${what}, ${alert.urgency}: ${[about, whereOf(alert)].filter(Boolean).join(", ")}.`;
  }
  return "";
}

/** Acknowledges an alert. @returns whether it is in the log; what came of it the stream says (M2). */
async function send(id: string, note: string): Promise<boolean> {
  const by = page.name.value.trim();
  const card = list.card(id);
  if (by === "") {
    askName(true);
    return false;
  }
  card?.sending(true);
  card?.problem("");
  try {
    const { outcome, alert } = await acknowledge(id, by, note, token());
    if (outcome === "taken_before") card?.problem(`${alert.acknowledgedBy} had acknowledged it before.`);
    if (outcome === "accepted") card?.problem("Sent. It takes longer than usual; it will show here.");
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) askToken();
    card?.problem(error.message);
    return false;
  } finally {
    card?.sending(false);
  }
}

function askName(asked: boolean): void {
  setText(page.nameProblem, asked ? "First say who you are." : "");
  setAttribute(page.name, "aria-invalid", asked ? "true" : null);
  if (asked) page.name.focus();
}

async function refreshRaces(): Promise<void> {
  try {
    races = await listRaces();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return; // The stream says whether the server is there.
  }
  const known = [...page.raceSelect.options].map(({ value }) => value).join();
  if (["", ...races.map(({ id }) => id)].join() !== known) {
    fill(
      page.raceSelect,
      h("option", { attrs: { value: "" } }, "All races"),
      ...races.map(({ id, name }) => h("option", { attrs: { value: id } }, name)),
    );
  }
  page.raceChoice.hidden = races.length < 2;
  drawNavigation();
  list.tick();
}

function drawNavigation(): void {
  const { race, urgency, show: shown } = address;
  page.raceSelect.value = race;
  const named = races.find(({ id }) => id === race) ?? (races.length === 1 ? races[0] : undefined);
  setText(page.facts, named?.name ?? (race || "All races"));
  const counts = newest?.counts;
  if (!counts) return;
  const all = sums(counts);
  document.title = all.attention > 0 ? `(${all.attention}) Health alerts` : "Health alerts";
  fill(
    page.stats,
    stat("Need attention", all.attention, all.urgent > 0),
    stat("Acknowledged", all.taken, false),
    stat("Over", all.over, false),
  );
  const open = all.attention + all.taken;
  fill(
    page.shown,
    tab("Open", open, { ...address, show: "open", alert: "" }, shown === "open"),
    tab("Over", all.over, { ...address, show: "over", alert: "" }, shown === "over"),
  );
  const each = (one: Urgency): number => STATES[shown].reduce((sum, state) => sum + counts[one][state], 0);
  fill(
    page.urgencies,
    tab("All", shown === "open" ? open : all.over, { ...address, urgency: undefined, alert: "" }, !urgency),
    ...(Object.keys(URGENCY_WORDS) as Urgency[]).map((one) =>
      tab(URGENCY_WORDS[one], each(one), { ...address, urgency: one, alert: "" }, urgency === one, one),
    ),
  );
}

function sums(counts: AlertCounts): { attention: number; urgent: number; taken: number; over: number } {
  const result = { attention: 0, urgent: 0, taken: 0, over: 0 };
  for (const [urgency, { raised, escalated, acknowledged, cleared }] of Object.entries(counts)) {
    result.attention += raised + escalated;
    if (urgency === "critical" || urgency === "high") result.urgent += raised + escalated;
    result.taken += acknowledged;
    result.over += cleared;
  }
  return result;
}

const stat = (name: string, value: number, isUrgent: boolean): HTMLElement =>
  h("div", isUrgent ? "urgent" : null, h("dt", null, name), h("dd", null, count(value)));

function tab(name: string, many: number, to: MedicAddress, current: boolean, urgency?: Urgency): HTMLElement {
  const attrs = {
    href: medicAddressOf(to),
    "aria-current": current ? "page" : null,
    "data-urgency": urgency ?? null,
  };
  return h("li", null, h("a", { class: "tab", attrs }, name, " ", h("span", "tab-count", count(many))));
}

function tell(message: string): void {
  setText(page.message, message);
  page.message.hidden = message === "";
}
