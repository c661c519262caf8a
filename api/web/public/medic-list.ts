/**
 * The alerts in sections: those that nobody has acknowledged by urgency, then those that somebody has. Each alert's card is kept while
 * the alert is in the list, and moves when its section changes.
 *
 * ML1  The keyboard's place is kept: a card that moves takes the focus with it.
 * ML2  A card that leaves with the focus gives it to the list.
 */
import { h, setText } from "./dom.ts";
import type { AlertSummary } from "./medic-api.ts";
import { AlertCard, type CardOwner } from "./medic-card.ts";
import { URGENCY_WORDS, type Urgency } from "./medic-words.ts";

type SectionName = Urgency | "taken" | "over";

const TITLES: Record<SectionName, string> = {
  ...URGENCY_WORDS,
  taken: "Acknowledged",
  over: "Over",
};

interface Section {
  readonly element: HTMLElement;
  readonly count: HTMLElement;
  readonly cards: HTMLOListElement;
}

export class AlertList {
  readonly #element: HTMLElement;
  readonly #owner: CardOwner;
  readonly #sections = new Map<SectionName, Section>();
  #cards = new Map<string, AlertCard>();
  #opened = "";

  constructor(element: HTMLElement, owner: CardOwner) {
    this.#element = element;
    this.#owner = owner;
    for (const name of Object.keys(TITLES) as SectionName[]) {
      const count = h("span", "section-count");
      const cards = h("ol", "alerts");
      const title = h("h2", { attrs: { id: `section-${name}` } }, TITLES[name], " ", count);
      const attrs = { "aria-labelledby": `section-${name}`, "data-section": name, hidden: true };
      const section = h("section", { class: "alert-section", attrs }, title, cards);
      this.#sections.set(name, { element: section, count, cards });
      element.append(section);
    }
  }

  card(id: string): AlertCard | undefined {
    return this.#cards.get(id);
  }

  /** @param quiet these have not just come: another view of them has. */
  update(alerts: readonly AlertSummary[], quiet: boolean): void {
    const kept = new Map<string, AlertCard>();
    const bySection = new Map<SectionName, AlertCard[]>();
    for (const alert of alerts) {
      const known = this.#cards.get(alert.id);
      const card = known ?? new AlertCard(alert, this.#owner);
      card.update(alert);
      if (!known && !quiet) card.flash();
      kept.set(alert.id, card);
      const section = sectionOf(alert);
      bySection.set(section, [...(bySection.get(section) ?? []), card]);
    }
    // Now: a card that has changed may have moved the focus within itself.
    const focused = document.activeElement;
    for (const [id, card] of this.#cards) {
      if (kept.has(id)) continue;
      card.close();
      card.element.remove();
    }
    for (const [name, section] of this.#sections) {
      const cards = bySection.get(name) ?? [];
      section.element.hidden = cards.length === 0;
      setText(section.count, String(cards.length));
      // Only what stands in the wrong place is moved: a moved element loses the focus.
      let next = section.cards.firstElementChild;
      for (const { element } of cards) {
        if (element === next) next = element.nextElementSibling;
        else section.cards.insertBefore(element, next);
      }
    }
    this.#cards = kept;
    if (focused instanceof HTMLElement && focused !== document.body && focused !== document.activeElement) {
      if (focused.isConnected && focused.offsetParent !== null)
        focused.focus({ preventScroll: true }); // ML1
      else if (!focused.isConnected) this.#element.focus({ preventScroll: true }); // ML2
    }
    this.open(this.#opened);
  }

  tick(): void {
    for (const card of this.#cards.values()) card.tick();
  }

  /** Opens the details of this one, closes those of another. Empty: none. */
  open(id: string): void {
    if (this.#opened !== id) this.#cards.get(this.#opened)?.close();
    this.#opened = id;
    this.#cards.get(id)?.open();
  }
}

function sectionOf({ state, urgency }: AlertSummary): SectionName {
  if (state === "cleared") return "over";
  return state === "acknowledged" ? "taken" : urgency;
}
