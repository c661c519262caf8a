/**
 * The ways around the board: the course with its mats, the groups, the pages. All of them are plain links to addresses of
 * the board, so that they can be opened in a tab, shared, and reached by keyboard.
 */
import type { By, RaceDetail, View } from "./api.ts";
import { fill, h, setAttribute, setText } from "./dom.ts";
import { count, divisionName, genderName, kilometres, matName } from "./format.ts";
import { addressOf, LIVE, PAGE_ROWS } from "./view.ts";

/** The course as a line from start to finish; what has been reached is filled. */
export class CourseNav {
  readonly #list: HTMLElement;
  #stops = new Map<string, { link: HTMLElement; passed: HTMLElement | null; item: HTMLElement }>();
  #race = "";

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  update(race: RaceDetail, view: View): void {
    const key = `${race.id} ${race.mats.map((mat) => mat.id).join()}`;
    if (key !== this.#race) this.#build(race);
    this.#race = key;
    let current: HTMLElement | undefined;
    for (const [at, { link }] of this.#stops) {
      setAttribute(link, "href", addressOf(race.id, { ...view, at, offset: 0 }));
      setAttribute(link, "aria-current", at === view.at ? "true" : null);
      if (at === view.at) current = link;
    }
    for (const mat of race.mats) {
      const stop = this.#stops.get(mat.id)!;
      setText(stop.passed!, mat.passed > 0 ? count(mat.passed) : "–");
      stop.item.classList.toggle("reached", mat.passed > 0);
    }
    if (current) this.#reveal(current);
  }

  #build(race: RaceDetail): void {
    this.#stops.clear();
    const live = h("a", "stop live-stop", h("span", "stop-name", "Live"), h("span", "stop-passed", "now"));
    const liveItem = h("li", null, live);
    this.#stops.set(LIVE, { link: live, passed: null, item: liveItem });
    const items = race.mats.map((mat) => {
      const passed = h("span", "stop-passed");
      const link = h(
        "a",
        { class: "stop", attrs: { title: kilometres(mat.distanceM) } },
        h("span", "stop-name", matName(mat.id)),
        h("span", { class: "stop-dot", attrs: { "aria-hidden": "true" } }),
        passed,
        h("span", "visually-hidden", " passed"),
      );
      const item = h("li", null, link);
      this.#stops.set(mat.id, { link, passed, item });
      return item;
    });
    fill(this.#list, liveItem, ...items);
  }

  /** On a phone the course is wider than the screen: the chosen mat is brought into its window, the page stays put. */
  #reveal(link: HTMLElement): void {
    const box = this.#list.getBoundingClientRect();
    const stop = link.getBoundingClientRect();
    if (stop.left < box.left || stop.right > box.right) {
      this.#list.scrollLeft += stop.left - box.left - (box.width - stop.width) / 2;
    }
  }
}

export class GroupNav {
  readonly #list: HTMLElement;
  readonly #select: HTMLSelectElement;
  #key = "";

  /** `go` is called with the address chosen in the list of divisions. */
  constructor(list: HTMLElement, select: HTMLSelectElement, go: (address: string) => void) {
    this.#list = list;
    this.#select = select;
    select.addEventListener("change", () => {
      if (select.value) go(select.value);
    });
  }

  update(race: RaceDetail, view: View): void {
    const key = JSON.stringify([race.id, race.genders, race.divisions, view]);
    if (key === this.#key) return;
    this.#key = key;
    const address = (by: By, of: string): string => addressOf(race.id, { at: view.at, by, of, offset: 0 });
    const tab = (text: string, by: By, of: string): HTMLElement => {
      const current = view.by === by && view.of === of;
      const link = h(
        "a",
        { class: "tab", attrs: { href: address(by, of), "aria-current": current ? "true" : null } },
        text,
      );
      return h("li", null, link);
    };
    const order = ["F", "M", "X"];
    const genders = [...race.genders].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.textContent : null;
    fill(
      this.#list,
      tab("Overall", "overall", ""),
      ...genders.map((gender) => tab(genderName(gender), "gender", gender)),
    );
    if (focused) {
      for (const link of this.#list.querySelectorAll("a")) if (link.textContent === focused) link.focus();
    }
    fill(
      this.#select,
      h(
        "option",
        { attrs: { value: view.by === "division" ? address("overall", "") : "" } },
        "All divisions",
      ),
      ...race.divisions.map((division) =>
        h("option", { attrs: { value: address("division", division) } }, divisionName(division)),
      ),
    );
    this.#select.value =
      view.by === "division" ? address("division", view.of) : this.#select.options[0]!.value;
    this.#select.classList.toggle("chosen", view.by === "division");
    this.#select.hidden = race.divisions.length === 0;
  }
}

/** Earlier and later places. */
export class PageNav {
  readonly #nav: HTMLElement;
  #key = "";

  constructor(nav: HTMLElement) {
    this.#nav = nav;
  }

  update(race: string, view: View, shown: number, passed: number): void {
    const key = JSON.stringify([race, view, shown, passed]);
    if (key === this.#key) return;
    this.#key = key;
    const last = view.offset + shown;
    const page = (text: string, offset: number, rel: string): HTMLElement =>
      h("a", { class: "button", attrs: { href: addressOf(race, { ...view, offset }), rel } }, text);
    const back = Math.max(0, view.offset - PAGE_ROWS);
    const focused = this.#nav.contains(document.activeElement)
      ? document.activeElement?.getAttribute("rel")
      : null;
    fill(
      this.#nav,
      view.offset > 0 ? page(`Places ${count(back + 1)}–${count(view.offset)}`, back, "prev") : null,
      last < passed
        ? page(`Places ${count(last + 1)}–${count(Math.min(last + PAGE_ROWS, passed))}`, last, "next")
        : null,
    );
    this.#nav.hidden = this.#nav.childElementCount === 0;
    if (focused) this.#nav.querySelector<HTMLElement>(`[rel=${focused}]`)?.focus();
  }
}
