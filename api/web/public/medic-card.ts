/** One alert in the list: who, what, where, since when, what became of it, and what can be done. Kept while the alert is in the list. */
import { runnerPage } from "./api.ts";
import { fill, h, setAttribute, setText } from "./dom.ts";
import type { AlertSummary } from "./medic-api.ts";
import { AlertDetails, type DetailsSource } from "./medic-details.ts";
import {
  clockTime,
  KIND_WORDS,
  lasted,
  measuredOf,
  STATE_WORDS,
  URGENCY_WORDS,
  whereOf,
  whoOf,
} from "./medic-words.ts";

export interface CardOwner extends DetailsSource {
  /** The time there, Unix milliseconds. */
  nowOf(race: string | null): number;
  /** The button for more was pressed. */
  toggle(id: string): void;
}

const FLASH_MS = 4000;
let made = 0;

export class AlertCard {
  readonly element: HTMLLIElement;
  readonly #owner: CardOwner;
  readonly #who = h("span", "alert-who");
  readonly #kind = h("span", "alert-kind");
  readonly #urgency = h("span", "chip urgency");
  readonly #state = h("span", "chip state");
  readonly #measured = h("span", "alert-measured");
  readonly #where = h("span", "alert-where");
  readonly #when = h("span", "alert-when");
  readonly #problem = h("p", { class: "alert-problem", attrs: { role: "alert" } });
  readonly #acknowledge: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  readonly #detailsId = `details-${++made}`;
  #details: AlertDetails | undefined;
  #alert: AlertSummary;
  #sending = false;

  constructor(alert: AlertSummary, owner: CardOwner) {
    this.#alert = alert;
    this.#owner = owner;
    this.#acknowledge = h(
      "button",
      {
        class: "button primary",
        attrs: { type: "button" },
        on: { click: () => !this.#sending && void owner.acknowledge(this.#alert.id, "") },
      },
      "Acknowledge",
    );
    this.#more = h(
      "button",
      {
        class: "button",
        attrs: { type: "button", "aria-expanded": "false", "aria-controls": this.#detailsId },
        on: { click: () => owner.toggle(this.#alert.id) },
      },
      "Details",
    );
    this.element = h(
      "li",
      "alert",
      h(
        "div",
        "alert-head",
        h("h3", null, this.#who, " ", this.#kind),
        h("p", "alert-chips", this.#urgency, " ", this.#state),
      ),
      h("p", "alert-facts", this.#measured, this.#where, this.#when),
      h("div", "alert-actions", this.#acknowledge, this.#more),
      this.#problem,
    );
  }

  update(alert: AlertSummary): void {
    const before = this.#alert;
    this.#alert = alert;
    const who = whoOf(alert);
    this.element.dataset.urgency = alert.urgency;
    this.element.dataset.state = alert.state;
    if (this.#who.childElementCount === 0) {
      const { race, bib } = alert;
      fill(
        this.#who,
        race !== null && bib !== null
          ? h("a", { class: "bib", attrs: { href: runnerPage(race, bib), "aria-label": who } }, bib)
          : h("span", "participant", who),
      );
    }
    setText(this.#kind, KIND_WORDS[alert.kind]);
    setText(this.#urgency, URGENCY_WORDS[alert.urgency]);
    setText(this.#state, stateOf(alert));
    setText(this.#measured, measuredOf(alert));
    setText(this.#where, whereOf(alert));
    this.tick();
    this.#showButtons();
    if (isTaken(alert)) this.problem("");
    if (before.state !== alert.state) this.flash();
    this.#details?.update(alert);
  }

  /** Time goes on. */
  tick(): void {
    const { race, sinceMs, state, atMs } = this.#alert;
    const since = `since ${clockTime(sinceMs, this.#owner.timezoneOf(race))}`;
    const untilMs = state === "cleared" ? atMs : this.#owner.nowOf(race);
    setText(this.#when, `${since}, ${lasted(Math.max(0, untilMs - sinceMs))}`);
  }

  /** It is new, or something happened to it. */
  flash(): void {
    this.element.classList.add("fresh");
    setTimeout(() => this.element.classList.remove("fresh"), FLASH_MS);
  }

  /** An acknowledgement is under way; what comes of it comes through the stream. */
  sending(on: boolean): void {
    this.#sending = on;
    // Not disabled: it would lose the keyboard's focus.
    setAttribute(this.#acknowledge, "aria-disabled", on ? "true" : null);
    setText(this.#acknowledge, on ? "Sending" : "Acknowledge");
    this.#showButtons();
  }

  problem(message: string): void {
    setText(this.#problem, message);
  }

  open(): void {
    if (this.#details) return;
    this.#details = new AlertDetails(this.#alert.id, this.#owner);
    this.#details.element.id = this.#detailsId;
    this.element.append(this.#details.element);
    setAttribute(this.#more, "aria-expanded", "true");
    this.#details.update(this.#alert);
    this.#showButtons();
  }

  close(): void {
    this.#details?.end();
    this.#details?.element.remove();
    this.#details = undefined;
    setAttribute(this.#more, "aria-expanded", "false");
    this.#showButtons();
  }

  /** With the details open, their form acknowledges: one button for one thing. */
  #showButtons(): void {
    const hadFocus = document.activeElement === this.#acknowledge;
    this.#acknowledge.hidden = isTaken(this.#alert) || this.#details !== undefined;
    if (hadFocus && this.#acknowledge.hidden) this.#more.focus({ preventScroll: true });
    const about = `${KIND_WORDS[this.#alert.kind]}, ${whoOf(this.#alert)}`;
    setAttribute(this.#acknowledge, "aria-label", `${this.#sending ? "Sending" : "Acknowledge"}: ${about}`);
    setAttribute(this.#more, "aria-label", `Details: ${about}`);
  }
}

const isTaken = ({ state }: AlertSummary): boolean => state === "acknowledged" || state === "cleared";

function stateOf({ state, acknowledgedBy }: AlertSummary): string {
  const words = STATE_WORDS[state];
  return state === "acknowledged" ? `${words} by ${acknowledgedBy}` : words;
}
