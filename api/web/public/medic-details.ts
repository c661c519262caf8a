/**
 * What is known of one alert, under its card: the readings that prove it, its life so far, and the note to acknowledge it with.
 * Asked for when it is opened, and again whenever the stream says that the alert has changed.
 */
import { ApiError } from "./api.ts";
import { fill, h, setText } from "./dom.ts";
import type { AlertDetail, AlertSummary } from "./medic-api.ts";
import { clockTime, STATE_WORDS } from "./medic-words.ts";

export interface DetailsSource {
  get(id: string, signal: AbortSignal): Promise<AlertDetail>;
  timezoneOf(race: string | null): string | undefined;
  acknowledge(id: string, note: string): Promise<boolean>;
}

const NOTE_MAX = 500;
const RETRY_MS = 3000;
let made = 0;

export class AlertDetails {
  readonly element: HTMLElement;
  readonly #id: string;
  readonly #source: DetailsSource;
  readonly #chart = h("div", "evidence-chart");
  readonly #caption = h("figcaption", null);
  readonly #facts = h("dl", "facts");
  readonly #history = h("ol", "history");
  readonly #message = h("p", { class: "details-message", attrs: { role: "status" } }, "Loading");
  readonly #body: HTMLElement;
  readonly #form: HTMLFormElement;
  readonly #note: HTMLTextAreaElement;
  #asked = new AbortController();
  #endChart: (() => void) | undefined;
  #seen = "";

  constructor(id: string, source: DetailsSource) {
    this.#id = id;
    this.#source = source;
    const noteId = `note-${++made}`;
    this.#note = h("textarea", { attrs: { id: noteId, rows: 2, maxlength: NOTE_MAX } });
    const button = h("button", { class: "button primary", attrs: { type: "submit" } }, "Acknowledge");
    this.#form = h(
      "form",
      "note-form",
      h("label", { attrs: { for: noteId } }, "Note for colleagues, without names"),
      this.#note,
      button,
    );
    this.#form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.hasAttribute("aria-disabled")) return;
      button.setAttribute("aria-disabled", "true");
      const done = await source.acknowledge(id, this.#note.value.trim());
      button.removeAttribute("aria-disabled");
      if (done) this.#note.value = "";
    });
    this.#body = h(
      "div",
      { class: "details-body", attrs: { hidden: true } },
      h("figure", "evidence", this.#chart, this.#caption),
      h("div", "known", this.#facts, h("h4", null, "What happened"), this.#history),
    );
    this.element = h("div", "details", this.#message, this.#body, this.#form);
  }

  /** The stream says that the alert is so. */
  update(alert: AlertSummary): void {
    this.#form.hidden = alert.state === "acknowledged" || alert.state === "cleared";
    const seen = `${alert.state}/${alert.atMs}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    void this.#load();
  }

  /** It is closed. */
  end(): void {
    this.#asked.abort();
    this.#endChart?.();
  }

  async #load(): Promise<void> {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    try {
      const alert = await this.#source.get(this.#id, signal);
      if (!signal.aborted) this.#show(alert);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#message.hidden = false;
      setText(this.#message, error.message);
      if (error.status === 0 || error.status >= 500)
        setTimeout(() => !signal.aborted && void this.#load(), RETRY_MS);
    }
  }

  #show(alert: AlertDetail): void {
    const timezone = this.#source.timezoneOf(alert.race);
    this.#message.hidden = true;
    this.#body.hidden = false;
    fill(this.#facts, ...factsOf(alert).map(([name, value]) => fact(name, value)));
    fill(this.#history, ...alert.history.map((step) => stepOf(step, alert, timezone)));
    void this.#draw(alert, timezone);
  }

  async #draw(alert: AlertDetail, timezone: string | undefined): Promise<void> {
    // The chart's library is the largest part of the page: it comes when there is something to draw.
    const { drawEvidence } = await import("./medic-chart.ts");
    if (!this.element.isConnected) return;
    this.#endChart?.();
    this.#chart.replaceChildren();
    this.#endChart = drawEvidence(this.#chart, alert, timezone);
    const limited = alert.kind === "high_heart_rate" && alert.limit !== null;
    fill(
      this.#caption,
      this.#endChart
        ? h("span", "key key-heart", "Heart rate, beats a minute")
        : "No heart rate was measured.",
      this.#endChart && limited ? h("span", "key key-limit", `Limit ${Math.round(alert.limit!)}`) : null,
      this.#endChart && alert.kind === "cadence_lock" ? h("span", "key key-steps", "Steps a minute") : null,
      h("span", null, readingsOf(alert)),
    );
  }
}

function readingsOf({ evidence, readings }: AlertDetail): string {
  return readings > evidence.length
    ? `${evidence.length} of ${readings} readings`
    : readings === 1
      ? "1 reading"
      : `${readings} readings`;
}

type Fact = [name: string, value: Node | string];

function factsOf(alert: AlertDetail): Fact[] {
  const { reason, lat, lon, device, rules } = alert;
  const facts: Fact[] = [["Why", reason]];
  if (lat !== null && lon !== null) {
    const place = `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
    // Opens the maps of a phone; nobody else is told where somebody lies.
    facts.push(["Last position", h("a", { attrs: { href: `geo:${lat},${lon}` } }, place)]);
  }
  facts.push(["Device", device], ["Rules", rules === 0 ? "built in" : `version ${rules}`]);
  return facts;
}

const fact = (name: string, value: Node | string): HTMLElement =>
  h("div", null, h("dt", null, name), h("dd", null, value));

function stepOf(
  { state, atMs, by, note, reason }: AlertDetail["history"][number],
  { sinceMs }: AlertDetail,
  timezone: string | undefined,
): HTMLElement {
  // "over" is its state already.
  const why = state === "cleared" && reason !== "over" ? reason : "";
  const more = by === null ? why : `by ${by}`;
  return h(
    "li",
    null,
    h("span", "step-time", clockTime(atMs, timezone, sinceMs)),
    " ",
    h("strong", null, STATE_WORDS[state]),
    more ? ` ${more}` : null,
    note ? h("q", "note", note) : null,
  );
}
