/**
 * Finding a runner by bib: the combobox pattern of the ARIA authoring practices, with a list below. Enter opens the marked
 * runner, or the one whose bib was typed in full.
 */
import { ApiError, type Found, findRunners, runnerPage } from "./api.ts";
import { country } from "./countries.ts";
import { fill, h, setAttribute, setText } from "./dom.ts";
import { divisionName } from "./format.ts";
import { STATUS_WORDS } from "./status.ts";

const PAUSE_MS = 120;
const SHOWN_MAX = 8;

export class RunnerSearch {
  readonly #input: HTMLInputElement;
  readonly #list: HTMLUListElement;
  readonly #status: HTMLElement;
  #race = "";
  #found: Found[] = [];
  #active = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #request: AbortController | undefined;

  constructor(root: HTMLElement) {
    this.#list = h("ul", {
      class: "options",
      attrs: { role: "listbox", id: "search-options", "aria-label": "Runners found", hidden: true },
    });
    this.#status = h("p", { class: "search-status", attrs: { role: "status" } });
    this.#input = h("input", {
      attrs: {
        id: "search-input",
        type: "text",
        inputmode: "text",
        enterkeyhint: "search",
        autocomplete: "off",
        autocapitalize: "characters",
        spellcheck: "false",
        placeholder: "Find a bib",
        role: "combobox",
        "aria-expanded": "false",
        "aria-controls": "search-options",
        "aria-autocomplete": "list",
      },
      on: {
        input: () => this.#later(),
        keydown: (event) => this.#key(event),
        focus: () => this.#later(),
        blur: () => this.#close(),
      },
    });
    const label = h(
      "label",
      { class: "visually-hidden", attrs: { for: "search-input" } },
      "Find a runner by bib",
    );
    fill(root, label, this.#input, this.#list, this.#status);
  }

  set race(race: string) {
    this.#race = race;
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
    if (this.#input.value.trim() === "") this.#close();
    else this.#timer = setTimeout(() => void this.#search(), PAUSE_MS);
  }

  async #search(): Promise<Found[]> {
    clearTimeout(this.#timer);
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const prefix = this.#input.value.trim();
    if (!this.#race || !prefix) return [];
    try {
      const found = await findRunners(this.#race, prefix, request.signal);
      if (!request.signal.aborted && document.activeElement === this.#input)
        this.#open(found.slice(0, SHOWN_MAX), prefix);
      return found;
    } catch (error) {
      if (request.signal.aborted) return [];
      this.#close();
      setText(this.#status, error instanceof ApiError ? error.message : "The search failed.");
      return [];
    }
  }

  #open(found: Found[], prefix: string): void {
    this.#found = found;
    fill(this.#list, ...found.map((runner, index) => this.#option(runner, index)));
    this.#list.hidden = found.length === 0;
    setAttribute(this.#input, "aria-expanded", found.length > 0 ? "true" : "false");
    setText(this.#status, found.length === 0 ? `No bib begins with “${prefix}”.` : "");
    this.#mark(-1);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#found = [];
    this.#list.hidden = true;
    setAttribute(this.#input, "aria-expanded", "false");
    setText(this.#status, "");
    this.#mark(-1);
  }

  #option(runner: Found, index: number): HTMLElement {
    const group = [divisionName(`${runner.gender} ${runner.division}`.trim()), country(runner.country)];
    return h(
      "li",
      {
        attrs: { role: "option", id: `search-option-${index}`, "aria-selected": "false" },
        on: {
          // The press must not take the focus from the field: losing it closes the list before the click.
          mousedown: (event) => event.preventDefault(),
          click: () => this.#go(runner),
        },
      },
      h("span", "bib", runner.bib),
      h("span", "meta", group.filter(Boolean).join(", ")),
      h("span", "meta", STATUS_WORDS[runner.status] ?? ""),
    );
  }

  #mark(index: number): void {
    this.#active = index;
    for (const [at, option] of [...this.#list.children].entries()) {
      setAttribute(option, "aria-selected", at === index ? "true" : "false");
      if (at === index) option.scrollIntoView({ block: "nearest" });
    }
    setAttribute(this.#input, "aria-activedescendant", index < 0 ? null : `search-option-${index}`);
  }

  #key(event: KeyboardEvent): void {
    const last = this.#found.length - 1;
    if (event.key === "ArrowDown" && last >= 0) this.#mark(this.#active >= last ? 0 : this.#active + 1);
    else if (event.key === "ArrowUp" && last >= 0) this.#mark(this.#active <= 0 ? last : this.#active - 1);
    else if (event.key === "Enter") void this.#enter();
    else if (event.key === "Escape" && !this.#list.hidden) this.#close();
    else if (event.key === "Escape") this.#input.value = "";
    else return;
    event.preventDefault();
  }

  async #enter(): Promise<void> {
    const marked = this.#found[this.#active];
    if (marked) return this.#go(marked);
    // Typed faster than the list could follow: what stands in the field counts.
    const typed = this.#input.value.trim();
    const found = await this.#search();
    const exact = found.find((runner) => runner.bib.toLowerCase() === typed.toLowerCase());
    if (exact) this.#go(exact);
    else if (found.length === 1) this.#go(found[0]!);
  }

  #go(runner: Found): void {
    location.assign(runnerPage(this.#race, runner.bib));
  }
}
