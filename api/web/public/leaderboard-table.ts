/**
 * The rows of the board: one table row a runner, kept while the runner stays on the page, so that places move instead of
 * being drawn anew.
 *
 * T1  The order of the rows in the document is the order of places, at any moment.
 * T2  The keyboard's place is kept: a row that moves takes the focus with it.
 * T3  Nothing moves for who asked for less motion, nor when the view itself changed.
 */
import { type RaceDetail, type Row, runnerPage, type View } from "./api.ts";
import { country } from "./countries.ts";
import { fill, h, setAttribute, setText } from "./dom.ts";
import { isFollowed, setFollowed } from "./following.ts";
import { count, duration, gap, kilometres, matName, NOTHING, pace } from "./format.ts";
import { statusChip } from "./status.ts";
import { LIVE } from "./view.ts";

const MOVE_MS = 600;
/** How long an arrow says that a place was won or lost. */
const ARROW_MS = 12_000;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export class LeaderboardTable {
  readonly #head: HTMLTableSectionElement;
  readonly #body: HTMLTableSectionElement;
  readonly #caption: HTMLElement;
  #rows = new Map<string, RowView>();
  #shown = "";

  constructor(table: HTMLTableElement) {
    this.#caption = table.createCaption();
    this.#caption.className = "visually-hidden";
    this.#head = table.createTHead();
    this.#body = table.createTBody();
  }

  update(race: RaceDetail, view: View, caption: string, rows: readonly Row[]): void {
    const shown = JSON.stringify([race.id, race.rankBy, view]);
    const moving = shown === this.#shown && this.#rows.size > 0;
    if (shown !== this.#shown) this.#start(race, view);
    this.#shown = shown;
    setText(this.#caption, caption);

    const tops = moving && !reducedMotion.matches ? this.#tops() : null; // T3
    const focused = document.activeElement;
    const kept = new Map<string, RowView>();
    for (const row of rows) {
      const known = this.#rows.get(row.bib);
      const rowView = known ?? new RowView(race, view);
      rowView.update(row, moving);
      kept.set(row.bib, rowView);
    }
    for (const [bib, rowView] of this.#rows) if (!kept.has(bib)) rowView.element.remove();
    // Only what stands in the wrong place is moved: a moved element loses the focus and its animation (T1).
    let next: ChildNode | null = this.#body.firstChild;
    for (const { element } of kept.values()) {
      if (element === next) next = element.nextSibling;
      else this.#body.insertBefore(element, next);
    }
    this.#rows = kept;
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) {
      focused.focus({ preventScroll: true }); // T2
    }
    if (tops) this.#animate(tops);
  }

  /** Shows which rows are followed. */
  refreshFollowed(): void {
    for (const row of this.#rows.values()) row.refreshFollowed();
  }

  #start(race: RaceDetail, view: View): void {
    this.#rows.clear();
    this.#body.replaceChildren();
    const live = view.at === LIVE;
    const heading = (text: string, className: string, hidden = false): HTMLElement =>
      h(
        "th",
        { class: className, attrs: { scope: "col" } },
        hidden ? h("span", "visually-hidden", text) : text,
      );
    const ranked = race.rankBy === "net" ? "Net" : "Gun";
    const other = race.rankBy === "net" ? "Gun" : "Net";
    fill(
      this.#head,
      h(
        "tr",
        null,
        heading("Place", "place"),
        heading("Runner", "who"),
        live ? heading("Last seen", "seen") : null,
        heading(`${ranked} time`, "time"),
        heading("Gap", "gap wide"),
        heading(`${other} time`, "other wide"),
        heading("Pace /km", "pace wide"),
        live ? heading("Projected", "projected wide") : null,
        heading("Follow", "follow", true),
      ),
    );
  }

  #tops(): Map<string, number> {
    const tops = new Map<string, number>();
    for (const [bib, { element }] of this.#rows) tops.set(bib, element.getBoundingClientRect().top);
    return tops;
  }

  #animate(before: Map<string, number>): void {
    // A row still on its way from the last move starts from where it is seen now: its old way must not count as its place.
    for (const { element } of this.#rows.values()) {
      for (const running of element.getAnimations()) running.cancel();
    }
    // All are measured before the first is animated: one layout, not one a row.
    const after = this.#tops();
    for (const [bib, { element }] of this.#rows) {
      const from = before.get(bib);
      const to = after.get(bib)!;
      if (from === undefined) {
        element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MOVE_MS, easing: "ease-out" });
      } else if (Math.abs(from - to) > 1) {
        element.animate([{ transform: `translateY(${from - to}px)` }, { transform: "none" }], {
          duration: MOVE_MS,
          easing: "cubic-bezier(0.2, 0, 0, 1)",
        });
      }
    }
  }
}

