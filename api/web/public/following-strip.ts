/**
 * The followed runners, above the board: where each is, what place that is, when the finish is expected. A followed runner
 * passing a mat is also said aloud by screen readers; nothing else on the board is.
 *
 * They are asked for one by one and not streamed: a browser opens six connections to one server, and the board needs one.
 */
import { ApiError, getRunner, type RaceDetail, type Runner, runnerPage, type Split } from "./api.ts";
import { fill, h, setAttribute, setText } from "./dom.ts";
import { followed, onFollowedChange, setFollowed } from "./following.ts";
import { duration, matName, ordinal, placeOf } from "./format.ts";
import { statusChip } from "./status.ts";

const REFRESH_MS = 4000;

export class FollowingStrip {
  readonly #section: HTMLElement;
  readonly #list: HTMLElement;
  readonly #announcer: HTMLElement;
  readonly #cards = new Map<string, Card>();
  #race: RaceDetail | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(section: HTMLElement, list: HTMLElement, announcer: HTMLElement) {
    this.#section = section;
    this.#list = list;
    this.#announcer = announcer;
    onFollowedChange(() => void this.#refresh());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.#refresh();
    });
  }

  set race(race: RaceDetail) {
    const changed = this.#race?.id !== race.id;
    this.#race = race;
    if (changed) void this.#refresh();
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#timer);
    const race = this.#race;
    if (!race) return;
    const bibs = followed(race.id);
    this.#section.hidden = bibs.length === 0;
    for (const [bib, card] of this.#cards) {
      if (bibs.includes(bib) && card.race === race.id) continue;
      card.element.remove();
      this.#cards.delete(bib);
    }
    for (const bib of bibs) {
      if (this.#cards.has(bib)) continue;
      const card = new Card(race.id, bib);
      this.#cards.set(bib, card);
      this.#list.append(card.element);
    }
    if (bibs.length === 0) return;
    const said: string[] = [];
    if (!document.hidden)
      await Promise.all([...this.#cards.values()].map((card) => card.refresh(race, said)));
    if (said.length > 0) setText(this.#announcer, said.join(" "));
    // Another refresh may have begun meanwhile: one timer only.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), REFRESH_MS);
  }
}

class Card {
  readonly race: string;
  readonly element: HTMLElement;
  readonly #bib: string;
  readonly #status = h("span", "card-status");
  readonly #place = h("p", "card-place");
  readonly #split = h("p", "card-split");
  readonly #finish = h("p", "card-finish");
  #lastMat: string | null | undefined;

  constructor(race: string, bib: string) {
    this.race = race;
    this.#bib = bib;
    const unfollow = h("button", {
      class: "star",
      attrs: { type: "button", "aria-pressed": "true", "aria-label": `Follow bib ${bib}` },
      on: { click: () => setFollowed(race, bib, false) },
    });
    const link = h(
      "a",
      { class: "bib", attrs: { href: runnerPage(race, bib), "aria-label": `Bib ${bib}` } },
      bib,
    );
    setText(this.#place, "Loading");
    this.element = h(
      "li",
      "card",
      h("div", "card-head", link, this.#status, unfollow),
      this.#place,
      this.#split,
      this.#finish,
    );
  }

  /** Adds to `said` what there is to announce. */
  async refresh(race: RaceDetail, said: string[]): Promise<void> {
    let runner: Runner;
    try {
      runner = await getRunner(race.id, this.#bib);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) setText(this.#place, "Not in this race");
      return; // Otherwise what is shown stays; the connection chip says that the server is away.
    }
    const last = lastPassed(runner);
    fill(this.#status, runner.status === "running" ? null : statusChip(runner.status));
    if (!last) setText(this.#place, "Has not started yet");
    else {
      setText(this.#place, last.mat === "start" ? "On the course" : placeOf(last.place, last.passed));
      const time = race.rankBy === "net" ? last.netS : last.gunS;
      setText(
        this.#split,
        last.mat === "start" ? "Passed the start" : `${matName(last.mat)} in ${duration(time)}`,
      );
    }
    setText(this.#finish, finishText(runner));
    setAttribute(this.element, "data-status", runner.status);
    const mat = last?.mat ?? null;
    if (this.#lastMat !== undefined && mat !== this.#lastMat && last) {
      said.push(sentence(runner, last, race));
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
        this.element.animate([{ backgroundColor: "var(--flash)" }, {}], { duration: 2500 });
      }
    }
    this.#lastMat = mat;
  }
}

export function lastPassed(runner: Runner): Split | undefined {
  return runner.splits.at(-1);
}

function finishText(runner: Runner): string {
  if (runner.status === "finished" || runner.projectedS === null) return "";
  const place = runner.projectedPlace === null ? "" : `, ${ordinal(runner.projectedPlace)}`;
  return `Finish about ${duration(runner.projectedS)}${place}`;
}

function sentence(runner: Runner, last: Split, race: RaceDetail): string {
  const time = duration(race.rankBy === "net" ? last.netS : last.gunS);
  const place = last.place === null ? "" : `, ${placeOf(last.place, last.passed)}`;
  return `Bib ${runner.bib} passed ${matName(last.mat)} in ${time}${place}.`;
}