class RowView {
  readonly element = h("tr", null);
  readonly #race: RaceDetail;
  readonly #live: boolean;
  readonly #place = h("span", "place-number");
  readonly #arrow = h("span", { class: "arrow", attrs: { "aria-hidden": "true" } });
  readonly #bib = h("a", "bib");
  readonly #meta = h("span", "meta");
  readonly #seen = h("td", "seen");
  readonly #time = h("span", "clock-time");
  readonly #gapBelow = h("span", "below narrow");
  readonly #gap = h("td", "gap wide");
  readonly #other = h("td", "other wide");
  readonly #pace = h("td", "pace wide");
  readonly #projected = h("td", "projected wide");
  readonly #star: HTMLButtonElement;
  #bibText = "";
  #placeBefore: number | null = null;
  #metaKey = "";
  #arrowTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(race: RaceDetail, view: View) {
    this.#race = race;
    this.#live = view.at === LIVE;
    this.#star = h("button", {
      class: "star",
      attrs: { type: "button" },
      on: { click: () => setFollowed(race.id, this.#bibText, !isFollowed(race.id, this.#bibText)) },
    });
    this.element.append(
      h("td", "place", this.#place, this.#arrow),
      h("th", { class: "who", attrs: { scope: "row" } }, this.#bib, this.#meta),
      ...(this.#live ? [this.#seen] : []),
      h("td", "time", this.#time, this.#gapBelow),
      this.#gap,
      this.#other,
      this.#pace,
      ...(this.#live ? [this.#projected] : []),
      h("td", "follow", this.#star),
    );
  }

  update(row: Row, moving: boolean): void {
    const ranksByNet = this.#race.rankBy === "net";
    if (this.#bibText !== row.bib) {
      this.#bibText = row.bib;
      setText(this.#bib, row.bib);
      setAttribute(this.#bib, "href", runnerPage(this.#race.id, row.bib));
      setAttribute(this.#bib, "aria-label", `Bib ${row.bib}`);
      this.refreshFollowed();
    }
    this.#move(row.place, moving);
    setText(this.#place, row.place === null ? NOTHING : count(row.place));
    setText(this.#time, duration(ranksByNet ? row.netS : row.gunS));
    const gapText = row.place === 1 ? "leader" : gap(row.gapS, ranksByNet ? row.netS : row.gunS);
    setText(this.#gap, gapText);
    setText(this.#gapBelow, gapText);
    setText(this.#other, duration(ranksByNet ? row.gunS : row.netS));
    setText(this.#pace, pace(row.paceSPerKm));
    setText(this.#projected, duration(row.projectedS));
    setText(this.#seen, seenAt(row));
    const metaKey = [row.gender, row.division, row.country, row.status].join("|");
    if (metaKey !== this.#metaKey) {
      this.#metaKey = metaKey;
      fill(this.#meta, ...meta(row));
    }
  }

  refreshFollowed(): void {
    const on = isFollowed(this.#race.id, this.#bibText);
    this.element.classList.toggle("followed", on);
    setAttribute(this.#star, "aria-pressed", on ? "true" : "false");
    setAttribute(this.#star, "aria-label", `Follow bib ${this.#bibText}`);
  }

  #move(place: number | null, moving: boolean): void {
    const before = this.#placeBefore;
    this.#placeBefore = place;
    if (!moving || place === null || before === place) return;
    const won = before === null ? null : before - place;
    this.#arrow.dataset.moved = won === null ? "new" : won > 0 ? "up" : "down";
    setText(this.#arrow, won === null ? "new" : `${won > 0 ? "▲" : "▼"}${count(Math.abs(won))}`);
    clearTimeout(this.#arrowTimer);
    this.#arrowTimer = setTimeout(() => {
      delete this.#arrow.dataset.moved;
      setText(this.#arrow, "");
    }, ARROW_MS);
  }
}

/** `Finish`, or how far: a distance compares better than a mat's name. */
function seenAt(row: Row): string {
  return /^[a-z]+$/.test(row.mat) ? matName(row.mat) : kilometres(row.distanceM);
}

function meta(row: Row): Node[] {
  const nodes: Node[] = [];
  const group = [row.gender, row.division].filter(Boolean).join(" ");
  if (group) nodes.push(h("span", "group", group));
  if (row.country) {
    const name = country(row.country);
    nodes.push(h("abbr", { class: "country", attrs: { title: name } }, row.country));
  }
  // That nearly everybody runs or has finished says nothing.
  if (row.status !== "running" && row.status !== "finished") nodes.push(statusChip(row.status));
  return nodes;
}
